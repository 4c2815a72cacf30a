//! The language that a reader prefers.

use super::Language;

/// The weight of a language that is named without one, in thousandths.
const WHOLE: u16 = 1_000;

impl Language {
    /// The one of the languages that an `Accept-Language` prefers; `default` if it prefers none of them. A
    /// region or script counts as its language: `zh-CN`, `zh-Hans` and `zh-TW` are Chinese. `*` is every
    /// language that is not named.
    pub(super) fn preferred(accepted: &str, default: Self) -> Self {
        let (mut any, mut named) = (None, Vec::new());
        for range in accepted.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default();
            let weight = parts.find_map(weight_of).map_or(WHOLE, thousandths);
            match Self::of_range(range) {
                Some(language) => named.push((language, weight)),
                None if range == "*" => any = Some(weight),
                None => {}
            }
        }
        let other = [Self::English, Self::Chinese].into_iter().find(|other| *other != default);
        let unnamed = [Some(default), other].into_iter().flatten();
        let unnamed = unnamed.filter(|one| named.iter().all(|(language, _)| language != one));
        let unnamed: Vec<_> = unnamed.zip(std::iter::repeat(any)).collect();
        let unnamed = unnamed.into_iter().filter_map(|(one, weight)| Some((one, weight?)));
        let mut best: Option<(Self, u16)> = None;
        for (language, weight) in named.iter().copied().chain(unnamed) {
            // The first of equals is preferred.
            if weight > 0 && best.is_none_or(|(_, most)| weight > most) {
                best = Some((language, weight));
            }
        }
        best.map_or(default, |(language, _)| language)
    }

    fn of_range(range: &str) -> Option<Self> {
        match range.split('-').next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }
}

/// The weight in a parameter, whose name has any case.
fn weight_of(parameter: &str) -> Option<&str> {
    parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))
}

/// A weight from `0` to `1` with at most three places, in thousandths; 0 for what is none.
fn thousandths(weight: &str) -> u16 {
    let (whole, places) = weight.split_once('.').unwrap_or((weight, ""));
    if places.len() > 3 || !places.bytes().all(|place| place.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "0" => format!("{places:0<3}").parse().unwrap_or(0),
        "1" if places.bytes().all(|place| place == b'0') => WHOLE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_weight_is_preferred_and_the_first_of_equals() {
        use Language::{Chinese, English};
        let cases = [
            ("zh", Some(Chinese)),
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Chinese)),
            ("zh-Hans-CN", Some(Chinese)),
            ("ZH-tw", Some(Chinese)),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Some(English)),
            ("en;q=0.7, zh-Hans;q=0.71", Some(Chinese)),
            ("en;q=0.5,zh;q=0.5", Some(English)),
            ("zh;q=0,en;q=0.001", Some(English)),
            ("fr,de;q=0.9,zh;q=0.1", Some(Chinese)),
            ("en;q=0.9;x=1,zh;q=1.000", Some(Chinese)),
            ("zh;q=2,en;q=0.1", Some(English)),
            ("zh;q=0", None),
            ("zh;Q=0,en;q=0.1", Some(English)),
            ("*;q=0.5,zh;q=0.1", Some(English)),
            ("zh;q=0.1,*;q=0", Some(Chinese)),
            ("en;q=0,*", Some(Chinese)),
            ("fr", None),
            ("*", None),
            ("", None),
            (";;,,q=1", None),
        ];
        for (accepted, expected) in cases {
            for default in [English, Chinese] {
                let preferred = Language::preferred(accepted, default);
                assert_eq!(preferred, expected.unwrap_or(default), "{accepted}");
            }
        }
    }
}
