//! How long ago a block was mined, by the clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pledge_core::types::Timestamp;
use serde::Serialize;

/// Seconds since a block; negative if its time is ahead of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Age(i64);

impl Age {
    /// The age of a block of this time, at this time of the clock.
    pub fn of(time: Timestamp, now: SystemTime) -> Self {
        let mined = UNIX_EPOCH + Duration::from_secs(time.get());
        let seconds = |lasted: Duration| i64::try_from(lasted.as_secs()).unwrap_or(i64::MAX);
        Self(match now.duration_since(mined) {
            Ok(age) => seconds(age),
            Err(ahead) => -seconds(ahead.duration()),
        })
    }

    /// The seconds since the block; negative if its time is ahead of the clock.
    pub const fn seconds(self) -> i64 {
        self.0
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
    }
}
