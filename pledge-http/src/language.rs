//! The languages of what the API states to people.
//!
//! A handler returns a problem in no language; [`localized`](crate::localized) gives it the reader's, by
//! `Accept-Language`. What programs read (`type`, `code`, `status`, names and numbers) has no language.

mod catalogue;
mod preferred;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderMap, header};

use catalogue::Catalogue;

/// A language in which errors are worded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

impl Language {
    /// Its tag in `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// Its short name, `en` or `zh`: what [`FromStr`] reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The text of a key with its arguments.
    pub(crate) fn text(self, key: &str, arguments: &[(&'static str, &str)]) -> String {
        Catalogue::of(self).text(key, arguments)
    }

    /// The reader's language; this one for a reader who names none of them.
    pub(crate) fn or_preferred(self, headers: &HeaderMap) -> Self {
        // Several lines are one list.
        let lines = headers.get_all(header::ACCEPT_LANGUAGE).into_iter();
        let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
        Self::preferred(&lines.join(","), self)
    }
}

/// A text is no name of a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLanguage(String);

impl fmt::Display for UnknownLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no language of the API: write en or zh", self.0)
    }
}

impl Error for UnknownLanguage {}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, UnknownLanguage> {
        let named = [Self::English, Self::Chinese].into_iter().find(|one| one.name() == name);
        named.ok_or_else(|| UnknownLanguage(name.to_owned()))
    }
}
