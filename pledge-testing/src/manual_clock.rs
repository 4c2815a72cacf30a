//! A clock that moves when told to.

use std::sync::Mutex;
use std::time::Duration;

use pledge_core::stop::Clock;

/// Stands still until it is advanced.
#[derive(Debug, Default)]
pub struct ManualClock {
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().expect("no holder panics") += by;
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().expect("no holder panics")
    }
}
