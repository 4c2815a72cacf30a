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
