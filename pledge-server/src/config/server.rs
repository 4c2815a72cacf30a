//! `[server]`.

use std::net::SocketAddr;

use super::section::{Shown, preset, section};
use super::{Key, Problems};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

section! {
    /// The HTTP server.
    RawServer shown as ServerShown {
        /// Where the HTTP API listens; port 0 takes a free one.
        listen: String = preset(DEFAULT_LISTEN),
    }
}

/// The HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl ServerConfig {
    pub(super) fn check(raw: RawServer, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawServer { listen: text } = raw;
        let parsed = text.parse::<SocketAddr>().map_err(|_| {
            format!("`{text}` is not an address: write IP:PORT, such as {DEFAULT_LISTEN}")
        });
        let listen = problems.take(&key.child("listen"), parsed)?;
        Some(Self { listen })
    }

    pub(super) fn shown(&self) -> ServerShown {
        let Self { listen } = self;
        ServerShown { listen: Shown::text(listen) }
    }
}
