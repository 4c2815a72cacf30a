//! Block time and the windows that divide it.

use std::fmt;
use std::num::NonZeroU64;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::OutOfRange;

/// Unix seconds of a block's header, or of a clock. Below 2^40, so that a balance integral has a bound.
///
/// It displays as RFC 3339 in UTC, `2026-01-01T15:00:00Z`, and is a number in JSON.
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

    /// The second of a wall clock. An error for a clock before 1970.
    pub fn of_clock(now: SystemTime) -> Result<Self, OutOfRange> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.map_err(|_| {
            OutOfRange::new("time", "of the clock", "1970 or later: set this machine's clock")
        })?;
        Self::new(since.as_secs())
    }

    /// The time in unix seconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Seconds since an earlier instant; `None` if that one is later.
    pub const fn seconds_since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// The instant `seconds` later; `None` above [`Timestamp::MAX`].
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        Self::new(self.0.checked_add(seconds)?).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / SECONDS_PER_DAY, self.0 % SECONDS_PER_DAY);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

const SECONDS_PER_DAY: u64 = 86_400;

/// Year, month and day of a number of days since the start of 1970, in the Gregorian calendar.
const fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is the last of its year; eras have 400 years.
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, january_on) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + january_on, month, day)
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
    /// One hour, the default length.
    pub const HOUR: Self = Self(NonZeroU64::new(3_600).expect("3600 is not zero"));
    const LIMIT: u64 = 366 * 86_400;

    /// A length in seconds, from one second to a year.
    pub fn new(seconds: u64) -> Result<Self, OutOfRange> {
        NonZeroU64::new(seconds)
            .filter(|length| length.get() <= Self::LIMIT)
            .map(Self)
            .ok_or_else(|| OutOfRange::new("window length", seconds, "1 second to 366 days"))
    }

    /// The length in seconds.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The last window edge at or before `time`.
    pub const fn floor(self, time: Timestamp) -> Timestamp {
        Timestamp(time.0 - time.0 % self.0.get())
    }

    /// The window that contains `time`: a time on an edge belongs to the window that begins there.
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
    /// First instant of the window.
    pub start: Timestamp,
    /// First instant after the window.
    pub end: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_as_rfc_3339_and_is_a_number_in_json() {
        let shown = |seconds| Timestamp::new(seconds).unwrap().to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(shown(1_767_283_200), "2026-01-01T16:00:00Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00Z", "2100 has no leap day");
        assert_eq!(Timestamp::MAX.to_string(), "36812-02-20T00:36:15Z");
        assert_eq!(serde_json::to_string(&Timestamp::new(5).unwrap()).unwrap(), "5");
    }
}
