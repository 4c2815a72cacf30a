//! `[logs]`.

use std::path::PathBuf;
use std::time::Duration;

use super::raw::Whole;
use super::section::{Shown, optional, preset, section};
use super::{Key, Problems};

section! {
    /// Log files of `pledge run`. Standard error has every line too.
    RawLogs shown as LogsShown {
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

/// Where log lines are written, and how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsConfig {
    /// The folder; `None` for no files.
    pub dir: Option<PathBuf>,
    /// When a file is closed, and how long it is kept then.
    pub bounds: LogBounds,
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
        let RawLogs { dir, megabytes, kept, days } = raw;
        let mut within = |name, Whole(number), max| {
            let inside = Some(number).filter(|number| (1..=max).contains(number));
            let inside =
                inside.ok_or_else(|| format!("{number} is out of range: write 1 to {max}"));
            problems.take(&key.child(name), inside)
        };
        let megabytes = within("megabytes", megabytes, MEGABYTES_MAX);
        let kept = within("kept", kept, KEPT_MAX);
        let days = within("days", days, DAYS_MAX);
        let dir = dir.map(|dir| match dir.trim() {
            "" => Err("names no folder: write one such as `logs`, or leave the key out".to_owned()),
            _ => Ok(PathBuf::from(dir)),
        });
        let dir = problems.take(&key.child("dir"), dir.transpose());
        let bounds = LogBounds {
            bytes: megabytes? * MEGABYTE,
            kept: usize::try_from(kept?).ok()?,
            age: DAY * u32::try_from(days?).ok()?,
        };
        Some(Self { dir: dir?, bounds })
    }

    pub(super) fn shown(&self) -> LogsShown {
        let Self { dir, bounds: LogBounds { bytes, kept, age } } = self;
        LogsShown {
            dir: dir.as_ref().map_or(Shown::Nothing, |dir| Shown::text(dir.display())),
            megabytes: Shown::whole(bytes / MEGABYTE),
            kept: Shown::whole(*kept as u64),
            days: Shown::whole(age.as_secs() / DAY.as_secs()),
        }
    }
}
