//! Requests and time of a follower over a node that fails at random, as multiples of the same run
//! over a healthy node. README.md explains the output.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod run;

use pledge_testing::hostile_node::{Failing, Struck};
use run::{Measured, Work};

const PERCENTS: [u32; 3] = [10, 30, 60];

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Names of kinds, as `cargo bench ... -- 500 cut` gives them.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted =
        |failing: &Failing| wanted.is_empty() || wanted.iter().any(|name| name == failing.name());
    runtime.expect("a runtime").block_on(async {
        println!("{}", run::plan());
        for work in Work::ALL {
            println!("\n{}", work.name());
            println!("{:<16}{:<10}{:<22}{}", "kind", "struck", "in health", header());
            for failing in Failing::ALL.into_iter().filter(is_wanted) {
                for (struck, name) in [(Struck::Request, "requests"), (Struck::Call, "calls")] {
                    // Again for each row: what else runs on the machine changes.
                    let healthy = work.run(None).await;
                    let mut cells = String::new();
                    for percent in PERCENTS {
                        let measured = work.run(Some((failing, struck, percent))).await;
                        cells.push_str(&format!("  {:<34}", cell(&measured, &healthy)));
                    }
                    let (kind, health) = (failing.name(), plain(&healthy));
                    println!("{kind:<16}{name:<10}{health:<22}{}", cells.trim_end());
                }
            }
        }
    });
}

fn header() -> String {
    let cells = PERCENTS.map(|percent| format!("  {:<34}", format!("{percent} %")));
    cells.concat().trim_end().to_owned()
}

fn plain(measured: &Measured) -> String {
    format!("{} requests, {:.2} s", measured.requests, measured.time.as_secs_f64())
}

/// Requests, time, and time without the waits of the node's own, each as a multiple of health.
fn cell(measured: &Measured, healthy: &Measured) -> String {
    if let Some(reached) = measured.stuck_at {
        return format!("not done: block {reached}, {}", plain(measured));
    }
    let tenths = |one: u128, other: u128| {
        let tenths = 10 * one / other.max(1);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let requests = tenths(measured.requests as u128, healthy.requests as u128);
    let own = measured.time.saturating_sub(measured.asked);
    let [time, own] =
        [measured.time, own].map(|time| tenths(time.as_micros(), healthy.time.as_micros()));
    format!("{requests}x requests, {time}x ({own}x) time")
}
