//! What the live routes need from their host.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::admission::{Admission, Admitted};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::ports::EventReads;
use pledge_core::query::Queries;
use pledge_office::access::{Authenticator, RightsOf};

use super::queue::QueueBounds;

/// What the live routes are made of.
#[derive(Debug, Clone)]
pub struct LiveParts {
    /// The log of events, which is the truth.
    pub events: Arc<dyn EventReads>,
    /// Reads of states, for readers outside.
    pub queries: Queries,
    /// The entrance that every read for readers goes through, those of other routes included.
    pub turns: Turns,
    /// Who finds out who a reader is; without one every reader is anonymous.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// Whether everyone may read what is public.
    pub public_reads: bool,
    /// The sites whose scripts may open a stream.
    pub origins: Arc<dyn AllowedOrigins>,
    /// How other instances learn of new events and changed rights, if there are others.
    pub hints: Option<Arc<dyn EventHints>>,
    /// The bounds of readers.
    pub limits: LiveLimits,
}

/// The sites whose scripts may open a stream, besides the one that serves it.
pub trait AllowedOrigins: Debug + Send + Sync + 'static {
    /// Whether a site is one of them, by its `Origin`.
    fn contain(&self, origin: &[u8]) -> bool;
}

/// No other site.
#[derive(Debug, Clone, Copy)]
pub struct OwnOrigin;

impl AllowedOrigins for OwnOrigin {
    fn contain(&self, _: &[u8]) -> bool {
        false
    }
}

/// Lets other instances know of new events and of changed rights. A hint that is lost costs the time after which
/// they look by themselves, and nothing else.
#[async_trait]
pub trait EventHints: Debug + Send + Sync + 'static {
    /// Passes on that the log has events up to this one.
    async fn publish(&self, newest: EventSeq);

    /// Passes on whose rights may have changed.
    async fn publish_rights(&self, of: RightsOf);
}

/// The entrance of readers: how many read at once, and how long the others wait. A clone is another handle
/// to the same entrance.
#[derive(Debug, Clone)]
pub struct Turns {
    /// How many are served and wait.
    pub admission: Admission,
    /// How long each waits at most.
    pub wait: Duration,
}

impl Turns {
    /// A turn, until what is returned is dropped; `Busy` where there is none in time.
    pub async fn take(&self) -> Result<Admitted, StoreError> {
        self.admission.admit(tokio::time::sleep(self.wait)).await.map_err(|refused| {
            StoreError::new(StoreErrorKind::Busy, "take a turn", refused.to_string())
        })
    }
}

/// The bounds of what readers may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// The most topics that one reader follows.
    pub topics_max: usize,
    /// The most accounts that all readers of the process follow, each counted once.
    pub accounts_max: usize,
    /// The most events that wait for one reader; one more, and it is cut.
    pub waiting_events_max: usize,
    /// The most bytes that wait for one reader.
    pub waiting_bytes_max: usize,
    /// The most events by which a reader may be behind when it comes back; one more, and it begins with a
    /// snapshot.
    pub replayed_events_max: u64,
    /// The largest message of a reader, in bytes.
    pub message_bytes_max: usize,
    /// How long one message to a reader may take.
    pub write_deadline: Duration,
    /// How long the log is not read while no hint comes.
    pub look_every: Duration,
    /// How often rights are looked at whatever happens: a session may end without a hint.
    pub check_every: Duration,
    /// How often states are read again whatever happens: some facts, as a pause of a token, leave no event.
    pub reread_every: Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            topics_max: 100,
            accounts_max: 2_000,
            waiting_events_max: 1_024,
            waiting_bytes_max: 1 << 20,
            replayed_events_max: 10_000,
            message_bytes_max: 64 << 10,
            write_deadline: Duration::from_secs(15),
            look_every: Duration::from_secs(1),
            check_every: Duration::from_secs(10),
            reread_every: Duration::from_secs(30),
        }
    }
}

impl LiveLimits {
    pub(super) const fn queue(&self) -> QueueBounds {
        let (events_max, bytes_max) = (self.waiting_events_max, self.waiting_bytes_max);
        QueueBounds { events_max, bytes_max }
    }
}
