//! A process that is killed when its handle is dropped.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a command without input, and appends its output to a file.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log);
        let out = log.expect("the log can be written");
        let errors = out.try_clone().expect("an open file has another handle");
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        Self { child: command.spawn().expect("the program can be run") }
    }

    /// Sends a signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell can be run");
        assert!(sent.success(), "{kill}");
    }

    /// Suspends it. A signal reaches one thread after the other, so this waits until the last has stopped.
    pub(super) fn suspend(&self) {
        self.signal("STOP");
        #[cfg(unix)]
        {
            use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
            let pid = Pid::from_child(&self.child);
            let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let status = waitid(WaitId::Pid(pid), stopped).expect("a child can be waited for");
            assert!(status.is_some_and(|status| status.stopped()), "the server has ended");
        }
    }

    /// Whether it ends within that time.
    pub(super) async fn ended(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.child.try_wait().expect("a child can be waited for").is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }
}

/// A port that is free now, below those that the system gives to outgoing connections.
pub(super) fn free_port() -> u16 {
    let random = RandomState::new();
    let ports = (0_u64..).map(|attempt| 20_000 + random.hash_one(attempt) % 12_000);
    let mut ports = ports.map(|port| u16::try_from(port).expect("below 32,000"));
    ports
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("one of endlessly many")
}
