//! The connections of readers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::family::{counter, gauge};

/// Counts the connections of readers. A clone is another handle to the same counts.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMeter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
    broken: AtomicU64,
}

/// An open connection, until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Counts>);

impl ConnectionMeter {
    pub(crate) fn accepts(&self) -> OpenConnection {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self.0.clone())
    }

    pub(crate) fn refuses(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }
}

impl OpenConnection {
    /// It has to go for a new one.
    pub(crate) fn is_evicted(&self) {
        self.0.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// It ended in the middle: the client was too slow, sent what is no request, or went away.
    pub(crate) fn is_broken(&self) {
        self.0.broken.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Collector for ConnectionMeter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { open, accepted, refused, evicted, broken } = &*self.0;
        let encoder = &mut encoder;
        gauge(encoder, ("pledge_http_connections", "Open connections of readers"), read(open))?;
        let help = "Connections that were accepted";
        counter(encoder, ("pledge_http_connections_accepted", help), read(accepted))?;
        let help = "Connections that were refused, as there was no room";
        counter(encoder, ("pledge_http_connections_refused", help), read(refused))?;
        let help = "Connections that waited and were closed to make room for a new one";
        counter(encoder, ("pledge_http_connections_evicted", help), read(evicted))?;
        let help = "Connections that ended in the middle of a request or an answer";
        counter(encoder, ("pledge_http_connections_broken", help), read(broken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_as_open_until_it_ends() {
        let meter = ConnectionMeter::default();
        let open = || meter.0.open.load(Ordering::Relaxed);
        let connection = meter.accepts();
        assert_eq!(open(), 1);
        drop(connection);
        assert_eq!(open(), 0);
    }
}
