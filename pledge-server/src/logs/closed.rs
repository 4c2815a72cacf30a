//! Closed log files: compressed, and removed in time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::config::LogBounds;

/// The time in a name.
const TIME: &str = "%Y%m%dT%H%M%S";
/// Behind the name of a file that was compressed.
const COMPRESSED: &str = ".gz";
/// Behind the name of a file that is being compressed.
const PART: &str = ".part";

/// The closed files `NAME-TIME.log` and `NAME-TIME.log.gz` of one log.
#[derive(Debug, Clone)]
pub(super) struct ClosedFiles {
    dir: PathBuf,
    name: &'static str,
    bounds: LogBounds,
    /// Held while files are compressed and removed.
    tidying: Arc<Mutex<()>>,
}

impl ClosedFiles {
    pub(super) fn new(dir: &Path, name: &'static str, bounds: LogBounds) -> Self {
        Self { dir: dir.to_path_buf(), name, bounds, tidying: Arc::default() }
    }

    /// A path for a file that is closed now. Later paths sort behind earlier ones.
    pub(super) fn free_path(&self, now: SystemTime) -> PathBuf {
        let time = DateTime::<Utc>::from(now).format(TIME);
        let mut numbered =
            (0_u32..).map(|number| self.dir.join(format!("{}-{time}-{number:04}.log", self.name)));
        let is_free = |path: &PathBuf| !path.exists() && !with_ending(path, COMPRESSED).exists();
        numbered.find(is_free).expect("a folder has fewer than 2^32 files")
    }

    /// Compresses and removes what is due, on a thread of its own: a large file takes seconds, for
    /// which no line should wait.
    pub(super) fn tidy(&self, now: SystemTime) {
        let files = self.clone();
        let work = move || {
            if let Err(error) = files.tidy_now(now) {
                report(&files.dir, "tidied", error);
            }
        };
        if let Err(error) = thread::Builder::new().name("logs".to_owned()).spawn(work) {
            report(&self.dir, "tidied", error);
        }
    }

    /// Also finishes what a process that ended left behind.
    fn tidy_now(&self, now: SystemTime) -> io::Result<()> {
        let _alone = self.tidying.lock().expect("no holder panics");
        let mut closed: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for path in self.list()? {
            let name = path.to_string_lossy();
            if name.ends_with(PART) {
                fs::remove_file(&path)?;
            } else {
                let line_file = name.strip_suffix(COMPRESSED).unwrap_or(&name).into();
                closed.entry(line_file).or_default().push(path);
            }
        }
        // Removed before any is compressed, which needs room on the disk.
        let surplus = closed.len().saturating_sub(self.bounds.kept);
        let mut failed = None;
        for (index, (line_file, files)) in closed.iter().enumerate() {
            let is_plain = files.contains(line_file);
            let done = match index < surplus || self.is_old(&files[0], now)? {
                true => files.iter().try_for_each(fs::remove_file),
                false if is_plain => compress(line_file),
                false => Ok(()),
            };
            // One that cannot be handled holds up no other.
            failed = failed.or(done.err());
        }
        failed.map_or(Ok(()), Err)
    }

    fn is_old(&self, file: &Path, now: SystemTime) -> io::Result<bool> {
        let age = now.duration_since(fs::metadata(file)?.modified()?).unwrap_or_default();
        Ok(age >= self.bounds.age)
    }

    fn list(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| self.is_own(&name.to_string_lossy())) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Whether a name is one that [`ClosedFiles::free_path`] makes, so that no file of others goes.
    fn is_own(&self, file: &str) -> bool {
        let Some(rest) = file.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('-'))
        else {
            return false;
        };
        let Some((time, ending)) = rest.split_once('.') else { return false };
        let Some((time, number)) = time.split_once('-') else { return false };
        let is_number = number.len() >= 4 && number.bytes().all(|digit| digit.is_ascii_digit());
        is_number
            && NaiveDateTime::parse_from_str(time, TIME)
                .is_ok_and(|read| read.format(TIME).to_string() == time)
            && matches!(ending, "log" | "log.gz" | "log.gz.part")
    }
}

