//! `pledge rewind`: recovers a chain that was halted by a reorg deeper than the held headers.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anyhow::{Context as _, bail};
use clap::Args;
use pledge_core::audit::Reason;
use pledge_core::error::StoreErrorKind;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::IndexerError;
use pledge_core::ledger::TokenState;
use pledge_core::logs::ContractState;
use pledge_core::ports::ChainState;
use pledge_core::types::{BlockNumber, ChainId};
use serde::Serialize;

use super::acting::attribution;
use super::pause::find;
use super::{Context, Verdict, WrongUsage};
use crate::config::Config;
use crate::output::counted;
use crate::setup::{self, InspectedChain};
use crate::stores::Stores;
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct RewindArgs {
    /// The chain, by name or id: paused or halted
    chain: String,
    /// The newest block to keep, which the ledger and the node have in common
    #[arg(long, value_name = "BLOCK")]
    to: u64,
    /// The reason, kept with its event and with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
    /// Do not ask for confirmation; it is asked for only on a terminal
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Rewound {
    chain: String,
    chain_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(flatten)]
    record: ReorgRecord,
}

pub(super) async fn execute(context: Context, args: RewindArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let stores = wire::open_existing(&config.storage).await?;
    let rewound = rewind(&config, &stores, &args);
    let rewound = context.stop.run_until_cancelled(rewound).await;
    // A call dropped during its commit may have been committed.
    let rewound = rewound
        .context("stopped: the rewind is done whole or not at all; `pledge status` shows which")?;
    stores.close().await;
    context.output.print(&rewound?)?;
    Ok(Verdict::Fine)
}

async fn rewind(config: &Config, stores: &Stores, args: &RewindArgs) -> anyhow::Result<Rewound> {
    let state = find(stores, &args.chain).await?;
    let height = BlockNumber::new(args.to);
    // A chain that is still followed would be indexed again at once.
    if !state.status.needs_operator() {
        let name = &state.name;
        bail!(
            "chain {name} is {}: a rewind needs it paused or halted, run `pledge pause \
             {name}` first",
            state.status
        );
    }
    let chain = config.chains.iter().find(|chain| chain.id == state.chain);
    let chain = chain.ok_or_else(|| {
        let name = &state.name;
        let what = "has no section in the configuration";
        WrongUsage(format!("chain {name} {what}: write [chains.{name}] with its nodes"))
    })?;
    require_above(newest_block(stores, state.chain).await?, height)?;
    if !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
        confirm(stores, &state, height).await?;
    }
    let chain: InspectedChain =
        setup::inspect(chain, stores).await.map_err(|error| error.of(chain))?;
    let by = attribution(args.reason.as_ref())?;
    let mut indexer = chain.route().indexer(chain.config.id, &stores.ports());
    let record = indexer.rewind_to(height, &by).await;
    let record = record.map_err(|error| refused(height, error))?;
    Ok(Rewound { chain: state.name, chain_id: state.chain.get(), reason: by.reason, record })
}

/// The highest block that anything of the chain has come to.
async fn newest_block(stores: &Stores, chain: ChainId) -> anyhow::Result<Option<BlockNumber>> {
    let (tokens, contracts) =
        (stores.balances.tokens(chain).await?, stores.logs.contracts(chain).await?);
    let tokens = tokens.iter().filter_map(|token| token.cursor);
    let contracts = contracts.iter().filter_map(|contract| contract.cursor);
    Ok(tokens.chain(contracts).map(|cursor| cursor.number).max())
}

/// Checks that there is something to take back.
fn require_above(newest: Option<BlockNumber>, to: BlockNumber) -> Result<(), WrongUsage> {
    match newest {
        Some(newest) if newest > to => Ok(()),
        Some(newest) => Err(WrongUsage(format!(
            "--to {to}: nothing is above that block: name one below {newest}, the newest in the store"
        ))),
        None => Err(WrongUsage(format!(
            "--to {to}: the store has no block of the chain, so there is nothing to take back"
        ))),
    }
}

/// A block that the ledger refuses is a wrong argument; everything else failed.
fn refused(to: BlockNumber, error: IndexerError) -> anyhow::Error {
    match error {
        IndexerError::Store(error) if error.kind() == StoreErrorKind::Invalid => {
            WrongUsage(format!("--to {to}: {}", error.detail())).into()
        }
        error => error.into(),
    }
}

