//! A clock that moves only when a test advances it.

use std::sync::Mutex;
use std::time::Duration;

use pledge_core::stop::Clock;

/// A clock that is constant until it is advanced.
#[derive(Debug, Default)]
pub struct ManualClock {
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().expect("no holder panics") += by;
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().expect("no holder panics")
    }
}

/// The time that passed since 1970.
#[cfg(feature = "office")]
impl pledge_office::base::WallClock for ManualClock {
    fn now(&self) -> pledge_core::types::Timestamp {
        let seconds = self.elapsed().as_secs();
        pledge_core::types::Timestamp::new(seconds).expect("a test stays below the year 36812")
    }
}
