//! The short texts of users and keys, each checked once.

use std::fmt;

use pledge_core::types::OutOfRange;

/// Texts that are kept as they were given, each with its check and its bound.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $what:literal $is_allowed:expr, $bound:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("The text, if it has ", $bound, ".")]
            pub fn new(text: &str) -> Result<Self, OutOfRange> {
                let is_allowed: fn(&str) -> bool = $is_allowed;
                if is_allowed(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(OutOfRange::new($what, format!("{text:?}"), $bound))
                }
            }

            /// The text, as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// The name by which a user signs in, and by which the audit log names it. Of all users that were not
    /// removed one has it.
    ///
    /// It has no capital letter, so that no two differ in case alone, and no `:` or `/`, so that it is taken
    /// for no id, address or key.
    UserName "name of a user" is_plain_name,
        "1 to 64 characters of a-z, 0-9 and -_., the first one a letter";
    /// What other people read for a user. It need not be unique and vouches for nothing.
    DisplayName "display name" |text| is_line(text, 64),
        "1 to 64 characters on one line, without spaces around them";
    /// The language that a user reads, as a tag of BCP 47, such as `zh` or `en-GB`.
    LanguageTag "language" is_language, "2 to 35 characters of A-Z, a-z, 0-9 and -";
    /// The name of a time zone in the database of IANA, such as `Asia/Shanghai`. Whether there is one of this
    /// name is for the caller to find out.
    TimeZoneName "time zone" is_time_zone, "1 to 64 characters of A-Z, a-z, 0-9 and -_+/";
    /// The name of a key, of which its owner has one.
    KeyName "name of an API key" is_plain_name,
        "1 to 64 characters of a-z, 0-9 and -_., the first one a letter";
    /// What an invitation is for, in the words of the one who made it.
    Note "note" |text| is_line(text, 200),
        "1 to 200 characters on one line, without spaces around them";
}

fn is_plain_name(text: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    text.len() <= 64 && begins_well && text.bytes().all(is_allowed)
}

fn is_line(text: &str, chars_max: usize) -> bool {
    let is_short = (1..=chars_max).contains(&text.chars().count());
    is_short && text.trim() == text && !text.chars().any(is_unseen)
}

/// Characters that end a line, or reorder or hide what is around them: a name with one of them reads as another.
fn is_unseen(char: char) -> bool {
    // Format characters and fillers of Unicode 17, but for those that an emoji is made of.
    let is_format = matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    char.is_control() || is_format
}

fn is_language(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    (2..=35).contains(&text.len()) && begins_well && text.bytes().all(is_allowed)
}

fn is_time_zone(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// What a client writes about itself, shortened to one line of 200 characters: for the list in which a user
/// knows its sign-ins again. It decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// The longest text, in characters.
    pub const CHARS_MAX: usize = 200;

    /// The beginning of a text, without what cannot be seen.
    pub fn new(text: &str) -> Self {
        let seen = text.chars().filter(|char| !is_unseen(*char));
        Self(seen.take(Self::CHARS_MAX).collect())
    }

    /// The shortened text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_user_is_one_plain_lowercase_word() {
        for name in ["a", "root", "anna.lee_2-x", &"a".repeat(64)] {
            assert_eq!(UserName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "Anna", "2nd", "-x", "a b", "a/b", "id:a", "ä", "a\n", &"a".repeat(65)] {
            assert!(UserName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_display_name_is_a_line_of_what_can_be_seen() {
        for name in ["Élise", "안나", "安娜 李", "Ada 🚀", &"ü".repeat(64)] {
            assert!(DisplayName::new(name).is_ok(), "{name:?}");
        }
        let hidden = [
            "a\u{202e}b",
            "a\u{200b}",
            "a\nb",
            "a\0",
            "a\u{61c}b",
            "a\u{180e}",
            "a\u{2066}b",
            "a\u{e0061}",
            "a\u{fff9}b\u{fffb}",
            "a\u{34f}b",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{2800}",
        ];
        for name in hidden.into_iter().chain(["", " a", "a ", &"ü".repeat(65)]) {
            assert!(DisplayName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_language_and_a_time_zone_are_short_names() {
        for tag in ["en", "zh-Hans-CN"] {
            assert!(LanguageTag::new(tag).is_ok(), "{tag}");
        }
        for tag in ["", "e", "en_GB", "1n", "en GB"] {
            assert!(LanguageTag::new(tag).is_err(), "{tag}");
        }
        for zone in ["UTC", "Asia/Shanghai", "Etc/GMT+8", "America/Port-au-Prince"] {
            assert!(TimeZoneName::new(zone).is_ok(), "{zone}");
        }
        for zone in ["", "Asia Shanghai", "../etc", "é"] {
            assert!(TimeZoneName::new(zone).is_err(), "{zone}");
        }
    }

    #[test]
    fn what_a_client_writes_about_itself_is_shortened_to_a_line() {
        let text = format!("Mozilla/5.0\r\nX: \u{202e}{}", "y".repeat(300));
        let agent = UserAgent::new(&text);
        assert!(agent.as_str().starts_with("Mozilla/5.0X: y"));
        assert_eq!(agent.as_str().chars().count(), UserAgent::CHARS_MAX);
    }
}