/// Compresses a file, whose time stays. An interruption leaves the file, and a part of the result or
/// all of it.
fn compress(path: &Path) -> io::Result<()> {
    let compressed = with_ending(path, COMPRESSED);
    let part = with_ending(&compressed, PART);
    let mut lines = File::open(path)?;
    let time = lines.metadata()?.modified()?;
    let mut encoder = GzEncoder::new(File::create(&part)?, Compression::default());
    io::copy(&mut lines, &mut encoder)?;
    let written = encoder.finish()?;
    written.set_modified(time)?;
    written.sync_all()?;
    fs::rename(&part, &compressed)?;
    fs::remove_file(path)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Reports that log files could not be handled, on standard error alone: the log itself is in doubt.
pub(super) fn report(path: &Path, what: &str, error: io::Error) {
    use std::io::Write as _;
    // Without a standard error there is nobody to report to.
    let _ = writeln!(io::stderr(), "{} cannot be {what} now: {error}", path.display());
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use flate2::read::GzDecoder;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_767_279_600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + NOW
    }

    fn of(dir: &Path, kept: usize) -> ClosedFiles {
        let bounds = LogBounds { bytes: 10, kept, age: Duration::from_secs(86_400) };
        ClosedFiles::new(dir, "app", bounds)
    }

    fn add(path: &Path, text: &str, age: Duration) {
        fs::write(path, text).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(now() - age).unwrap();
    }

    fn text(path: &Path) -> String {
        let mut text = String::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_closed_file_is_compressed_and_keeps_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 10);
        let path = files.free_path(now());
        add(&path, "a line\n", Duration::from_secs(7));
        files.tidy_now(now()).unwrap();
        let compressed = with_ending(&path, COMPRESSED);
        assert_eq!(names(dir.path()), ["app-20260101T150000-0000.log.gz"]);
        assert_eq!(text(&compressed), "a line\n");
        let modified = fs::metadata(&compressed).unwrap().modified().unwrap();
        assert_eq!(now().duration_since(modified).unwrap(), Duration::from_secs(7));
    }

    #[test]
    fn files_of_one_second_are_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 10);
        for _ in 0..2 {
            add(&files.free_path(now()), "", Duration::ZERO);
            files.tidy_now(now()).unwrap();
        }
        let expected = ["app-20260101T150000-0000.log.gz", "app-20260101T150000-0001.log.gz"];
        assert_eq!(names(dir.path()), expected);
    }

    #[test]
    fn the_oldest_files_above_the_number_kept_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 2);
        for second in 0..4 {
            let path = files.free_path(now() + Duration::from_secs(second));
            add(&path, &second.to_string(), Duration::ZERO);
        }
        files.tidy_now(now()).unwrap();
        let expected = ["app-20260101T150002-0000.log.gz", "app-20260101T150003-0000.log.gz"];
        assert_eq!(names(dir.path()), expected);
        assert_eq!(text(&dir.path().join(expected[0])), "2");
    }

    #[test]
    fn a_file_of_the_age_to_which_files_are_kept_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 10);
        let day = Duration::from_secs(86_400);
        add(&files.free_path(now()), "", day);
        add(&files.free_path(now()), "", day.checked_sub(Duration::from_secs(1)).unwrap());
        files.tidy_now(now()).unwrap();
        assert_eq!(names(dir.path()), ["app-20260101T150000-0001.log.gz"]);
    }

    #[test]
    fn a_compression_that_was_interrupted_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 10);
        let path = files.free_path(now());
        add(&path, "a line\n", Duration::ZERO);
        let compressed = with_ending(&path, COMPRESSED);
        add(&with_ending(&compressed, PART), "half", Duration::ZERO);
        files.tidy_now(now()).unwrap();
        assert_eq!(text(&compressed), "a line\n");
        assert_eq!(names(dir.path()).len(), 1);
    }

    #[test]
    fn a_file_that_is_there_twice_is_counted_once() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 2);
        for second in 0..2 {
            let path = files.free_path(now() + Duration::from_secs(second));
            add(&path, "a line\n", Duration::ZERO);
            add(
                &with_ending(&path, COMPRESSED),
                "from before the end of a process",
                Duration::ZERO,
            );
        }
        files.tidy_now(now()).unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        assert_eq!(text(&dir.path().join("app-20260101T150000-0000.log.gz")), "a line\n");
    }

    #[test]
    fn a_file_that_cannot_be_compressed_keeps_no_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let files = of(dir.path(), 10);
        fs::create_dir(files.free_path(now())).unwrap();
        let old = files.free_path(now() + Duration::from_secs(1));
        add(&old, "", Duration::from_secs(86_400));
        assert!(files.tidy_now(now()).is_err());
        assert!(!old.exists());
    }

    #[test]
    fn files_of_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let others = [
            "access-20260101T150000-0000.log.gz",
            "app-2026-01-01T15-00-00-123.log",
            "app-20260101T150000-0000.log.gz.old",
            "app-notes.log",
            "app.log",
            "application-20260101T150000-0000.log",
        ];
        for name in others {
            add(&dir.path().join(name), "theirs", Duration::from_secs(1 << 30));
        }
        of(dir.path(), 1).tidy_now(now()).unwrap();
        assert_eq!(names(dir.path()), others);
    }
}
