//! The limit of a node, read out of the text of its refusal.
//!
//! Only a guess at what to try next: texts change, and some suggest ranges that their own node refuses.

/// The words before the number of blocks that a node takes, in lower case.
const CUES: [&str; 17] = [
    "up to a ",
    "up to ",
    "limit of ",
    "limited to a ",
    "limited to ",
    "max range: ",
    "requested blocks is ",
    "at most ",
    "block range: ",
    "allowed is ",
    "ranges over ",
    "block range ",
    "range exceeds ",
    "greater than ",
    "max is ",
    "smaller than size ",
    "maximum is set to ",
];

/// Things that nodes count apart from blocks.
const OTHER_UNITS: [&str; 7] = ["result", "log", "byte", "second", "mb", "kb", "item"];

/// How nodes refuse a question that asks for too much at once, in lower case.
const LIMITS: [&str; 10] = [
    "range",
    "limit",
    "exceed",
    "too many",
    "too large",
    "too wide",
    "more than",
    "greater than",
    "timeout",
    "timed out",
];

/// Whether the words are those of too much at once.
pub(crate) fn names_limit(text: &str) -> bool {
    let text = text.to_lowercase();
    LIMITS.iter().any(|words| text.contains(words))
}

/// Whether the words are those of too many contracts at once.
pub(crate) fn names_addresses(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("addresses") && names_limit(&text)
}

/// The number of blocks in a refusal: of the range that it suggests, else of the limit that it names.
pub(crate) fn blocks_at_most(text: &str) -> Option<u64> {
    let text = text.to_lowercase();
    suggested(&text).or_else(|| limit(&text))
}

/// `[0x1, 0x2]`, or `1-2` behind the word `range`. Either end may come first.
fn suggested(text: &str) -> Option<u64> {
    let after = |mark: char| text.match_indices(mark).map(move |(at, _)| &text[at + 1..]);
    let bracketed = after('[').find_map(|text| ends(text, ','));
    let dashed = || {
        let texts = text.match_indices("range ").map(|(at, word)| &text[at + word.len()..]);
        texts.into_iter().find_map(|text| ends(text, '-'))
    };
    let (one, other) = bracketed.or_else(dashed)?;
    one.abs_diff(other).checked_add(1)
}

fn ends(text: &str, between: char) -> Option<(u64, u64)> {
    let (one, other) = text.split_once(between)?;
    let (one, rest) = number(one.trim())?;
    let (other, _) = number(other.trim_start())?;
    rest.is_empty().then_some((one, other))
}

fn limit(text: &str) -> Option<u64> {
    // `logs matched by query exceeds limit of 10000`: the number is of logs, and no unit follows
    // it.
    if text.contains("logs matched") {
        return None;
    }
    let behind_cues = CUES
        .iter()
        .flat_map(|cue| text.match_indices(cue).map(move |(at, cue)| &text[at + cue.len()..]));
    let mut limits = behind_cues.filter_map(|text| {
        let (blocks, rest) = number(text)?;
        let unit = rest.trim_start();
        let counts_blocks = !OTHER_UNITS.iter().any(|other| unit.starts_with(other));
        counts_blocks.then_some(blocks)
    });
    limits.next()
}

/// The number at the start of a text, and what follows it: `0x10`, `10,000`, `10_000`, `10k`.
fn number(text: &str) -> Option<(u64, &str)> {
    if let Some(hex) = text.strip_prefix("0x") {
        let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let value = u64::from_str_radix(&hex[..end], 16).ok()?;
        return Some((value, &hex[end..]));
    }
    let is_part = |(at, c): (usize, char)| {
        let before_digit = text[at + c.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        c.is_ascii_digit() || (matches!(c, ',' | '_') && at > 0 && before_digit)
    };
    let end = text.char_indices().find(|part| !is_part(*part)).map_or(text.len(), |(at, _)| at);
    let digits: String = text[..end].chars().filter(char::is_ascii_digit).collect();
    let value: u64 = digits.parse().ok()?;
    match text[end..].strip_prefix('k') {
        Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            Some((value.checked_mul(1_000)?, rest))
        }
        _ => Some((value, &text[end..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_range_counts_both_of_its_ends() {
        for (text, blocks) in [
            ("try with this block range [0x10, 0x1f].", 16),
            ("try with this block range [0x10,0x1F]", 16),
            ("this block range should work: [0x1f, 0x10]", 16),
            ("this block range should work: [100,100]", 1),
            ("retry with the range 100-199", 100),
            ("retry with the range 0x10-0x1f.", 16),
        ] {
            assert_eq!(blocks_at_most(text), Some(blocks), "{text}");
        }
    }

    #[test]
    fn a_suggested_range_is_nearer_than_a_limit() {
        let text = "up to a 2K block range. This block range should work: [0x0, 0x9]";
        assert_eq!(blocks_at_most(text), Some(10));
    }

    #[test]
    fn a_number_is_read_in_every_spelling() {
        for number in ["10000", "10,000", "10_000", "10k", "10K", "0x2710"] {
            let text = format!("limited to a {number} blocks range");
            assert_eq!(blocks_at_most(&text), Some(10_000), "{text}");
        }
    }

    #[test]
    fn what_does_not_count_blocks_is_no_hint() {
        for text in [
            "",
            "no",
            "query returned more than 10000 results",
            "logs matched by query exceeds limit of 10000",
            "response size should not greater than 10000000 bytes",
            "limited to 10,000 logs",
            "block range is too wide",
            "invalid block height: 7",
            "up to a range of blocks",
            "[] range - [a, b] range 1-b",
            "limit of 99999999999999999999",
            "block range [0x0, 0xffffffffffffffff]",
        ] {
            assert_eq!(blocks_at_most(text), None, "{text}");
        }
    }
}
