//! A log file that is closed when it is full or a day has ended, and begun again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};

use super::closed::{self, ClosedFiles};
use crate::config::LogBounds;

/// Between two attempts to close a file that cannot be renamed.
const ATTEMPTS_EVERY: Duration = Duration::from_secs(60);

/// The file `NAME.log` of a folder, written line by line.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    bytes_max: u64,
    clock: fn() -> SystemTime,
    closed: ClosedFiles,
    open: Mutex<Open>,
}

/// The file that is written to.
#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    /// The day of its lines.
    day: NaiveDate,
    /// Whether its last line was cut off by a failed write.
    is_torn: bool,
    /// Before this time a close that failed is not attempted again.
    closes_after: Option<SystemTime>,
}

impl RotatingFile {
    /// Opens the file, or makes it. Lines are added to those that it has.
    pub(super) fn open(
        dir: &Path,
        name: &'static str,
        bounds: LogBounds,
        clock: fn() -> SystemTime,
    ) -> io::Result<Self> {
        let path = dir.join(format!("{name}.log"));
        let open = Mutex::new(Open::append_to(&path, clock())?);
        let closed = ClosedFiles::new(dir, name, bounds);
        closed.tidy(clock());
        Ok(Self { path, bytes_max: bounds.bytes, clock, closed, open })
    }

    /// Writes one line, whole or with an error.
    pub(super) fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let now = (self.clock)();
        let mut open = self.lock();
        if open.is_due(line.len(), self.bytes_max, now) {
            match self.begin_again(now) {
                Ok(next) => *open = next,
                // The line is worth more than the size of the file.
                Err(error) => {
                    open.closes_after = Some(now + ATTEMPTS_EVERY);
                    closed::report(&self.path, "closed", error);
                }
            }
        }
        open.write(line)
    }

    /// Gives the file a name with the time, and begins another one. After an error it is as it was.
    fn begin_again(&self, now: SystemTime) -> io::Result<Open> {
        let closed = self.closed.free_path(now);
        match fs::rename(&self.path, &closed) {
            // Another program moved or removed the file: lines written to it now would be lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Open::append_to(&self.path, now);
            }
            renamed => renamed?,
        }
        match Open::append_to(&self.path, now) {
            Ok(next) => {
                self.closed.tidy(now);
                Ok(next)
            }
            Err(error) => {
                fs::rename(&closed, &self.path)?;
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no holder panics")
    }
}

impl Open {
    fn append_to(path: &Path, now: SystemTime) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let found = file.metadata()?;
        // Lines of an earlier process are of the day of the last one.
        let day = if found.len() == 0 { now } else { found.modified()? };
        Ok(Self { file, bytes: found.len(), day: day_of(day), is_torn: false, closes_after: None })
    }

    /// Whether a line belongs into the next file. An empty file takes any line.
    fn is_due(&self, line: usize, bytes_max: u64, now: SystemTime) -> bool {
        let is_full = self.bytes.saturating_add(line as u64) > bytes_max;
        let may_close = self.closes_after.is_none_or(|after| after <= now);
        self.bytes > 0 && may_close && (is_full || self.day < day_of(now))
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.bytes += 1;
        }
        self.is_torn = true;
        self.file.write_all(line)?;
        self.is_torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

fn day_of(time: SystemTime) -> NaiveDate {
    DateTime::<Utc>::from(time).date_naive()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    thread_local! {
        /// 15:00 on the first day.
        static NOW: Cell<Duration> = const { Cell::new(Duration::from_secs(1_767_279_600)) };
    }

    fn clock() -> SystemTime {
        SystemTime::UNIX_EPOCH + NOW.get()
    }

    fn pass(time: Duration) {
        NOW.set(NOW.get() + time);
    }

    fn open(dir: &Path) -> RotatingFile {
        let bounds = LogBounds { bytes: 10, kept: 100, age: DAY * 30 };
        RotatingFile::open(dir, "app", bounds, clock).unwrap()
    }

    fn current(dir: &Path) -> String {
        fs::read_to_string(dir.join("app.log")).unwrap()
    }

    /// The number of closed files, each counted once while it is compressed.
    fn closed(dir: &Path) -> usize {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let stems = names.map(|name| name.to_str().unwrap().split('.').next().unwrap().to_owned());
        stems
            .filter(|stem| stem.starts_with("app-"))
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    }

    #[test]
    fn a_line_that_does_not_fit_any_more_begins_the_next_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(dir.path());
        for line in ["12345678\n", "\n"] {
            file.write_line(line.as_bytes()).unwrap();
        }
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("12345678\n\n", 0));
        file.write_line(b"3\n").unwrap();
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("3\n", 1));
    }

    #[test]
    fn a_line_longer_than_a_file_has_one_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(dir.path());
        file.write_line(b"far more than ten bytes\n").unwrap();
        assert_eq!(closed(dir.path()), 0);
        file.write_line(b"2\n").unwrap();
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("2\n", 1));
    }

    #[test]
    fn a_file_ends_with_its_day() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(dir.path());
        file.write_line(b"1\n").unwrap();
        pass(Duration::from_secs(9 * 3_600 - 1));
        file.write_line(b"2\n").unwrap();
        assert_eq!(closed(dir.path()), 0);
        pass(Duration::from_secs(1));
        file.write_line(b"3\n").unwrap();
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("3\n", 1));
    }

    /// A process that writes one line now.
    fn process(dir: &Path, line: &str) {
        open(dir).write_line(line.as_bytes()).unwrap();
        let file = File::options().append(true).open(dir.join("app.log")).unwrap();
        file.set_modified(clock()).unwrap();
    }

    #[test]
    fn lines_of_an_earlier_process_stay_and_end_with_their_day() {
        let dir = tempfile::tempdir().unwrap();
        process(dir.path(), "1\n");
        process(dir.path(), "2\n");
        assert_eq!(current(dir.path()), "1\n2\n");
        pass(DAY);
        process(dir.path(), "3\n");
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("3\n", 1));
    }

    #[test]
    fn an_empty_file_is_not_closed() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(dir.path());
        pass(DAY);
        file.write_line(b"1\n").unwrap();
        assert_eq!(closed(dir.path()), 0);
    }

    #[test]
    fn a_file_that_was_removed_is_begun_again_with_the_day() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(dir.path());
        file.write_line(b"1\n").unwrap();
        fs::remove_file(dir.path().join("app.log")).unwrap();
        pass(DAY);
        file.write_line(b"2\n").unwrap();
        assert_eq!((current(dir.path()).as_str(), closed(dir.path())), ("2\n", 0));
    }

    #[test]
    fn a_file_that_cannot_be_closed_goes_on_and_is_closed_later() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        fs::create_dir(&folder).unwrap();
        let file = open(&folder);
        file.write_line(b"1\n").unwrap();
        pass(DAY);
        fs::rename(&folder, dir.path().join("away")).unwrap();
        file.write_line(b"2\n").unwrap();
        fs::rename(dir.path().join("away"), &folder).unwrap();
        assert_eq!((current(&folder).as_str(), closed(&folder)), ("1\n2\n", 0));
        pass(ATTEMPTS_EVERY);
        file.write_line(b"3\n").unwrap();
        assert_eq!((current(&folder).as_str(), closed(&folder)), ("3\n", 1));
    }
}
