//! `pledge config`: the configuration, looked at and not followed.

mod check;
mod report;

use clap::Subcommand;

use super::{Context, QuickArgs, Verdict};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check everything that `run` checks before it starts, and write nothing
    ///
    /// Exit codes: 0 everything is fine, 1 something cannot be reached, 2 something is wrong.
    Check(QuickArgs),
    /// Print every value that counts and where it comes from, without secrets; asks no node
    Show,
}

pub(super) async fn execute(context: Context, command: ConfigCommand) -> anyhow::Result<Verdict> {
    match command {
        ConfigCommand::Check(args) => check::execute(context, args).await,
        ConfigCommand::Show => {
            let effective = Config::effective(context.file.as_deref(), &context.environment)?;
            context.output.print(&effective)?;
            Ok(Verdict::Fine)
        }
    }
}
