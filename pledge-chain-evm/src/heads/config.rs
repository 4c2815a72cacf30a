//! How to listen to a node.

use std::fmt;
use std::time::Duration;

use pledge_core::types::ChainId;
use url::Url;

use crate::redact::endpoint;

/// One node's WebSocket and the limits of listening to it.
///
/// Its `Debug` shows the host only: the rest of a url often holds an API key.
#[derive(Clone)]
pub struct HeadsConfig {
    /// The chain that must be behind the url.
    pub chain: ChainId,
    /// `ws` or `wss`, which trusts Mozilla's roots.
    pub url: Url,
    /// Longest time to connect and to subscribe, and for each ping to leave.
    pub answer_timeout: Duration,
    /// How often the node is pinged, not zero. One from which nothing comes between two pings is gone.
    pub ping_interval: Duration,
    /// Shortest time without a head that counts as silence. It is longer where heads usually take
    /// longer.
    pub silence_min: Duration,
    /// Wait before connecting again; it doubles with each, and up to as much again is added by chance.
    pub retry_delay_min: Duration,
    /// Longest wait, without what is added by chance.
    pub retry_delay_max: Duration,
}

impl HeadsConfig {
    /// A node of `chain` with limits that public nodes bear.
    pub const fn new(chain: ChainId, url: Url) -> Self {
        Self {
            chain,
            url,
            answer_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            silence_min: Duration::from_secs(60),
            retry_delay_min: Duration::from_secs(1),
            retry_delay_max: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for HeadsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadsConfig")
            .field("chain", &self.chain)
            .field("endpoint", &endpoint(&self.url))
            .field("answer_timeout", &self.answer_timeout)
            .field("ping_interval", &self.ping_interval)
            .field("silence_min", &self.silence_min)
            .finish_non_exhaustive()
    }
}
