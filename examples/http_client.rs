//! A leaderboard and an account through the HTTP API, by the typed client:
//! `cargo run -p pledge-examples --example http_client`.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{pin::pin, sync::Arc, time::SystemTime};

use futures::TryStreamExt;
use pledge_client::{Asked, Client, Order};
use pledge_core::{audit::Attribution, engine::Engine, stop::Stop, types::RateSchedule};
use pledge_examples::{ALICE, BOB, NOBODY, Simulated, instant};
use pledge_http::{Api, router};
use pledge_storage_memory::{MemoryPending, MemoryStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let usdx = Simulated::new()?;
    usdx.mine("15:10", &[(NOBODY, ALICE, 100)])?;
    usdx.mine("15:30", &[(ALICE, BOB, 40)])?;
    (0..3).try_for_each(|_| usdx.mine("16:00", &[]).map(drop))?;
    let (store, pending) = (Arc::new(MemoryStore::new()), Arc::new(MemoryPending::default()));
    let rates = RateSchedule::constant("0.05".parse()?);
    let by = Attribution::program("example", SystemTime::now())?;
    let engine = Engine::builder(store, pending).follow(usdx.followed(rates)).build(&by);
    let mut engine = engine.await?;
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let client = Client::new(format!("http://{}", listener.local_addr()?))?;
    let api = Api { queries: engine.queries().clone(), clock: SystemTime::now };
    tokio::spawn(async move { axum::serve(listener, router(api)).await });

    let token = client.token(usdx.token);
    let mut leaders = pin!(token.accounts(Order::Points).limit(1).items());
    while let Some(leader) = leaders.try_next().await? {
        println!("{} has {} points", leader.account, leader.points.unwrap_or_default());
    }
    let then = token.account(ALICE, Asked { at: Some(instant("15:20")?) }).await?;
    println!("at 15:20 {} held {} {}", then.account, then.balance_formatted, then.symbol);
    let early = token.account(ALICE, Asked { at: Some(instant("17:00")?) }).await;
    println!("{}", early.expect_err("it is not confirmed yet"));
    Ok(())
}
