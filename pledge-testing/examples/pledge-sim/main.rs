//! Plays the simulation: every fault, crash and reorg that a seed draws, over the stores in memory.
//!
//! `cargo run --release -p pledge-testing --example pledge-sim -- --seeds 100000`

mod behind_plants;
mod contract_plants;
mod planted;
mod plants;
mod play;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Plays seeds of the simulation and prints what they met. Exits with 1 at the first broken law.
#[derive(Debug, Parser)]
#[command(name = "pledge-sim")]
struct Arguments {
    /// Number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed to play.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays this seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Prints everything that happens, line by line.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Builds a copy with bugs planted, and prints how many seeds catch each, or the named one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, conflicts_with = "seeds")]
    planted: Option<Option<String>>,
    /// Number of threads. Defaults to the number of cores.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(name) = arguments.planted {
        return match table::print(name.as_deref()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(reason) => {
                play::print(&reason);
                ExitCode::FAILURE
            }
        };
    }
    let holds = match arguments.seed {
        Some(seed) => play::one(seed, arguments.trace),
        None => {
            let cores = || std::thread::available_parallelism().map_or(1, usize::from);
            let threads = arguments.threads.unwrap_or_else(cores).max(1);
            play::many(arguments.from, arguments.seeds, threads)
        }
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
