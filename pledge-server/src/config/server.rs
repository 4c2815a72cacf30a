//! `[server]`.

use std::net::SocketAddr;

use super::section::{Shown, optional, preset, section};
use super::{Key, Problems};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const OPERATIONS: &str = "operations_listen";
const OPERATIONS_EXAMPLE: &str = "127.0.0.1:9090";

section! {
    /// The HTTP server.
    RawServer shown as ServerShown {
        /// Where the HTTP API listens; port 0 takes a free one.
        listen: String = preset(DEFAULT_LISTEN),
        /// Where `/metrics` and the full answer of `/readyz` are served, for no reader from outside; port 0 takes
        /// a free one. Without it both are on `listen` if that is a loopback address, and nowhere if it is not.
        operations_listen: Option<String> = optional("127.0.0.1:9090"),
    }
}

/// The HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where operators look in, if that is elsewhere.
    pub operations_listen: Option<SocketAddr>,
}

impl ServerConfig {
    pub(super) fn check(raw: RawServer, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawServer { listen, operations_listen } = raw;
        let mut address = |name, text: String, example| {
            let parsed = text.parse::<SocketAddr>().map_err(|_| {
                format!("`{text}` is not an address: write IP:PORT, such as {example}")
            });
            problems.take(&key.child(name), parsed)
        };
        // Both are checked before either is missing, so that the user sees every wrong key at once.
        let listen = address("listen", listen, DEFAULT_LISTEN);
        let operations_listen = match operations_listen {
            None => Some(None),
            Some(text) => address(OPERATIONS, text, OPERATIONS_EXAMPLE).map(Some),
        };
        let (listen, operations_listen) = (listen?, operations_listen?);
        if operations_listen.is_some_and(|other| other == listen && other.port() != 0) {
            let what = format!("{listen} is server.listen: choose another port, or leave it out");
            problems.add(&key.child(OPERATIONS), what);
            return None;
        }
        Some(Self { listen, operations_listen })
    }

    pub(super) fn shown(&self) -> ServerShown {
        let Self { listen, operations_listen } = self;
        ServerShown {
            listen: Shown::text(listen),
            operations_listen: operations_listen.map_or(Shown::Nothing, Shown::text),
        }
    }
}
