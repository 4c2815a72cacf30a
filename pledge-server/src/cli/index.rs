//! `pledge index`: the ledger and the logs of contracts, without points.

mod retries;

use std::fmt;
use std::time::SystemTime;

use anyhow::bail;
use clap::Args;
use futures::future::try_join_all;
use pledge_core::engine::{Following, Indexed, Moved, Next, Patience, StopReason};
use pledge_core::event::Event;
use pledge_core::ledger::TokenStatus;
use serde::Serialize;

use self::retries::{PATIENCE, Retries};
use super::storage::Unchecked;
use super::{Context, QuickArgs, Verdict};
use crate::config::ChainConfig;
use crate::output::counted;
use crate::progress::ChainProgress;
use crate::setup::{self, InspectedChain};
use crate::stores::Stores;
use crate::tasks::{EdgeSearch, Incidents};
use crate::views::{because, way_on};

#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    #[command(flatten)]
    quick: QuickArgs,
    /// End at the newest confirmed block instead of waiting for more
    #[arg(long)]
    until_head: bool,
}

#[derive(Debug, Default, Serialize)]
struct IndexReport {
    chains: Vec<ChainReport>,
}

#[derive(Debug, Serialize)]
struct ChainReport {
    chain_id: u64,
    name: String,
    transfers: u64,
    /// The number of contracts' logs kept.
    logs: u64,
    reorgs: u64,
    /// Whether the newest confirmed block was reached.
    reached: bool,
    /// Why the chain could not continue.
    error: Option<String>,
    tokens: Vec<TokenReport>,
    contracts: Vec<ContractReport>,
}

#[derive(Debug, Serialize)]
struct TokenReport {
    token: String,
    symbol: String,
    confirmed: Option<u64>,
    holders: u64,
    status: &'static str,
    /// Why it is not active, if a reason was given.
    reason: Option<String>,
    /// Why it is halted besides, while it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ContractReport {
    contract: String,
    address: String,
    confirmed: Option<u64>,
    logs: u64,
}

pub(super) async fn execute(context: Context, args: IndexArgs) -> anyhow::Result<Verdict> {
    let mut config = context.config_or_quick(args.quick).await?;
    config.require_chains()?;
    let unchecked = Unchecked::open(&config.storage).await?;
    setup::keep_known_names(&mut config.chains, &unchecked.stores).await?;
    let inspected = inspect(&config.chains, &unchecked.stores);
    let Some(chains) = context.stop.run_until_cancelled(inspected).await else {
        unchecked.stores.close().await;
        bail!("stopped before every chain was inspected");
    };
    let chains = chains?;
    let stores = unchecked.checked(&config.storage).await?;
    register(&chains, &stores).await?;
    let work = chains.iter().map(|chain| follow(&context, &stores, chain, args.until_head));
    let chains = tokio::select! {
        chains = try_join_all(work) => chains?,
        lost = stores.lost() => return Err(lost),
    };
    let report = IndexReport { chains };
    stores.close().await;
    context.output.print(&report)?;
    Ok(Verdict::fine_if(report.is_fine(args.until_head)))
}

/// Inspects every chain before anything is written, so that one wrong chain leaves no trace.
async fn inspect(configs: &[ChainConfig], stores: &Stores) -> anyhow::Result<Vec<InspectedChain>> {
    let inspected = configs.iter().map(|config| async {
        let inspected = setup::inspect(config, stores).await;
        inspected.map_err(|error| error.of(config))
    });
    try_join_all(inspected).await
}

async fn register(chains: &[InspectedChain], stores: &Stores) -> anyhow::Result<()> {
    for chain in chains {
        let registered = setup::register(chain, stores).await;
        registered.map_err(|error| error.of(&chain.config))?;
    }
    Ok(())
}

