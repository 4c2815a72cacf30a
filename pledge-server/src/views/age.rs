//! How long ago a block was mined, by the clock of this machine.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pledge_core::types::Timestamp;
use serde::Serialize;

/// Seconds since a block; negative if its time is ahead of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Age(i64);

impl Age {
    pub(crate) fn of(time: Timestamp, now: SystemTime) -> Self {
        let mined = UNIX_EPOCH + Duration::from_secs(time.get());
        let seconds = |lasted: Duration| i64::try_from(lasted.as_secs()).unwrap_or(i64::MAX);
        Self(match now.duration_since(mined) {
            Ok(age) => seconds(age),
            Err(ahead) => -seconds(ahead.duration()),
        })
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasts = humantime::format_duration(Duration::from_secs(self.0.unsigned_abs()));
        if self.0 < 0 { write!(f, "{lasts} ahead of the clock") } else { write!(f, "{lasts} ago") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(time: u64, now: u64) -> Age {
        Age::of(Timestamp::new(time).unwrap(), UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn the_age_of_a_block_is_in_seconds_and_negative_ahead_of_the_clock() {
        assert_eq!((age(100, 161), age(161, 100), age(7, 7)), (Age(61), Age(-61), Age(0)));
        assert_eq!(age(100, 161).to_string(), "1m 1s ago");
        assert_eq!(age(161, 100).to_string(), "1m 1s ahead of the clock");
    }
}
