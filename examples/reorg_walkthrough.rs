//! A fork that reaches the ledger: what is reversed, and why no trace of it remains.
//!
//! ```text
//! cargo run -p pledge-examples --example reorg_walkthrough
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use pledge_core::indexer::Poll;
use pledge_core::stop::Stop;
use pledge_core::types::{ProgrammeId, RateSchedule};
use pledge_core::{audit::Attribution, engine::Engine};
use pledge_examples::{ALICE, BOB, NOBODY, Simulated};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::digest::digest;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usdx = Simulated::new()?;
    usdx.mine("15:00", &[(NOBODY, ALICE, 300)])?;
    usdx.mine("15:20", &[(ALICE, BOB, 90)])?;
    (0..3).try_for_each(|_| usdx.mine("16:00", &[]).map(drop))?;
    println!("Bob receives 90 at 15:20, and 16:00 closes the window.");
    let mut engine = fresh_engine(&usdx).await?;
    follow(&mut engine, &usdx).await?;
    println!("\nThe chain forks above block 1: now Bob receives 60 at 15:30.");
    usdx.chain.fork_at(1);
    usdx.mine("15:30", &[(ALICE, BOB, 60)])?;
    (0..4).try_for_each(|_| usdx.mine("16:00", &[]).map(drop))?;
    follow(&mut engine, &usdx).await?;
    println!("\nAnother engine, which never saw the first branch.");
    let mut clean = fresh_engine(&usdx).await?;
    follow(&mut clean, &usdx).await?;
    let [ours, theirs] = [engine.queries(), clean.queries()];
    let ours = digest(ours.ledger(), ours.points(), usdx.token).await?;
    let theirs = digest(theirs.ledger(), theirs.points(), usdx.token).await?;
    ensure!(ours == theirs, "the engines hold {ours:#?} and {theirs:#?}");
    println!("\nBoth hold the same: every change, balance, sum, total and window.");
    Ok(())
}

async fn fresh_engine(usdx: &Simulated) -> Result<Engine> {
    let (store, pending) = (Arc::new(MemoryStore::new()), Arc::new(MemoryPending::default()));
    let chain = usdx.followed(RateSchedule::constant("0.05".parse()?));
    let builder = Engine::builder(store, pending).follow(chain);
    Ok(builder.build(&Attribution::program("example", SystemTime::now())?).await?)
}

/// Catches up, poll by poll, and prints Bob's points and statements.
async fn follow(engine: &mut Engine, usdx: &Simulated) -> Result<()> {
    engine.catch_up(SystemTime::now, &Stop::never(), |_, poll| report(poll)).await?;
    let (queries, main, bob) = (engine.queries(), ProgrammeId::main(usdx.token), BOB.try_into()?);
    let view = queries.account(usdx.token, bob, Some(&main), None).await?;
    let points = view.points.context("the token has a programme")?;
    println!("  Bob has earned {} points", points.scale.points(points.raw));
    for row in queries.statements(&main, bob, None, 100).await? {
        let (kind, text, epoch) = (row.kind, points.scale.points(row.raw), row.epoch.get());
        println!("    statement: {kind:?} {text} in epoch {epoch}");
    }
    Ok(())
}

fn report(poll: &Poll) {
    match poll {
        Poll::Advanced(slice) => {
            println!("  confirmed block {}, transfers: {}", slice.to, slice.transfers)
        }
        Poll::Rewound(record) => record.tokens.iter().for_each(|token| {
            let (changes, statements) = (token.changes_removed, token.statements_reversed);
            println!("  from block {} back to {}:", token.from.number, record.to.number);
            println!("    {changes} changes removed, {statements} statements reversed");
        }),
        Poll::Idle => println!("  caught up"),
        Poll::Retry(_) | Poll::Stopped(_) => println!("  {poll:?}"),
    }
}
