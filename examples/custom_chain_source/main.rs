//! A chain of your own: a file of transfers, one block a line, and the points that they earn.
//!
//! A source is right when it passes the laws of `ChainSource`, which this file runs at its end.
//!
//! ```text
//! cargo run -p pledge-examples --example custom_chain_source [-- your.csv]
//! cargo test -p pledge-examples --example custom_chain_source
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

mod contract;
mod csv_chain;
mod rows;
mod source;

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use csv_chain::{CsvChain, TOKEN};
use pledge_core::audit::Attribution;
use pledge_core::engine::{Engine, FollowedChain, FollowedToken};
use pledge_core::indexer::Finality;
use pledge_core::stop::Stop;
use pledge_core::types::{BlockNumber, ProgrammeId};
use pledge_storage_memory::{MemoryPending, MemoryStore};

/// How many accounts are shown.
const LARGEST: usize = 20;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/transfers.csv");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| FILE.to_owned());
    let shares = FollowedToken::new(TOKEN.address, BlockNumber::new(1)).earning("0.05".parse()?);
    let chain = FollowedChain::new("csv", CsvChain::open(&file)?)
        .confirmed_by(Finality::Finalized)
        .token(shares);
    let mut engine =
        Engine::builder(Arc::new(MemoryStore::new()), Arc::new(MemoryPending::default()))
            .follow(chain)
            .build(&Attribution::program("example", SystemTime::now())?)
            .await?;
    let done = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    let (queries, main) = (engine.queries(), ProgrammeId::main(TOKEN));
    if let Some(reason) = queries.token(TOKEN).await?.status.reason() {
        bail!("{file}: {reason}");
    }
    println!("{} transfers; the largest balances, and what they have earned:", done.transfers);
    for (account, state) in queries.ledger().holders(TOKEN, None, LARGEST).await?.value {
        let view = queries.account(TOKEN, account, Some(&main), None).await?;
        let points = view.points.context("the token has a programme")?;
        let points = points.scale.points(points.raw);
        println!("{account}  balance {:>4}  points {points}", state.balance);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pledge_testing::conformance::chain_source::SourceFixture;

    use super::*;

    async fn fixture() -> SourceFixture {
        let chain = CsvChain::open(FILE).expect("the file is in order");
        SourceFixture {
            chain: TOKEN.chain,
            token: TOKEN.address,
            metadata: chain.metadata.clone(),
            transfers: chain.transfers.len(),
            source: Arc::new(chain),
            guard: Box::new(()),
        }
    }

    pledge_testing::chain_source_conformance!(fixture());
}
