//! Hints of new events and changed rights, from one instance to the others.

use async_trait::async_trait;
use pledge_http::live::{EventHints, Hub};

/// Hints between the instances that share a store. All of them may be lost.
#[async_trait]
pub trait SharedHints: EventHints {
    /// Passes the hints of other instances on to a hub, for ever.
    async fn listen(&self, hub: &Hub);
}
