//! Numbers of what people decide about points, and names of sets of accounts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{OutOfRange, checked_name};

/// The number of a decision, and of each account's entry in it: ascending in the order in which
/// decisions become visible, unique in a store.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EntryNumber(u64);

impl EntryNumber {
    /// The number before the first: a programme as it was added.
    pub const START: Self = Self(0);
    /// The highest number that an archive may have, 2^52 - 1: a store that it fills has as many left.
    pub const ARCHIVED_MAX: Self = Self((1 << 52) - 1);

    /// Wraps a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, 0 only for [`EntryNumber::START`].
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is the number before the first.
    pub const fn is_start(&self) -> bool {
        self.0 == 0
    }

    /// The next number.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no store holds 2^64 decisions"))
    }
}

impl fmt::Display for EntryNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a set of accounts with a bonus, unique in its programme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetName(String);

impl SetName {
    /// A name of 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        checked_name("bonus set", name).map(Self)
    }

    /// The name, as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SetName {
    type Err = OutOfRange;

    fn from_str(name: &str) -> Result<Self, OutOfRange> {
        Self::new(name)
    }
}

impl TryFrom<String> for SetName {
    type Error = OutOfRange;

    fn try_from(name: String) -> Result<Self, OutOfRange> {
        Self::new(&name)
    }
}

impl From<SetName> for String {
    fn from(name: SetName) -> Self {
        name.0
    }
}
