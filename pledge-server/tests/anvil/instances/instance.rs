//! One process of `pledge run`, watched by its log.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chains::Setup;

const LOGGED: &str = "warn,pledge_core::points=debug,pledge_server::tasks::assignment=info";

pub(super) struct Instance {
    child: Mutex<Child>,
    log: PathBuf,
}

/// The identity of a batch: programme, epoch, shard, windows and first account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SettledBatch([String; 6]);

impl Instance {
    pub(super) fn start(setup: &Setup, name: &str, redis: &str) -> Self {
        let log = setup.path().join(format!("{name}.log"));
        let mut command = setup.pledge();
        command.args(["run", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        command.env("RUST_LOG", LOGGED).env("PLEDGE_STORAGE__REDIS_URL", redis);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Self { child: Mutex::new(command.spawn().unwrap()), log }
    }

    fn logged(&self, message: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        // The last line may be half written, or cut by a kill.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let fields = lines.map(|mut line| line["fields"].take());
        fields.filter(|fields| fields["message"] == message).collect()
    }

    /// Every batch that it settled.
    pub(super) fn settled(&self) -> Vec<SettledBatch> {
        let names = ["programme", "epoch", "shard", "from", "to", "after"];
        let batch = |fields: &Value| SettledBatch(names.map(|name| fields[name].to_string()));
        self.logged("batch settled").iter().map(batch).collect()
    }

    /// Waits until it follows `count` chains.
    pub(super) async fn until_it_follows(&self, count: usize, deadline: Instant) {
        loop {
            let parts = self.logged("a new assignment of work");
            let newest = parts.last().and_then(|part| part["chains"].as_str()).unwrap_or_default();
            if newest.split_terminator(", ").count() == count {
                return;
            }
            assert!(Instant::now() < deadline, "it follows {newest:?}, not {count} chains");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Ends it at once.
    pub(super) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.code().is_none(), "it had ended by itself with {ended}");
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        self.signal("TERM");
        assert!(self.child.lock().unwrap().wait().unwrap().success());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}
