//! Which lines are logged, which may change while a process runs.

use std::fmt;

use tracing_subscriber::layer::Layered;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::LogFiles;
use crate::config::LogLevel;

/// The WebSocket library logs the url of every handshake, with its API key, and every message of a
/// node.
const NEVER: [&str; 2] = ["tungstenite=off", "tungstenite::handshake::client=off"];

/// The layers below the filter: the files, and the lines on standard error above them.
type Files = Layered<LogFiles, Registry>;
type Lines = Layered<Box<dyn Layer<Files> + Send + Sync>, Files>;

/// The filter of the lines that are logged. A clone is another handle to the same.
#[derive(Clone)]
pub struct LogSelection {
    filter: Handle<EnvFilter, Lines>,
    /// What the command logs without a choice.
    usual: String,
    /// Whether `RUST_LOG` is set, which nothing overrules.
    is_fixed: bool,
}

impl LogSelection {
    pub(super) fn new(filter: Handle<EnvFilter, Lines>, usual: &str, is_fixed: bool) -> Self {
        Self { filter, usual: usual.to_owned(), is_fixed }
    }

    /// Logs what a configuration selects from now on, or what is usual. Where `RUST_LOG` is set it does nothing,
    /// and warns of a level that is overruled.
    pub fn choose(&self, level: Option<&LogLevel>) {
        if self.is_fixed {
            if level.is_some() {
                tracing::warn!("logs.level is overruled by {}", EnvFilter::DEFAULT_ENV);
            }
            return;
        }
        let filter = EnvFilter::new(level.map_or(self.usual.as_str(), LogLevel::as_str));
        if let Err(error) = self.filter.reload(without_secrets(filter)) {
            tracing::error!("the level of the log stays as it was: {error}");
        }
    }
}

impl fmt::Debug for LogSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filter: _, usual, is_fixed } = self;
        let mut shown = f.debug_struct("LogSelection");
        shown.field("usual", usual).field("is_fixed", is_fixed).finish_non_exhaustive()
    }
}

/// The filter without what nothing may log.
pub(super) fn without_secrets(filter: EnvFilter) -> EnvFilter {
    NEVER.into_iter().fold(filter, |filter, never| {
        filter.add_directive(never.parse().expect("a directive of this file"))
    })
}
