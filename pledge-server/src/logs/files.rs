//! The log files, and which line is in which.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use super::LogFormat;
use super::rotating::RotatingFile;
use crate::config::{ConfigError, Key, LogBounds, LogsConfig};

/// Lines about requests have this target or one below it.
const ACCESS: &str = "pledge::access";
/// Lines about scheduled tasks have this target or one below it.
const TASKS: &str = "pledge::tasks";

/// The file whose lock shows that a process has its logs in the folder.
const LOCK: &str = ".pledge-logs.lock";

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The layer that writes lines into files, once the configuration has named their folder. A clone is
/// another handle to the same.
#[derive(Clone, Default)]
pub struct LogFiles(Arc<OnceLock<BoxedLayer>>);

impl LogFiles {
    /// Opens the files. Without a folder, and after the first call, it does nothing.
    pub fn open(&self, config: &LogsConfig, format: LogFormat) -> Result<(), ConfigError> {
        let Some(dir) = &config.dir else { return Ok(()) };
        let files = Files::open(dir, config.bounds, SystemTime::now).map_err(|error| {
            let what =
                format!("`{}` cannot be written to ({error}): name another folder", dir.display());
            ConfigError::at(&Key::root("logs").child("dir"), what)
        })?;
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(files);
        let layer: BoxedLayer = match format {
            LogFormat::Text => Box::new(lines),
            LogFormat::Json => Box::new(lines.json()),
        };
        // An error means that they are open already.
        let _ = self.0.set(layer);
        Ok(())
    }
}

impl fmt::Debug for LogFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFiles").field("is_open", &self.0.get().is_some()).finish()
    }
}

impl Layer<Registry> for LogFiles {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_new_span(span, id, context);
        }
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_record(span, values, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_event(event, context);
        }
    }
}

/// The files of one folder.
#[derive(Debug)]
struct Files {
    /// Locked for as long as the process lives: two processes would compress each other's files while
    /// they are written.
    _lock: File,
    /// Everything that is in neither of the next two.
    app: RotatingFile,
    access: RotatingFile,
    tasks: RotatingFile,
    /// Every error once more.
    error: RotatingFile,
}

impl Files {
    fn open(dir: &Path, bounds: LogBounds, clock: fn() -> SystemTime) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = File::options().create(true).append(true).open(dir.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another process has its logs there"),
            TryLockError::Error(error) => error,
        })?;
        let file = |name| RotatingFile::open(dir, name, bounds, clock);
        Ok(Self {
            _lock: lock,
            app: file("app")?,
            access: file("access")?,
            tasks: file("tasks")?,
            error: file("error")?,
        })
    }
}

impl<'a> MakeWriter<'a> for Files {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { file: &self.app, error: None }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<'a> {
        let is_of = |target| {
            let below = line.target().strip_prefix(target);
            below.is_some_and(|below| below.is_empty() || below.starts_with("::"))
        };
        let file = match () {
            () if is_of(ACCESS) => &self.access,
            () if is_of(TASKS) => &self.tasks,
            () => &self.app,
        };
        Line { file, error: (*line.level() == Level::ERROR).then_some(&self.error) }
    }
}

/// Where one line goes.
struct Line<'a> {
    file: &'a RotatingFile,
    error: Option<&'a RotatingFile>,
}

impl Write for Line<'_> {
    /// A line comes in one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.file.write_line(line);
        // Each has the line, whatever happens to the other.
        self.error.map_or(Ok(()), |file| file.write_line(line)).and(written)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Writes some lines in a format, and returns what each file has.
    fn written(format: LogFormat) -> [String; 4] {
        let dir = tempfile::tempdir().unwrap();
        let files = LogFiles::default();
        let subscriber = tracing_subscriber::registry().with(files.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("before");
            let bounds = LogBounds { bytes: 10_000, kept: 1, age: std::time::Duration::MAX };
            let config = LogsConfig { level: None, dir: Some(dir.path().join("logs")), bounds };
            files.open(&config, format).unwrap();
            tracing::info!("an event");
            tracing::info!(target: "pledge::access", "a request");
            tracing::error!(target: "pledge::tasks::one", "a failure");
            tracing::info!(target: "pledge::tasksets", "no task");
        });
        ["app", "access", "tasks", "error"]
            .map(|name| fs::read_to_string(dir.path().join(format!("logs/{name}.log"))).unwrap())
    }

    #[test]
    fn each_line_is_in_its_file_and_errors_in_their_own_too() {
        let [app, access, tasks, error] = written(LogFormat::Text);
        let messages = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.rsplit(": ").next().unwrap().to_owned()).collect()
        };
        assert_eq!(messages(&app), ["an event", "no task"]);
        assert_eq!(messages(&access), ["a request"]);
        assert_eq!(messages(&tasks), ["a failure"]);
        assert_eq!(messages(&error), ["a failure"]);
    }

    #[test]
    fn a_line_in_json_is_one_object() {
        let [_, access, ..] = written(LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(&access).unwrap();
        assert_eq!(line["fields"]["message"], "a request");
    }

    fn open(dir: PathBuf) -> Result<LogFiles, String> {
        let bounds = LogBounds { bytes: 1, kept: 1, age: std::time::Duration::MAX };
        let files = LogFiles::default();
        let config = LogsConfig { level: None, dir: Some(dir), bounds };
        let opened = files.open(&config, LogFormat::Text);
        opened.map(|()| files).map_err(|error| error.to_string())
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_wrong_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = open(file.join("logs")).unwrap_err();
        assert!(error.contains("logs.dir") && error.contains("name another folder"), "{error}");
    }

    #[test]
    fn a_folder_has_the_files_of_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path().to_path_buf()).unwrap();
        let error = open(dir.path().to_path_buf()).unwrap_err();
        assert!(error.contains("another process has its logs there"), "{error}");
        drop(first);
        open(dir.path().to_path_buf()).unwrap();
    }
}
