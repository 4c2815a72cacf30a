//! Logs, on standard error and in files.

mod closed;
mod files;
mod rotating;

use std::env::VarError;
use std::io::{self, Write};

use clap::ValueEnum;
use indicatif::MultiProgress;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use files::LogFiles;

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

/// Starts logging what `RUST_LOG` selects, by default `level` and above, and returns the files, which
/// are still to be opened. Lines appear above the bars. An invalid `RUST_LOG` is a [`ConfigError`].
pub fn init(format: LogFormat, level: &str, bars: &MultiProgress) -> anyhow::Result<LogFiles> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) => EnvFilter::try_new(&directives).map_err(|error| wrong_filter(&error))?,
        Err(VarError::NotPresent) => EnvFilter::new(level),
        Err(error @ VarError::NotUnicode(_)) => return Err(wrong_filter(&error).into()),
    };
    let filter = NEVER.into_iter().try_fold(filter, |filter, never| {
        never.parse().map(|directive| filter.add_directive(directive))
    })?;
    let bars = bars.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_writer(move || AboveBars(bars.clone()));
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let files = LogFiles::default();
    tracing_subscriber::registry().with(files.clone()).with(lines).with(filter).try_init()?;
    Ok(files)
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
