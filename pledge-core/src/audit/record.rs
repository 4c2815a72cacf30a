//! An act with its number.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Act, Attribution};

/// A record's number: ascending in the order in which records become visible, unique, with gaps.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AuditNumber(u64);

impl AuditNumber {
    /// The number before the first: no record has it.
    pub const START: Self = Self(0);
    /// The highest number that an archive may have, 2^52 - 1. Every reader of JSON keeps numbers up to
    /// 2^53 - 1 exactly, so a store that an archive fills has as many left.
    pub const ARCHIVED_MAX: Self = Self((1 << 52) - 1);

    /// Wraps a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, 0 only for [`AuditNumber::START`].
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next number.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no store holds 2^64 records"))
    }
}

impl fmt::Display for AuditNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a person did: never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its position among all records of the store.
    pub number: AuditNumber,
    /// Who did it, when and why.
    pub by: Attribution,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}
