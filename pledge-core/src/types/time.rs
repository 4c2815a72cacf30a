//! Block time and the windows that divide it.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::OutOfRange;

/// Unix seconds of a block's header. Below 2^40, so that a balance integral has a bound.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of 1970.
    pub const ZERO: Self = Self(0);
    /// The last instant a block may have, 2^40 - 1 (the year 36812).
    pub const MAX: Self = Self((1 << 40) - 1);

    /// Unix seconds up to [`Timestamp::MAX`].
    pub fn new(seconds: u64) -> Result<Self, OutOfRange> {
        if seconds <= Self::MAX.0 {
            Ok(Self(seconds))
        } else {
            Err(OutOfRange::new("time", seconds, "unix seconds below 2^40"))
        }
    }

    /// Unix seconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Seconds since an earlier instant, `None` if it is later.
    pub const fn seconds_since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// The instant `seconds` later, if it is still an instant.
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        Self::new(self.0.checked_add(seconds)?).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u64> for Timestamp {
    type Error = OutOfRange;

    fn try_from(seconds: u64) -> Result<Self, OutOfRange> {
        Self::new(seconds)
    }
}

impl From<Timestamp> for u64 {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

/// How long a settlement window is. Windows are aligned to their length since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct WindowLength(NonZeroU64);

impl WindowLength {
    /// One hour.
    pub const HOUR: Self = Self(NonZeroU64::new(3_600).expect("3600 is not zero"));
    const LIMIT: u64 = 366 * 86_400;

    /// A length in seconds, from one second to a year.
    pub fn new(seconds: u64) -> Result<Self, OutOfRange> {
        NonZeroU64::new(seconds)
            .filter(|length| length.get() <= Self::LIMIT)
            .map(Self)
            .ok_or_else(|| OutOfRange::new("window length", seconds, "1 second to 366 days"))
    }

    /// Seconds.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The last window edge at or before `time`.
    pub const fn floor(self, time: Timestamp) -> Timestamp {
        Timestamp(time.0 - time.0 % self.0.get())
    }

    /// The window that `time` falls into: a time on an edge belongs to the window it opens.
    pub fn window_of(self, time: Timestamp) -> Window {
        let start = self.floor(time);
        Window { start, end: Timestamp(start.0.saturating_add(self.get()).min(Timestamp::MAX.0)) }
    }
}

impl TryFrom<u64> for WindowLength {
    type Error = OutOfRange;

    fn try_from(seconds: u64) -> Result<Self, OutOfRange> {
        Self::new(seconds)
    }
}

impl From<WindowLength> for u64 {
    fn from(length: WindowLength) -> Self {
        length.get()
    }
}

/// A half-open interval `[start, end)` of block time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}
