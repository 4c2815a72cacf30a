//! How values look in answers.

use std::fmt::Display;

use pledge_core::primitives::Address;
use serde::{Serialize, Serializer};

/// An address with its EIP-55 checksum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eip55(pub(super) Address);

impl Serialize for Eip55 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Whether a number adds or takes away.
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
