//! What `/readyz` shows of this process.

use std::sync::Arc;

use pledge_http::{Incident, Part, Process, Pulse};
use tokio_util::sync::CancellationToken;

use super::{Incidents, OpenIncident};
use crate::stores::{Cache, Stores};

/// This process, with its parts.
#[derive(Debug)]
pub struct ThisProcess {
    incidents: Incidents,
    redis: Option<Arc<dyn Cache>>,
    stop: CancellationToken,
}

impl ThisProcess {
    /// A process with these incidents and these stores, which is ending once `stop` is cancelled.
    pub fn new(incidents: Incidents, stores: &Stores, stop: CancellationToken) -> Self {
        Self { incidents, redis: stores.redis.clone(), stop }
    }
}

impl Process for ThisProcess {
    fn incidents(&self) -> Vec<Incident> {
        let open = self.incidents.list().into_iter();
        // The reason may contain hosts and their texts, so it is only in the log.
        open.map(|OpenIncident { chain, work, reason: _ }| Incident { chain, work }).collect()
    }

    fn parts(&self) -> Vec<Part> {
        let state = self.redis.as_ref().map(|redis| redis.state());
        vec![Part { name: "redis", state }]
    }

    fn is_ending(&self) -> bool {
        self.stop.is_cancelled()
    }
}

/// Reads the state of the store until `stop`, for the probes.
pub async fn keep_pulse(pulse: Pulse, stop: CancellationToken) -> anyhow::Result<()> {
    match stop.run_until_cancelled(pulse.keep()).await {
        None => Ok(()),
        Some(never) => match never {},
    }
}
