//! Logs, on standard error.

use std::env::VarError;
use std::io::{self, Write};

use clap::ValueEnum;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Key};

/// The WebSocket library logs the url of every handshake, with its API key, and every message of a
/// node.
const NEVER: [&str; 2] = ["tungstenite=off", "tungstenite::handshake::client=off"];

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text per event
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// Starts logging what `RUST_LOG` selects, by default `level` and above. Lines appear above the
/// bars. An invalid `RUST_LOG` is a [`ConfigError`].
pub fn init(format: LogFormat, level: &str, bars: &MultiProgress) -> anyhow::Result<()> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) => EnvFilter::try_new(&directives).map_err(|error| wrong_filter(&error))?,
        Err(VarError::NotPresent) => EnvFilter::new(level),
        Err(error @ VarError::NotUnicode(_)) => return Err(wrong_filter(&error).into()),
    };
    let filter = NEVER.into_iter().try_fold(filter, |filter, never| {
        never.parse().map(|directive| filter.add_directive(directive))
    })?;
    let bars = bars.clone();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_writer(move || AboveBars(bars.clone()));
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!(error))
}

fn wrong_filter(error: &dyn std::error::Error) -> ConfigError {
    let what = format!("{error}: write one such as `info` or `warn,pledge_core=debug`");
    ConfigError::at(&Key::root(EnvFilter::DEFAULT_ENV), what)
}

/// Standard error, with the bars hidden while a line is written. A closed pipe is not an error: a
/// server continues without a reader.
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.suspend(|| io::stderr().write(line)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(line.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
