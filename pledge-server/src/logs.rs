//! Logs, on standard error and in files.

mod closed;
mod files;
mod rotating;
mod selection;

use std::env::VarError;
use std::io::{self, Write};

use clap::ValueEnum;
use indicatif::MultiProgress;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, reload};

pub use files::LogFiles;
pub use selection::LogSelection;

use crate::config::{ConfigError, Key};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text per event
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// A log that is written: its files, which are still to be opened, and what is in it.
#[derive(Debug)]
pub struct Logs {
    /// The files of a server.
    pub files: LogFiles,
    /// The lines that are logged.
    pub selection: LogSelection,
}

/// Starts logging what `RUST_LOG` selects, by default `level` and above. Lines appear above the bars. An
/// invalid `RUST_LOG` is a [`ConfigError`].
pub fn init(format: LogFormat, level: &str, bars: &MultiProgress) -> anyhow::Result<Logs> {
    let fixed = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) => Some(directives),
        Err(VarError::NotPresent) => None,
        Err(error @ VarError::NotUnicode(_)) => return Err(wrong_filter(&error).into()),
    };
    let directives = fixed.as_deref().unwrap_or(level);
    let filter = EnvFilter::try_new(directives).map_err(|error| wrong_filter(&error))?;
    let (filter, handle) = reload::Layer::new(selection::without_secrets(filter));
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
    Ok(Logs { files, selection: LogSelection::new(handle, level, fixed.is_some()) })
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
