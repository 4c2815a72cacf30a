//! A clock that moves only when a test advances it.

use std::time::Duration;

use pledge_core::stop::Clock;
use tokio::sync::watch;

/// A clock that is constant until it is advanced.
#[derive(Debug, Default)]
pub struct ManualClock {
    elapsed: watch::Sender<Duration>,
}

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }
}

/// Its waits end when a test advances it.
#[cfg(feature = "office")]
#[async_trait::async_trait]
impl pledge_office::base::Timer for ManualClock {
    async fn sleep(&self, duration: Duration) {
        let mut elapsed = self.elapsed.subscribe();
        let until = self.elapsed() + duration;
        elapsed.wait_for(|now| *now >= until).await.expect("the clock is borrowed until then");
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
