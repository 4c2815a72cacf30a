//! `pledge rewind`: the way out for a chain that halted by a reorg deeper than what is held.

use std::fmt;

use anyhow::{Context as _, bail};
use clap::Args;
use pledge_core::event::ReorgRecord;
use pledge_core::types::BlockNumber;
use serde::Serialize;

use super::pause::find;
use super::{Context, Verdict, WrongUsage};
use crate::config::Config;
use crate::output::counted;
use crate::setup::{self, InspectedChain};
use crate::stores::{self, Stores};

#[derive(Debug, Args)]
pub(super) struct RewindArgs {
    /// The chain, by name or id: paused or halted
    chain: String,
    /// The newest block to keep, which the ledger and the node have in common
    #[arg(long, value_name = "BLOCK")]
    to: u64,
}

#[derive(Debug, Serialize)]
struct Rewound {
    chain: String,
    chain_id: u64,
    #[serde(flatten)]
    record: ReorgRecord,
}

pub(super) async fn execute(context: Context, args: RewindArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let stores = stores::open_existing(&config.storage).await?;
    let rewound = rewind(&config, &stores, &args);
    let rewound = context.stop.run_until_cancelled(rewound).await;
    let rewound = rewound.context("stopped before anything was written")?;
    stores.close().await;
    context.output.print(&rewound?)?;
    Ok(Verdict::Fine)
}

async fn rewind(config: &Config, stores: &Stores, args: &RewindArgs) -> anyhow::Result<Rewound> {
    let state = find(stores, &args.chain).await?;
    if !state.status.is_latched() {
        let name = &state.name;
        bail!("chain {name} is {}: `pledge pause {name}` first", state.status);
    }
    let chain = config.chains.iter().find(|chain| chain.id == state.chain);
    let chain = chain.ok_or_else(|| {
        WrongUsage(format!("chain {} has no section in the configuration", state.name))
    })?;
    let chain: InspectedChain =
        setup::inspect(chain, stores).await.map_err(|error| error.of(chain))?;
    let record = chain.indexer(stores).rewind_to(BlockNumber::new(args.to)).await?;
    Ok(Rewound { chain: state.name, chain_id: state.chain.get(), record })
}

impl fmt::Display for Rewound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, chain_id, record } = self;
        writeln!(f, "{chain} ({chain_id}) stands at block {} again", record.to.number)?;
        for token in &record.tokens {
            let changes = counted(token.changes_removed, "change");
            let statements = counted(token.statements_reversed, "statement");
            let (address, from) = (token.token.address, token.from.number);
            writeln!(
                f,
                "  {address}: from block {from}, {changes} undone, {statements} taken back"
            )?;
        }
        writeln!(
            f,
            "`pledge resume {chain}` sets it going again; `pledge verify` audits it after that"
        )
    }
}
