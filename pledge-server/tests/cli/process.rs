//! Running the binary in a folder of its own.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder in which the binary runs.
pub(crate) struct Folder(TempDir);

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that runs until it is stopped.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    printed: Arc<Mutex<String>>,
    pub(crate) server: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With `pledge.toml` in it.
    pub(crate) fn with_config(toml: &str) -> Self {
        let folder = Self::new();
        std::fs::write(folder.path().join("pledge.toml"), toml).unwrap();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.clean(Command::new(env!("CARGO_BIN_EXE_pledge")));
        command.args(arguments);
        command
    }

    /// A command in this folder, without variables of the configuration and without input.
    pub(crate) fn clean(&self, mut command: Command) -> Command {
        command.current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PLEDGE_") {
                command.env_remove(name);
            }
        }
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Waits until `pledge status` shows a text: the API does not show texts of nodes.
    pub(crate) fn shows(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.run(&["status"]).stdout;
            if shown.contains(text) {
                return;
            }
            assert!(Instant::now() < until, "{text} is not in: {shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[], arguments)
    }

    /// Runs a command whose outputs are not read; returns its exit code.
    pub(crate) fn run_unread(&self, arguments: &[&str]) -> Option<i32> {
        let unread = || std::io::pipe().unwrap().1;
        let mut command = self.command(arguments);
        command.stdout(unread()).stderr(unread()).status().unwrap().code()
    }

    /// As [`Folder::run`], with environment variables.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        Ended::of(command.envs(variables.iter().copied()).output().unwrap())
    }

    /// As [`Folder::run_with`], with a text as standard input.
    pub(crate) fn run_with_input(
        &self,
        input: &str,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Ended {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        file.rewind().unwrap();
        let mut command = self.command(arguments);
        Ended::of(command.envs(variables.iter().copied()).stdin(file).output().unwrap())
    }

    /// Runs a command again and again until it ends right.
    pub(crate) fn run_until(&self, arguments: &[&str], right: impl Fn(&Ended) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let ended = self.run(arguments);
            if right(&ended) {
                return;
            }
            assert!(Instant::now() < until, "{}{}", ended.stdout, ended.stderr);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a server and waits until it prints its address, on either output.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(&[], arguments)
    }

    /// As [`Folder::start`], with environment variables.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut running = self.begin_with(variables, arguments);
        let line = running.wait_for("http://127.0.0.1:", |line| line.contains("/api/v1"));
        let address = line.split("http://").nth(1).unwrap();
        address.split('/').next().unwrap().clone_into(&mut running.server);
        running
    }

    /// Starts a command and does not wait for anything.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running {
        self.begin_with(&[], arguments)
    }

    /// As [`Folder::begin`], with environment variables.
    pub(crate) fn begin_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let printed = Arc::new(Mutex::new(String::new()));
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let (sender, printed) = (sender.clone(), printed.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    *printed.lock().unwrap() += &format!("{line}\n");
                    // The rest has no reader once the test is over.
                    let _ = sender.send(line);
                }
            });
        }
        Running { child, lines, printed, server: String::new() }
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error} in: {}\n{}", self.stdout, self.stderr);
        })
    }
}

/// The whole answer to a GET, head and body.
pub(crate) fn ask(server: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

impl Running {
    /// The next line that contains a text and passes a test.
    pub(crate) fn wait_for(&self, text: &str, test: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while let Ok(line) = self.lines.recv_timeout(until - Instant::now()) {
            if line.contains(text) && test(&line) {
                return line;
            }
            seen = format!("{seen}{line}\n");
        }
        panic!("no line with {text} in:\n{seen}");
    }

    /// The answer to a GET below `/api/v1`, or below the root for a path that begins with `/`.
    pub(crate) fn get(&self, path: &str) -> Value {
        let path = match path.strip_prefix('/') {
            Some(path) => format!("/{path}"),
            None => format!("/api/v1/{path}"),
        };
        let response = ask(&self.server, &path);
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {head}\n{body}"))
    }

    /// Everything that it has printed so far, on both outputs.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Repeats the request until the answer is right.
    pub(crate) fn get_until(&self, path: &str, right: impl Fn(&Value) -> bool) -> Value {
        self.get_within(PATIENCE, path, right)
    }

    /// Repeats the request until the answer is right, within a time limit.
    pub(crate) fn get_within(
        &self,
        patience: Duration,
        path: &str,
        right: impl Fn(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + patience;
        loop {
            let answer = self.get(path);
            if right(&answer) {
                return answer;
            }
            if Instant::now() >= until {
                let said = self.lines.try_iter().collect::<Vec<_>>().join("\n");
                panic!("{path} stays {answer}, and the process said:\n{said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let status = self.end_by("-TERM");
        (status, asked.elapsed())
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end; returns the unread lines.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.end_by("-INT");
        (status, self.lines.iter().collect())
    }

    /// Waits until it ends by itself; returns the unread lines.
    pub(crate) fn ends(mut self) -> (ExitStatus, Vec<String>) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < until,
                "it goes on: {:?}",
                self.lines.try_iter().collect::<Vec<_>>()
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        (status, self.lines.iter().collect())
    }

    /// Sends SIGINT and waits for nothing.
    pub(crate) fn signal(&self) {
        self.send("-INT");
    }

    /// Sends SIGHUP and waits for nothing.
    pub(crate) fn hang_up(&self) {
        self.send("-HUP");
    }

    fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end_by(&mut self, signal: &str) -> ExitStatus {
        self.send(signal);
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
