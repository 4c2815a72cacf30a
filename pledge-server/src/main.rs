//! The binary `pledge`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use pledge_server::cli::{self, Cli, Verdict};
use pledge_server::shutdown;

/// How long blocking calls may delay the exit.
const EXIT_DELAY_MAX: Duration = Duration::from_millis(200);
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::from(FAILED),
        Ok(Verdict::Wrong) => ExitCode::from(WRONG_USAGE),
        Err(error) => {
            // The pipe may be closed; the exit code still reports the failure.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            let code = if cli::is_wrong_usage(&error) { WRONG_USAGE } else { FAILED };
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(cli::execute(cli));
    runtime.shutdown_timeout(EXIT_DELAY_MAX);
    shutdown::clean_up();
    outcome
}
