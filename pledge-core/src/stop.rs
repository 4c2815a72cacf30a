//! When to stop: on request, or at a deadline.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A clock that only goes forward. It wakes and stops jobs; it never decides an amount.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since an origin of the clock's own choice.
    fn elapsed(&self) -> Duration;
}

/// A request to stop, checked by a driver after each bounded piece of work.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    requested: CancellationToken,
    deadline: Option<(Arc<dyn Clock>, Duration)>,
}

impl Stop {
    /// Never stops, unless [`Stop::request`] is called.
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops once the token is cancelled.
    pub fn when(requested: CancellationToken) -> Self {
        Self { requested, deadline: None }
    }

    /// Also stops once the clock reads `elapsed` or more.
    #[must_use]
    pub fn or_at(self, clock: Arc<dyn Clock>, elapsed: Duration) -> Self {
        Self { deadline: Some((clock, elapsed)), ..self }
    }

    /// Asks every holder of this or a clone to stop.
    pub fn request(&self) {
        self.requested.cancel();
    }

    /// Whether the driver must stop now.
    pub fn is_requested(&self) -> bool {
        let past = |(clock, at): &(Arc<dyn Clock>, Duration)| clock.elapsed() >= *at;
        self.requested.is_cancelled() || self.deadline.as_ref().is_some_and(past)
    }
}
