//! The command line: what users type, one file a command.

mod acting;
mod admin;
mod archive;
mod audit;
mod config;
mod demo;
mod index;
mod logs;
mod migrate;
mod pause;
mod reload;
mod retry;
mod rewind;
mod run;
mod settle;
mod settlements;
mod status;
mod storage;
mod verify;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand};
use pledge_core::types::ChainId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, Environment, Key, NodeUrl, Quick, RPC_URL};
use crate::logs::{LogFormat, Logs};
use crate::output::Output;
use crate::progress::Progress;
use crate::shutdown::{self, Signalled};
use crate::wire;

/// An exact, reorg-safe ledger of ERC-20 balances, and exact points from it.
///
/// Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration.
#[derive(Debug, Parser)]
#[command(name = "pledge", version)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The configuration [default: pledge.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the result as JSON, and nothing else
    #[arg(long, global = true)]
    json: bool,
    /// Format of log lines; `RUST_LOG` selects which are written
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scripted chains and serve the API over them: needs no node, network or files
    Demo(demo::DemoArgs),
    /// Follow the chains, settle points and serve the API
    Run(run::RunArgs),
    /// Bring the ledger up to date
    Index(index::IndexArgs),
    /// Settle the closed windows
    Settle(settle::SettleArgs),
    /// Recompute the ledger and compare it with the chain's own balances
    Verify(verify::VerifyArgs),
    /// Show chains, tokens and contracts
    Status,
    /// List the logs that are kept of a contract, newest first
    Logs(logs::LogsArgs),
    /// Check, show or write a configuration; follows no chain
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Bring the database's schema up to date
    Migrate,
    /// Write all that the store holds into one file: a backup, or the way into another store
    Export(archive::ExportArgs),
    /// Read an archive of `export` into an empty store
    Import(archive::ImportArgs),
    /// List settlements, newest first
    Settlements(settlements::SettlementsArgs),
    /// Try a failed settlement again
    Retry(retry::RetryArgs),
    /// Stop following a chain, or one token, until it is resumed
    Pause(pause::PauseArgs),
    /// Follow a paused or halted chain, or token, again
    Resume(pause::ResumeArgs),
    /// Take a halted chain's ledger back to a block, however deep
    Rewind(rewind::RewindArgs),
    /// List who did what, newest first
    Audit(audit::AuditArgs),
    /// Make users who may do everything over HTTP
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Show what happens, as it happens, over the API of a running server
    Watch(watch::WatchArgs),
}

impl Command {
    /// The default of `RUST_LOG`. A server logs what it does; the other commands print a result
    /// and, in text mode, log their progress. The demo's forks are no reason to warn.
    fn log_level(&self, output: Output) -> String {
        match (self, output) {
            (Self::Run(_), _) => "info".to_owned(),
            (Self::Demo(_), _) => "error,pledge_server::progress=info".to_owned(),
            (_, Output::Text) => {
                let stores = wire::STORAGE_CRATES.map(|name| format!(",{name}=info")).concat();
                format!("warn,pledge_server=info{stores}")
            }
            (_, Output::Json) => "warn".to_owned(),
        }
    }
}

/// One chain and one token, without a configuration file.
#[derive(Debug, Args)]
struct QuickArgs {
    /// A node; its chain id is asked. Other users of the machine see what is typed here, so a url
    /// with a key belongs in the variable `PLEDGE_RPC_URL`
    #[arg(long, value_name = "URL", requires = "token", conflicts_with = "config")]
    rpc_url: Option<String>,
    /// The contract to follow
    #[arg(long, value_name = "0x…", conflicts_with = "config")]
    token: Option<String>,
    /// First block whose logs count [default: that of the deployment, found on the node]
    #[arg(long, value_name = "N", requires = "token")]
    start_block: Option<u64>,
    /// Points per whole token per hour; without it only the ledger is kept
    #[arg(long, value_name = "RATE", requires = "token", allow_hyphen_values = true)]
    rate: Option<String>,
    /// How far ahead of this machine's clock the time of a block may be: a duration, or `unlimited`
    /// [default: 15m; unlimited for the chain ids 1337 and 31337]
    #[arg(long, value_name = "DURATION", requires = "token")]
    clock_slack: Option<String>,
}

/// The outcome of a command that ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Exit code 0.
    Fine,
    /// The result lists what failed: exit code 1.
    Failed,
    /// The result lists what is wrong in the configuration: exit code 2.
    Wrong,
}

impl Verdict {
    const fn fine_if(fine: bool) -> Self {
        if fine { Self::Fine } else { Self::Failed }
    }
}

/// What every command works with.
#[derive(Debug)]
struct Context {
    file: Option<PathBuf>,
    environment: Environment,
    output: Output,
    /// The log, of which a server opens files.
    logs: Logs,
    log_format: LogFormat,
    progress: Progress,
    stop: CancellationToken,
    /// Notified when the configuration is to be read again.
    reload: Arc<Notify>,
}

