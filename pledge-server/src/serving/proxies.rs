//! The proxies before the server.

use std::net::IpAddr;
use std::sync::{Arc, Once};

use axum::http::HeaderMap;

use super::client::{Client, FORWARDED_FOR};
use crate::config::Networks;

/// The proxies that are trusted. A clone is another handle to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trusted: Networks,
    /// Whether one that may have been forgotten was reported.
    reported: Once,
}

impl Default for Inner {
    fn default() -> Self {
        Self { trusted: Networks::default(), reported: Once::new() }
    }
}

impl Proxies {
    pub(super) fn new(trusted: Networks) -> Self {
        Self(Arc::new(Inner { trusted, reported: Once::new() }))
    }

    pub(super) fn trusted(&self) -> &Networks {
        &self.0.trusted
    }

    /// Reports a proxy that was forgotten, which makes one client of all of its own. Further away, who
    /// writes the header forges it.
    pub(super) fn notice(&self, client: Client, headers: &HeaderMap) {
        let Client { address, is_proxied, .. } = client;
        if is_proxied || !is_near(address) || !headers.contains_key(FORWARDED_FOR) {
            return;
        }
        self.0.reported.call_once(|| {
            tracing::warn!(
                "all clients behind {address} count as one: if it is a proxy of yours, name it in \
                 server.trusted_proxies"
            );
        });
    }
}

/// Whether an address is of this machine or of a private network.
const fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}
