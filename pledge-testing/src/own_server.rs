//! A database server for one test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

mod mariadb;
mod process;
mod redis;

use process::Process;

/// A server with its own data and port, which a test may stop, kill, freeze and start again, with
/// other options too. Its data are removed with the handle.
///
/// The programs are those of Debian's packages, in `PATH` or in `/usr/sbin`.
#[derive(Debug)]
pub struct OwnServer {
    kind: Kind,
    port: u16,
    options: Vec<String>,
    process: Option<Process>,
    folder: TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    MariaDb,
    Redis,
}

/// The time limit for an answer and for a stop.
const PATIENCE: Duration = Duration::from_secs(60);
const PORTS_TRIED_MAX: usize = 10;
const LOG_BYTES_SHOWN: usize = 4_000;

impl OwnServer {
    /// Starts a MariaDB with its own options and these of `mariadbd`. The user `root` needs no
    /// password.
    pub async fn mariadb(options: &[&str]) -> Self {
        Self::launch(Kind::MariaDb, options).await
    }

    /// Starts a Redis with its own options and these of `redis-server`. It keeps nothing on disk
    /// unless the options ask for it.
    pub async fn redis(options: &[&str]) -> Self {
        Self::launch(Kind::Redis, options).await
    }

    async fn launch(kind: Kind, options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("pledge-server.").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        if kind == Kind::MariaDb {
            mariadb::install(folder.path());
        }
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { kind, port: 0, options, process: None, folder };
        for _ in 0..PORTS_TRIED_MAX {
            server.port = process::free_port();
            if server.try_start().await {
                return server;
            }
            // Only the server knows whether a port is free.
            if !server.log().contains("Address already in use") {
                break;
            }
        }
        panic!("the server does not start: {}", server.log())
    }

    /// `mysql://root@127.0.0.1:PORT` or `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::MariaDb => format!("mysql://root@127.0.0.1:{}", self.port),
            Kind::Redis => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// `127.0.0.1:PORT`, as a [`FaultProxy`](crate::FaultProxy) takes it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        match self.kind {
            Kind::MariaDb => mariadb::data(self.folder.path()),
            Kind::Redis => self.folder.path().to_owned(),
        }
    }

    /// Requests a stop, and waits until the process has ended.
    pub async fn stop(&mut self) {
        let mut process = self.process.take().expect("a server that runs");
        process.signal("TERM");
        assert!(process.ended(PATIENCE).await, "the server does not end: {}", self.log());
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a server that runs"));
    }

    /// Suspends the process: its connections stay open, and nothing answers.
    pub fn freeze(&self) {
        self.process.as_ref().expect("a server that runs").suspend();
    }

    /// Resumes the suspended process.
    pub fn thaw(&self) {
        self.process.as_ref().expect("a server that runs").signal("CONT");
    }

    /// Starts it again on the same port and the same data.
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        assert!(self.try_start().await, "the server does not start again: {}", self.log());
    }

    /// The same with other options than before.
    pub async fn start_with(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.start().await;
    }

    /// Starts it and waits until it answers. Returns false if it ended instead.
    async fn try_start(&mut self) -> bool {
        let mut command = match self.kind {
            Kind::MariaDb => mariadb::command(self.folder.path(), self.port),
            Kind::Redis => redis::command(self.folder.path(), self.port),
        };
        command.args(&self.options);
        let mut process = Process::spawn(command, &self.log_file());
        let answers = async {
            while !self.answers().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let started = tokio::select! {
            () = answers => true,
            ended = process.ended(PATIENCE) => {
                assert!(ended, "the server does not answer: {}", self.log());
                false
            }
        };
        if started {
            self.process = Some(process);
        }
        started
    }

    /// Whether this server answers, and not another one on the port.
    async fn answers(&self) -> bool {
        match self.kind {
            Kind::MariaDb => mariadb::answers(&self.url(), &self.data()).await,
            Kind::Redis => redis::answers(&self.address(), &self.data()).await,
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The last part of its output.
    fn log(&self) -> String {
        let log = std::fs::read(self.log_file()).expect("the log can be read");
        let end = log.len().saturating_sub(LOG_BYTES_SHOWN);
        String::from_utf8_lossy(&log[end..]).into_owned()
    }
}

/// The path of a program. Panics with installation instructions if it is missing.
fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| Path::is_file(file));
    found.unwrap_or_else(|| panic!("{name} is missing: apt-get install {package}"))
}