impl Context {
    fn new(global: Global, command: &Command) -> anyhow::Result<Self> {
        let output = if global.json { Output::Json } else { Output::Text };
        let progress = Progress::new(output);
        let format = global.log_format;
        let logs = crate::logs::init(format, &command.log_level(output), progress.bars())?;
        let Signalled { stop, reload } = shutdown::on_signals()?;
        Ok(Self {
            file: global.config,
            environment: Config::environment(std::env::vars_os())?,
            output,
            logs,
            log_format: format,
            progress,
            stop,
            reload,
        })
    }

    fn config(&self) -> Result<Config, ConfigError> {
        Config::load(self.file.as_deref(), &self.environment)
    }

    /// The configuration from the flags, or from the file if no flag names a token.
    async fn config_or_quick(&self, args: QuickArgs) -> anyhow::Result<Config> {
        let Some(quick) = self.quick(args)? else {
            return Ok(self.config()?);
        };
        let chain = self.chain_behind(&quick.rpc_url).await?;
        Ok(Config::quick(&quick, chain, &self.environment)?)
    }

    /// The chain that the flags name; `None` if they name no token.
    fn quick(&self, args: QuickArgs) -> Result<Option<Quick>, ConfigError> {
        let Some(token) = args.token else {
            return Ok(None);
        };
        let quick = Quick {
            rpc_url: self.node_url(args.rpc_url)?,
            token,
            start_block: args.start_block,
            rate: args.rate,
            clock_slack: args.clock_slack,
        };
        quick.check()?;
        Ok(Some(quick))
    }

    /// Whether the variable names a node.
    fn names_node(&self) -> bool {
        self.environment.iter().any(|(name, _)| name == RPC_URL)
    }

    /// The node of the flag, or of the variable, which no list of processes shows.
    fn node_url(&self, flag: Option<String>) -> Result<NodeUrl, ConfigError> {
        if let Some(url) = flag {
            return parse_url(&url, "--rpc-url");
        }
        let variable = self.environment.iter().find(|(name, _)| name == RPC_URL);
        let Some((_, url)) = variable else {
            let what = format!("is missing: name a node, or set {RPC_URL}");
            return Err(ConfigError::at(&Key::root("--rpc-url"), what));
        };
        parse_url(url, RPC_URL)
    }

    /// The chain of a node. It is an error if the node does not answer, or if the user stops the
    /// command.
    async fn chain_behind(&self, url: &NodeUrl) -> anyhow::Result<ChainId> {
        let answered = self.stop.run_until_cancelled(wire::chain_behind(url)).await;
        let answered = answered.with_context(|| format!("stopped before {url} answered"))?;
        answered.map_err(|error| {
            anyhow!("--rpc-url: {}: start the node, or correct the url", error.detail())
        })
    }
}

fn parse_url(url: &str, written: &str) -> Result<NodeUrl, ConfigError> {
    NodeUrl::parse(url).map_err(|what| ConfigError::at(&Key::root(written), what))
}

/// Runs one command to its end.
pub async fn execute(cli: Cli) -> anyhow::Result<Verdict> {
    let context = Context::new(cli.global, &cli.command)?;
    match cli.command {
        Command::Demo(args) => demo::execute(context, args).await,
        Command::Run(args) => run::execute(context, args).await,
        Command::Index(args) => index::execute(context, args).await,
        Command::Settle(args) => settle::execute(context, args).await,
        Command::Verify(args) => verify::execute(context, args).await,
        Command::Status => status::execute(context).await,
        Command::Logs(args) => logs::execute(context, args).await,
        Command::Config(command) => config::execute(context, command).await,
        Command::Migrate => migrate::execute(context).await,
        Command::Export(args) => archive::export(context, args).await,
        Command::Import(args) => archive::import(context, args).await,
        Command::Settlements(args) => settlements::execute(context, args).await,
        Command::Retry(args) => retry::execute(context, args).await,
        Command::Pause(args) => pause::pause(context, args).await,
        Command::Resume(args) => pause::resume(context, args).await,
        Command::Rewind(args) => rewind::execute(context, args).await,
        Command::Audit(args) => audit::execute(context, args).await,
        Command::Admin(command) => admin::execute(context, command).await,
        Command::Watch(args) => watch::execute(context, args).await,
    }
}

/// Whether the user has to correct something: exit code 2.
pub fn is_wrong_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<WrongUsage>())
}

/// An argument that names something unknown or impossible.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_own_options_stand_before_those_of_every_command() {
        let help = Cli::try_parse_from(["pledge", "run", "--help"]).unwrap_err().to_string();
        let (own, every) = help.split_once("Options of every command:").unwrap();
        for option in ["--rpc-url", "--token", "--rate", "--clock-slack", "--listen"] {
            assert!(own.contains(option), "{help}");
        }
        for option in ["--config", "--json", "--log-format"] {
            assert!(every.contains(option) && !own.contains(option), "{help}");
        }
    }
}