/// Shows what would be taken back, and continues only if the user confirms.
async fn confirm(stores: &Stores, chain: &ChainState, to: BlockNumber) -> anyhow::Result<()> {
    let contracts = stores.logs.contracts(chain.chain).await?;
    let question = question(chain, &stores.balances.tokens(chain.chain).await?, &contracts, to);
    // On a thread of its own: a signal has to end the command while it waits for the answer.
    let answer = tokio::task::spawn_blocking(move || {
        write!(io::stderr(), "{question}")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    match answer.await??.trim() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was written"),
    }
}

fn question(
    chain: &ChainState,
    tokens: &[TokenState],
    contracts: &[ContractState],
    to: BlockNumber,
) -> String {
    let mut text = format!("{} ({}) would go back to block {to}:\n", chain.name, chain.chain);
    for token in tokens {
        if let Some(cursor) = token.cursor.filter(|cursor| cursor.number > to) {
            let (symbol, address) = (&token.spec.metadata.symbol, token.spec.id.address);
            let from = format_args!("from block {} ({})", cursor.number, cursor.time);
            text += &format!("  {symbol} {address} {from}\n");
        }
    }
    for contract in contracts {
        if let Some(cursor) = contract.cursor.filter(|cursor| cursor.number > to) {
            let (name, number, time) = (contract.spec.id.name(), cursor.number, cursor.time);
            text += &format!("  the logs of {name} from block {number} ({time})\n");
        }
    }
    text + "Statements published after that block stay listed and are reversed by added rows. \
            Continue? [y/N] "
}

impl fmt::Display for Rewound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, chain_id, reason: _, record } = self;
        writeln!(f, "{chain} ({chain_id}) is back at block {}", record.to.number)?;
        for token in &record.tokens {
            let changes = counted(token.changes_removed, "change");
            let statements = counted(token.statements_reversed, "statement");
            let (address, from) = (token.token.address, token.from.number);
            writeln!(
                f,
                "  {address}: from block {from}, {changes} undone, {statements} taken back"
            )?;
        }
        for contract in &record.contracts {
            let (name, from) = (contract.contract.name(), contract.from.number);
            let logs = counted(contract.logs_removed, "log");
            writeln!(f, "  {name}: from block {from}, {logs} removed")?;
        }
        writeln!(f, "`pledge resume {chain}` sets it going again; `pledge verify` then checks it")
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::logs::{ContractSpec, Events};
    use pledge_core::types::ContractId;
    use pledge_storage_memory::MemoryStore;

    use super::*;
    use crate::test_chain::{TestChain, account, token};

    #[tokio::test]
    async fn a_person_is_asked_with_what_would_be_taken_back() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        test.mine(600, Some((account(1), 10))).await;
        let chain = stores.balances.chains().await.unwrap().remove(0);
        let state = token(&stores).await;
        let cursor = state.cursor.unwrap();
        let asked = |to| question(&chain, std::slice::from_ref(&state), &[], to);
        let below = asked(cursor.number.down(1));
        assert!(
            below.contains(&format!("from block {} ({})", cursor.number, cursor.time)),
            "{below}"
        );
        assert!(!asked(cursor.number).contains("from block"), "{below}");
    }

    #[tokio::test]
    async fn a_person_is_asked_with_the_contracts_whose_logs_would_be_taken_back() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        test.mine(600, None).await;
        let chain = stores.balances.chains().await.unwrap().remove(0);
        let cursor = token(&stores).await.cursor.unwrap();
        let pool = ContractSpec {
            id: ContractId::new(chain.chain, "pool").unwrap(),
            address: account(9).address(),
            events: Events::all(),
            start_block: cursor.number,
        };
        let pool = ContractState { cursor: Some(cursor), ..ContractState::registered(pool) };
        let asked = |to| question(&chain, &[], std::slice::from_ref(&pool), to);
        let named = format!("the logs of pool from block {} ({})", cursor.number, cursor.time);
        let (below, at) = (asked(cursor.number.down(1)), asked(cursor.number));
        assert!(below.contains(&named) && !at.contains("pool"), "{below}{at}");
    }
}
