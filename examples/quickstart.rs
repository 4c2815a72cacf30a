//! The whole engine in memory: index a chain, settle it, ask what an account holds and has earned.
//!
//! The chain lives in memory too. An `EvmChain` in its place follows a real one, and a
//! `SqliteStore` in place of the `MemoryStore` keeps what was learned.
//!
//! ```text
//! cargo run -p pledge-examples --example quickstart
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use pledge_core::audit::Attribution;
use pledge_core::engine::{Engine, FollowedChain, FollowedToken};
use pledge_core::ledger::TokenMetadata;
use pledge_core::primitives::Address;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{BlockNumber, ChainId, Decimals, ProgrammeId, Timestamp, TokenId};
use pledge_storage_memory::{MemoryPending, MemoryStore};

/// The first block's time: 2026-01-01T15:00:00Z.
const THREE_PM: u64 = 1_767_279_600;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let token = TokenId { chain: ChainId::new(31_337), address: Address::repeat_byte(0x70) };
    let holder = Address::repeat_byte(0xa1);
    let chain = play(token, holder)?;

    // 0.05 points per whole token per hour, from the first block on.
    let usdx = FollowedToken::new(token.address, BlockNumber::new(0)).earning("0.05".parse()?);
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::builder(store, Arc::new(MemoryPending::default()))
        .follow(FollowedChain::new("example", chain).token(usdx))
        .build(&Attribution::program("example", SystemTime::now())?)
        .await?;

    // A long-running program calls this every few seconds.
    let done = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    println!("transfers indexed:  {}", done.transfers);
    println!("statements settled: {}", done.settled.statements);

    let main = ProgrammeId::main(token);
    let view = engine.queries().account(token, holder.try_into()?, Some(&main), None).await?;
    let points = view.points.context("the token has a programme")?;
    println!("\n{holder} at {}", view.at_time);
    println!("balance  {} base units", view.balance);
    println!("points   {}", points.scale.points(points.raw));
    println!("exactly  {} / {}", points.raw, points.scale);
    Ok(())
}

/// 100 tokens at 15:10, 100 more at 15:30, and the blocks that confirm them at 16:00.
fn play(token: TokenId, holder: Address) -> Result<ScriptedChain> {
    let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals: Decimals::new(18)? };
    let chain = ScriptedChain::new(token.chain, Timestamp::new(THREE_PM)?)
        .with_token(token.address, metadata);
    let amount = "100000000000000000000".parse()?;
    let mint = ScriptedTransfer { token: token.address, from: Address::ZERO, to: holder, amount };
    chain.mine(Timestamp::new(THREE_PM + 600)?, &[mint]);
    chain.mine(Timestamp::new(THREE_PM + 1_800)?, &[mint]);
    for _ in 0..7 {
        chain.mine(Timestamp::new(THREE_PM + 3_600)?, &[]);
    }
    Ok(chain)
}
