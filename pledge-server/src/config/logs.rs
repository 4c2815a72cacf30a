//! `[logs]`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::raw::Whole;
use super::section::{Shown, optional, preset, section};
use super::{Key, Problems};

section! {
    /// Logs of `pledge run`, and their files. Standard error has every line too.
    RawLogs shown as LogsShown {
        /// The level of the lines that are logged, or levels by module, such as `info,pledge_core=debug`.
        /// Default: `info`. The variable `RUST_LOG` overrules it. Read again on SIGHUP.
        level: Option<String> = optional("info"),
        /// The folder of `app.log`, `access.log`, `tasks.log` and `error.log`, made if it is not there.
        /// Without it there are no files.
        dir: Option<String> = optional("logs"),
        /// A file is closed at this size, in megabytes, and at the end of each day in UTC. Then it is
        /// compressed under a name with the time.
        megabytes: Whole = preset(Whole(100)),
        /// The number of closed files kept of each log.
        kept: Whole = preset(Whole(10)),
        /// The age at which a closed file is removed, in days.
        days: Whole = preset(Whole(30)),
    }
}

const MEGABYTE: u64 = 1_000_000;
const DAY: Duration = Duration::from_secs(86_400);
/// A terabyte is more than any disk for logs, and is below the largest size of a file.
const MEGABYTES_MAX: u64 = 1_000_000;
const KEPT_MAX: u64 = 10_000;
const DAYS_MAX: u64 = 3_650;

/// Which log lines there are, where they are written, and how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsConfig {
    /// The lines that are logged; `None` for those that a server logs without a choice.
    pub level: Option<LogLevel>,
    /// The folder; `None` for no files.
    pub dir: Option<PathBuf>,
    /// When a file is closed, and how long it is kept then.
    pub bounds: LogBounds,
}

/// The level of the lines that are logged, or one for each of some modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

impl LogLevel {
    /// Directives as `RUST_LOG` has them. A word alone is a level: a module has `=` and its level behind it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let remedy = "write one such as `info` or `info,pledge_core=debug`";
        let mut words = text.split(',').map(str::trim).filter(|part| !part.contains(['=', '[']));
        // The parser takes an empty word for a level.
        let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
        if let Some(wrong) = words.find(|word| !is_level(word)) {
            return Err(format!("`{wrong}` is not a level: {remedy}"));
        }
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("{error}: {remedy}")),
        }
    }

    /// The directives, as they were written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a log file is closed, and how long it is kept then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// The size at which it is closed, in bytes.
    pub bytes: u64,
    /// The number of closed files kept.
    pub kept: usize,
    /// The age at which a closed file is removed.
    pub age: Duration,
}

impl LogsConfig {
    pub(super) fn check(raw: RawLogs, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawLogs { level, dir, megabytes, kept, days } = raw;
        let mut within = |name, Whole(number), max| {
            let inside = Some(number).filter(|number| (1..=max).contains(number));
            let inside =
                inside.ok_or_else(|| format!("{number} is out of range: write 1 to {max}"));
            problems.take(&key.child(name), inside)
        };
        let megabytes = within("megabytes", megabytes, MEGABYTES_MAX);
        let kept = within("kept", kept, KEPT_MAX);
        let days = within("days", days, DAYS_MAX);
        let dir = problems.take(&key.child("dir"), dir.map(folder).transpose());
        let level = level.map(|level| LogLevel::parse(&level)).transpose();
        let level = problems.take(&key.child("level"), level);
        let bounds = LogBounds {
            bytes: megabytes? * MEGABYTE,
            kept: usize::try_from(kept?).ok()?,
            age: DAY * u32::try_from(days?).ok()?,
        };
        Some(Self { level: level?, dir: dir?, bounds })
    }

    pub(super) fn shown(&self) -> LogsShown {
        let Self { level, dir, bounds: LogBounds { bytes, kept, age } } = self;
        LogsShown {
            level: level.as_ref().map_or(Shown::Nothing, Shown::text),
            dir: dir.as_ref().map_or(Shown::Nothing, |dir| Shown::text(dir.display())),
            megabytes: Shown::whole(bytes / MEGABYTE),
            kept: Shown::whole(*kept as u64),
            days: Shown::whole(age.as_secs() / DAY.as_secs()),
        }
    }
}

fn folder(dir: String) -> Result<PathBuf, String> {
    match dir.trim() {
        "" => Err("names no folder: write one such as `logs`, or leave the key out".to_owned()),
        _ => Ok(PathBuf::from(dir)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_not_taken_for_a_module() {
        for wrong in ["inof", "info,pledge_core", "", "info,,", "pledge_core=loud"] {
            let refused = LogLevel::parse(wrong).unwrap_err();
            assert!(refused.contains("info,pledge_core=debug"), "{wrong}: {refused}");
        }
        for right in ["warn", "off", "info,pledge_core=debug", "error,pledge_core::notify=off"] {
            assert_eq!(LogLevel::parse(right).unwrap().as_str(), right);
        }
    }
}
