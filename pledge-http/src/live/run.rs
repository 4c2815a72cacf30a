//! The tasks of a hub, as one.

use super::hub::Hub;
use super::{checks, follow, refresh};

impl Hub {
    /// Follows the log and serves the readers, for ever. Dropped, it serves nobody; called again, it goes on.
    pub async fn run(&self) {
        tokio::join!(
            follow::events(self),
            follow::chains(self),
            // Two, so that one state that is slow to read holds no other one up.
            refresh::states(self),
            refresh::states(self),
            checks::beats(self),
            checks::callers(self),
            checks::changed(self),
            checks::publish(self),
        );
    }
}