/// Indexes up to the newest confirmed block, or until the user stops it. The report of a chain that
/// cannot go on names the reason; the other chains continue.
async fn follow(
    context: &Context,
    stores: &Stores,
    chain: &InspectedChain,
    until_head: bool,
) -> anyhow::Result<ChainReport> {
    let config = &chain.config;
    let mut report = ChainReport {
        chain_id: config.id.get(),
        name: config.name.clone(),
        transfers: 0,
        logs: 0,
        reorgs: 0,
        reached: false,
        error: None,
        tokens: Vec::new(),
        contracts: Vec::new(),
    };
    let (route, ports) = (chain.route(), stores.ports());
    let patience = if until_head { PATIENCE } else { Patience::ENDLESS };
    let mut following = Following::new(route.indexer(config.id, &ports), patience);
    let mut progress = context.progress.chain(&config.name);
    progress.count_calls(&chain.source);
    let finder = route.finder(config.id, &ports);
    let mut edges = EdgeSearch::new(finder, &Incidents::default(), &config.name);
    let drivers = (&mut following, &mut edges);
    let work = index(config, drivers, until_head, &mut progress, &mut report.reached);
    let ended = context.stop.run_until_cancelled(work).await;
    let Indexed { transfers, logs, reorgs } = following.indexed();
    (report.transfers, report.logs, report.reorgs) = (transfers, logs, reorgs);
    // Not returned: an error of one chain must not discard the reports of the others.
    if let Some(Err(error)) = ended {
        report.error = Some(format!("{error:#}"));
    }
    for state in stores.balances.tokens(config.id).await? {
        report.tokens.push(TokenReport {
            token: state.spec.id.address.to_string(),
            symbol: state.spec.metadata.symbol,
            confirmed: state.cursor.map(|cursor| cursor.number.get()),
            holders: state.totals.holders,
            status: state.status.name(),
            reason: state.status.reason().map(str::to_owned),
            halt_reason: state.status.halt_under_pause().map(str::to_owned),
        });
    }
    for state in stores.logs.contracts(config.id).await? {
        report.contracts.push(ContractReport {
            contract: state.spec.id.name().to_owned(),
            address: state.spec.address.to_string(),
            confirmed: state.cursor.map(|cursor| cursor.number.get()),
            logs: state.logs,
        });
    }
    Ok(report)
}

async fn index(
    config: &ChainConfig,
    (following, edges): (&mut Following, &mut EdgeSearch),
    until_head: bool,
    progress: &mut ChainProgress,
    reached: &mut bool,
) -> anyhow::Result<()> {
    let mut retries = Retries::new(&config.name);
    loop {
        let next = following.step(SystemTime::now(), |_| {}).await;
        // A step that succeeds ends the incident, so that the next failure is logged again.
        if !next.is_failure() {
            retries.over();
        }
        match next {
            Next::Again(Moved::Forward(slice)) => progress.advanced(&slice),
            Next::Again(Moved::Back(record)) => {
                tracing::warn!(chain = config.name, "{}", Event::Reorged(record));
            }
            Next::Rest => {
                *reached = true;
                progress.reached();
                if until_head {
                    // What is not found is left to the next run.
                    edges.find_all().await;
                    return Ok(());
                }
                let rest = tokio::time::sleep(config.poll_interval);
                tokio::join!(rest, edges.step());
            }
            Next::Wait(failure) => {
                retries.report(failure);
                retries.wait().await;
            }
            Next::Stop(StopReason::Latched(status)) => {
                let way_on = way_on(&config.name, &status).unwrap_or_default();
                bail!("chain {} is {status}; {way_on}", config.name);
            }
            Next::Stop(StopReason::OutOfPatience(failure)) => {
                let error = retries.report(failure);
                return Err(error.context(format!("chain {} cannot go on", config.name)));
            }
        }
    }
}

impl IndexReport {
    fn is_fine(&self, until_head: bool) -> bool {
        let reached = |chain: &ChainReport| chain.error.is_none() && (chain.reached || !until_head);
        let is_active = |token: &TokenReport| token.status == TokenStatus::Active.name();
        let active = |chain: &ChainReport| chain.tokens.iter().all(is_active);
        self.chains.iter().all(|chain| reached(chain) && active(chain))
    }
}

impl fmt::Display for IndexReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chains.iter().try_for_each(|chain| write!(f, "{chain}"))
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, transfers) = (&self.name, counted(self.transfers, "transfer"));
        // A chain of tokens alone has no figure that is always zero.
        let logs = match self.contracts.len() {
            0 => String::new(),
            _ => format!(", {}", counted(self.logs, "log")),
        };
        let reorgs = counted(self.reorgs, "reorg");
        let end = match &self.error {
            Some(error) => format!(", failed: {error}"),
            None if self.reached => String::new(),
            None => ", stopped early".to_owned(),
        };
        writeln!(f, "{name}: {transfers}{logs}, {reorgs}{end}")?;
        for TokenReport { token, symbol, confirmed, holders, status, reason, halt_reason } in
            &self.tokens
        {
            let (block, holders) = (block(*confirmed), counted(*holders, "holder"));
            let why = because(reason.as_ref(), halt_reason.as_ref());
            let is_active = *status == TokenStatus::Active.name();
            let status = if is_active { String::new() } else { format!(", {status}{why}") };
            writeln!(f, "  {symbol} {token}: {block} confirmed, {holders}{status}")?;
        }
        for ContractReport { contract, address, confirmed, logs } in &self.contracts {
            let (block, logs) = (block(*confirmed), counted(*logs, "log"));
            writeln!(f, "  {contract} {address}: {block} confirmed, {logs}")?;
        }
        Ok(())
    }
}

fn block(confirmed: Option<u64>) -> String {
    confirmed.map_or("nothing".to_owned(), |block| format!("block {block}"))
}
