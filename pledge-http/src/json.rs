//! The form of values in answers.

use std::fmt::Display;

pub(super) use crate::views::Eip55;

/// The sign of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// The decimal text with its sign; zero has none.
    pub(super) fn of(self, magnitude: impl Display) -> String {
        let text = magnitude.to_string();
        if self == Self::Plus || text == "0" { text } else { format!("-{text}") }
    }
}
