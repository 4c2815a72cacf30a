//! The real binary, to be stopped, looked at and killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::super::chains::Setup;

/// A `pledge run`. It does not outlive the test, however that ends.
pub(super) struct Victim {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Victim {
    pub(super) fn start(setup: &Setup) -> Self {
        let mut command = setup.pledge();
        command
            .args(["run", "--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "error")
            .stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        Self { child, stdout }
    }

    /// Waits until it reports that it serves: its database is open, and its work begins.
    pub(super) async fn serves(&mut self) {
        let mut stdout = self.stdout.take().expect("`serves` is called once");
        let line = move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            (line, stdout)
        };
        let (line, stdout) = tokio::task::spawn_blocking(line).await.unwrap();
        assert!(line.starts_with("serving "), "it ended before it served: {line:?}");
        self.stdout = Some(stdout);
    }

    /// Stops all its threads, whatever they are doing.
    pub(super) fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let changed = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.pid()), changed).unwrap().unwrap();
        assert!(status.stopped(), "it ended by itself: {status:?}");
    }

    /// Lets it continue.
    pub(super) fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// `kill -9`. It must have lived until now.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        let ended = self.child.wait().unwrap();
        assert!(ended.code().is_none(), "it ended by itself with {ended}");
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It is dead already, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
