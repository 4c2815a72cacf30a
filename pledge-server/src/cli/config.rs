//! `pledge config`: inspects the configuration without following it.

mod check;
mod held;
mod init;
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
    /// Print every effective value and its origin, without secrets. A node is asked only with
    /// --rpc-url and --token
    Show(QuickArgs),
    /// Write a file with every key, commented, to fill in
    Init(init::InitArgs),
}

pub(super) async fn execute(context: Context, command: ConfigCommand) -> anyhow::Result<Verdict> {
    match command {
        ConfigCommand::Check(args) => check::execute(context, args).await,
        ConfigCommand::Show(args) => {
            let effective = match context.quick(args)? {
                Some(quick) => {
                    let chain = context.chain_behind(&quick.rpc_url).await?;
                    Config::effective_quick(&quick, chain, &context.environment)?
                }
                None => Config::effective(context.file.as_deref(), &context.environment)?,
            };
            context.output.print(&effective)?;
            Ok(Verdict::Fine)
        }
        ConfigCommand::Init(args) => init::execute(&context, &args),
    }
}
