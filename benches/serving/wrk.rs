//! Load by `wrk`.

use std::path::Path;
use std::process::{Command, Stdio};

/// Sends the paths of a file in turn, and counts answers by status.
const SCRIPT: &str = r#"
local threads, paths, next_path = {}, {}, 0
function setup(thread) table.insert(threads, thread) end
function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
  next_path = math.random(#paths)
  good, limited, busy, other = 0, 0, 0, 0
end
function request()
  next_path = next_path % #paths + 1
  return wrk.format("GET", paths[next_path])
end
function response(status)
  if status == 200 then good = good + 1
  elseif status == 429 then limited = limited + 1
  elseif status == 503 then busy = busy + 1
  else other = other + 1 end
end
function done(summary, latency)
  local sums = { good = 0, limited = 0, busy = 0, other = 0 }
  for _, thread in ipairs(threads) do
    for name, sum in pairs(sums) do sums[name] = sum + thread:get(name) end
  end
  local cut = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\n", sums.good, sums.limited, sums.busy, sums.other, cut,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
"#;

/// What `wrk` has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Answers by status: 200, 429, 503, any other; and connections that were refused or cut.
    pub(crate) good: u64,
    pub(crate) limited: u64,
    pub(crate) busy: u64,
    pub(crate) other: u64,
    pub(crate) cut: u64,
    /// All in microseconds.
    pub(crate) duration: u64,
    pub(crate) median: u64,
    pub(crate) p99: u64,
}

impl Seen {
    pub(crate) fn a_second(&self) -> u64 {
        self.good * 1_000_000 / self.duration.max(1)
    }
}

/// Requests the paths from as many connections at once, for some seconds.
pub(crate) async fn wrk(server: &str, paths: &[String], connections: u32, seconds: u32) -> Seen {
    let (server, paths) = (server.to_owned(), paths.join("\n"));
    let run = move || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (script, list) = (folder.path().join("load.lua"), folder.path().join("paths"));
        std::fs::write(&script, SCRIPT).expect("a file in it");
        std::fs::write(&list, paths).expect("a file in it");
        run(&server, &script, &list, connections, seconds)
    };
    tokio::task::spawn_blocking(run).await.expect("wrk runs")
}

fn run(server: &str, script: &Path, list: &Path, connections: u32, seconds: u32) -> Seen {
    let output = Command::new("wrk")
        .args(["--threads", "1", "--timeout", "20s", "--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--script"])
        .arg(script)
        .arg(server)
        .arg("--")
        .arg(list)
        .stderr(Stdio::inherit())
        .output()
        .expect("wrk is there (Debian: apt-get install wrk)");
    let printed = String::from_utf8_lossy(&output.stdout);
    let result = printed.lines().find_map(|line| line.strip_prefix("RESULT "));
    let result = result.unwrap_or_else(|| panic!("wrk failed: {printed}"));
    let figures: Vec<u64> = result.split(' ').map(|n| n.parse().expect("a number")).collect();
    let [good, limited, busy, other, cut, duration, median, p99] = figures[..] else {
        panic!("wrk printed {result}");
    };
    Seen { good, limited, busy, other, cut, duration, median, p99 }
}
