//! The names in `[chains.NAME]`, `[chains.NAME.tokens.NAME]` and `[chains.NAME.contracts.NAME]`.

use super::{Key, Problems};

/// The longest name of a chain or token.
pub(super) const NAME_CHARS_MAX: usize = 64;

/// Checks a name, and returns whether it is one. Environment variables name it too: they are
/// lower-cased, cannot contain `-` and split at `__`. The command line also takes a chain's id, so
/// a name must not be digits alone.
pub(super) fn check_name(name: &str, chars_max: usize, key: &Key, problems: &mut Problems) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = (1..=chars_max).contains(&name.len()) && name.chars().all(allowed);
    if !fits || name.contains("__") || name.starts_with('_') || name.ends_with('_') {
        let what = format!(
            "is not a name: use 1 to {chars_max} of a-z, 0-9 and single _ between them, so that the \
             environment can reach it"
        );
        problems.add(key, what);
        false
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.add(key, "is not a name but a number: use at least one letter");
        false
    } else {
        true
    }
}
