//! The bundled server in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running `pledge run`, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it serves, without a path: `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    _folder: TempDir,
}

impl Server {
    /// Starts the program that was built next to this bench, and waits until it serves.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("pledge.toml"), config).expect("a file in it");
        let mut child = Command::new(program())
            .arg("run")
            .current_dir(folder.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let stdout = child.stdout.take().expect("its output is ours");
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let url = lines.filter_map(|line| url_in(&line)).next();
        let url = url.expect("it prints where it serves");
        Self { child, url, _folder: folder }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `target/release/pledge`, two folders above this bench.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("the bench is a file");
    let folder = own.parent().and_then(|deps| deps.parent()).expect("cargo puts it into deps");
    let program = folder.join(format!("pledge{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "build it: cargo build --release -p pledge-server");
    program
}

fn url_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let (address, _) = rest.split_once("/api/v1")?;
    Some(format!("http://{address}"))
}
