//! The clocks: the database's, which decides, the machine's, and one that measures.

use std::fmt;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::stop::Clock;
use pledge_core::types::{OutOfRange, Timestamp};

/// An instant of the database's clock, in milliseconds since 1970.
///
/// Whether a claim has ended or a message is due is judged by it, since the instances' own clocks
/// differ. It may jump, either way, as any clock that a person sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTime(u64);

impl StoreTime {
    /// The last instant, that of [`Timestamp::MAX`] with its milliseconds.
    pub const MAX: Self = Self((1 << 40) * 1_000 - 1);

    /// Milliseconds since 1970, up to [`StoreTime::MAX`].
    pub fn new(millis: u64) -> Result<Self, OutOfRange> {
        if millis <= Self::MAX.0 {
            Ok(Self(millis))
        } else {
            Err(OutOfRange::new("time", millis, "milliseconds since 1970, of seconds below 2^40"))
        }
    }

    /// Milliseconds since 1970.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The instant a duration later, in whole milliseconds; `None` above [`StoreTime::MAX`].
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let millis = u64::try_from(duration.as_millis()).ok()?;
        Self::new(self.0.checked_add(millis)?).ok()
    }

    /// The instant a duration earlier, in whole milliseconds; `None` before 1970.
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        let millis = u64::try_from(duration.as_millis()).ok()?;
        self.0.checked_sub(millis).map(Self)
    }
}

/// As RFC 3339, in whole seconds.
impl fmt::Display for StoreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Timestamp::new(self.0 / 1_000).map_err(|_| fmt::Error)?)
    }
}

/// The clock of this machine. It dates what comes from outside and has no time of its own; it decides no
/// amount, and nothing that instances share.
///
/// It may jump, either way. For durations there is [`Timer`].
pub trait WallClock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A clock that only goes forward, and ends waits. It measures what this process does, and decides no amount.
///
/// # Contract
/// - A wait ends once the clock has gone forward by its duration since the call, and not before.
/// - A wait that is dropped ends nothing else.
#[async_trait]
pub trait Timer: Clock {
    /// Waits for a duration.
    async fn sleep(&self, duration: Duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_moved_by_whole_milliseconds_and_never_wraps() {
        let at = |millis| StoreTime::new(millis).unwrap();
        let short = Duration::from_micros(1_999);
        assert_eq!(at(5).checked_add(short), Some(at(6)));
        assert_eq!(at(5).checked_sub(short), Some(at(4)));
        assert_eq!(StoreTime::MAX.checked_add(Duration::from_millis(1)), None);
        assert_eq!(at(5).checked_sub(Duration::from_millis(6)), None);
        assert_eq!(at(5).checked_add(Duration::MAX), None);
        assert!(StoreTime::new(StoreTime::MAX.get() + 1).is_err());
    }

    #[test]
    fn a_time_is_shown_in_whole_seconds() {
        assert_eq!(StoreTime::new(1_767_283_200_999).unwrap().to_string(), "2026-01-01T16:00:00Z");
        assert_eq!(StoreTime::MAX.to_string(), Timestamp::MAX.to_string());
    }
}
