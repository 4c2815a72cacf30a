//! What keeps readers outside within bounds, and who closes their connections.

use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pledge_core::admission::{Admission, Admitted, Refused};
use pledge_core::error::StoreErrorKind;

use crate::fault::Fault;

/// How much readers outside may ask of a store at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderBounds {
    /// Reads under way, and connections for them.
    pub connections: NonZeroU16,
    /// Reads that wait for one of these to end. One more is refused at once.
    pub waiting: u16,
    /// How long a read waits at most.
    pub wait: Duration,
}

/// How much those may ask of a store at once who sign in and act from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerBounds {
    /// Their reads, over connections of their own.
    pub reads: ReaderBounds,
    /// Their writes, over the store's connections: at most this number of them.
    pub writes: ReaderBounds,
}

/// What each call from outside passes before it takes a connection.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    admission: Admission,
    bounds: ReaderBounds,
}

impl Entrance {
    pub(crate) fn new(bounds: ReaderBounds) -> Self {
        Self { admission: Admission::new(bounds.connections, bounds.waiting), bounds }
    }

    pub(crate) async fn admit(&self) -> Result<Admitted, Fault> {
        let ReaderBounds { connections, waiting, wait } = self.bounds;
        let admitted = self.admission.admit(tokio::time::sleep(wait)).await;
        admitted.map_err(|refused| {
            let detail = match refused {
                Refused::Full => format!("calls under way: {connections}, waiting: {waiting}"),
                Refused::Late => {
                    format!("calls under way: {connections}, no turn came in {wait:?}")
                }
            };
            Fault::new(StoreErrorKind::Busy, detail).caused_by(refused)
        })
    }
}

/// The databases of handles for readers outside.
#[derive(Debug, Clone)]
pub(crate) struct Outside<D>(Arc<Mutex<Handles<D>>>);

#[derive(Debug)]
struct Handles<D> {
    open: Vec<D>,
    is_closed: bool,
}

impl<D> Default for Outside<D> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Handles { open: Vec::new(), is_closed: false })))
    }
}

impl<D: Clone> Outside<D> {
    /// Keeps one more, unless they are closed: after that none would close it.
    pub(crate) fn open(&self, open: impl FnOnce() -> D) -> Result<D, Fault> {
        let mut handles = self.0.lock().expect("no holder panics");
        if handles.is_closed {
            return Err(Fault::unavailable("the store is closed"));
        }
        let database = open();
        handles.open.push(database.clone());
        Ok(database)
    }

    /// Opens none any more, and returns those to close. They stay listed, so that a call that is
    /// dropped in the middle of closing leaves them to the next.
    pub(crate) fn close(&self) -> Vec<D> {
        let mut handles = self.0.lock().expect("no holder panics");
        handles.is_closed = true;
        handles.open.clone()
    }
}
