//! `pledge rewind`: recovers a chain that was halted by a reorg deeper than the held headers.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anyhow::{Context as _, bail};
use clap::Args;
use pledge_core::audit::Reason;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::{PlannedContract, PlannedToken, RewindPlan};
use pledge_core::operate;
use pledge_core::ports::ChainState;
use pledge_core::types::BlockNumber;
use serde::Serialize;

use super::acting::{attribution, in_words, rewind_in_words};
use super::pause::find;
use super::{Context, Verdict, WrongUsage};
use crate::config::Config;
use crate::output::counted;
use crate::rewinding::OneChain;
use crate::setup;
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
    let (ports, height) = (stores.ports(), BlockNumber::new(args.to));
    let plan = operate::plan_rewind(&ports, state.chain, height).await.map_err(in_words)?;
    let config = config.chains.iter().find(|config| config.id == state.chain);
    let config = config.ok_or_else(|| {
        let name = &state.name;
        let what = "has no section in the configuration";
        WrongUsage(format!("chain {name} {what}: write [chains.{name}] with its nodes"))
    })?;
    if !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
        confirm(&state, &plan).await?;
    }
    let chain = setup::inspect(config, stores).await.map_err(|error| error.of(config))?;
    let rewinder = OneChain { chain, stores: stores.clone() };
    let by = attribution(args.reason.as_ref())?;
    let (of, digest) = ((state.chain, height), plan.digest());
    let record = operate::rewind_as_planned(&ports, &rewinder, of, digest, &by).await;
    let record = record.map_err(|refused| rewind_in_words(height, refused))?;
    Ok(Rewound { chain: state.name, chain_id: state.chain.get(), reason: by.reason, record })
}

/// Shows what would be taken back, and continues only if the user confirms.
async fn confirm(chain: &ChainState, plan: &RewindPlan) -> anyhow::Result<()> {
    let question = question(chain, plan);
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

fn question(chain: &ChainState, plan: &RewindPlan) -> String {
    let to = plan.to;
    let mut text = format!("{} ({}) would go back to block {to}:\n", chain.name, chain.chain);
    for PlannedToken { token, symbol, from } in &plan.tokens {
        let from = format_args!("from block {} ({})", from.number, from.time);
        text += &format!("  {symbol} {} {from}\n", token.address);
    }
    for PlannedContract { contract, from } in &plan.contracts {
        let (name, number, time) = (contract.name(), from.number, from.time);
        text += &format!("  the logs of {name} from block {number} ({time})\n");
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
    use pledge_core::logs::{ContractSpec, ContractState, Events};
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
        let asked = |to| {
            let tokens = std::slice::from_ref(&state);
            question(&chain, &RewindPlan::of(chain.chain, to, tokens, &[]))
        };
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
        let asked = |to| {
            let contracts = std::slice::from_ref(&pool);
            question(&chain, &RewindPlan::of(chain.chain, to, &[], contracts))
        };
        let named = format!("the logs of pool from block {} ({})", cursor.number, cursor.time);
        let (below, at) = (asked(cursor.number.down(1)), asked(cursor.number));
        assert!(below.contains(&named) && !at.contains("pool"), "{below}{at}");
    }
}
