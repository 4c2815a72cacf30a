//! `[server]`.

use std::net::SocketAddr;

use pledge_http::{Language, UnknownLanguage};

use super::section::{Shown, preset, section};
use super::{Key, Problems};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_LANGUAGE: &str = Language::English.name();

section! {
    /// The HTTP server.
    RawServer shown as ServerShown {
        /// Where the HTTP API listens; port 0 takes a free one.
        listen: String = preset(DEFAULT_LISTEN),
        /// The language of error messages, `en` or `zh`, for readers whose `Accept-Language` names
        /// neither.
        language: String = preset(DEFAULT_LANGUAGE),
    }
}

/// The HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The language of error messages, where the reader names none.
    pub language: Language,
}

impl ServerConfig {
    pub(super) fn check(raw: RawServer, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawServer { listen: text, language } = raw;
        let parsed = text.parse::<SocketAddr>().map_err(|_| {
            format!("`{text}` is not an address: write IP:PORT, such as {DEFAULT_LISTEN}")
        });
        let listen = problems.take(&key.child("listen"), parsed);
        let language = language.parse().map_err(|unknown: UnknownLanguage| unknown.to_string());
        let language = problems.take(&key.child("language"), language);
        Some(Self { listen: listen?, language: language? })
    }

    pub(super) fn shown(&self) -> ServerShown {
        let Self { listen, language } = self;
        ServerShown { listen: Shown::text(listen), language: Shown::text(language.name()) }
    }
}
