//! The bundled server under load: what it answers a second, and what a flood of readers costs its
//! follower, what live readers cost each other. README.md explains the output.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]

mod attack;
mod flood;
mod ledger;
mod readers;
mod requests;
mod server;
mod wrk;

use std::process::ExitCode;

fn main() -> ExitCode {
    let parts = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let parts: Vec<String> = parts.collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["requests"] => requests::run().await,
            ["attack"] => attack::run().await,
            ["readers"] => readers::run().await,
            _ => {
                eprintln!("name a part: scripts/long.sh requests, scripts/long.sh attack, scripts/long.sh readers");
                ExitCode::FAILURE
            }
        }
    })
}
