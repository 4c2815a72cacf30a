//! Points at any instant of the past, and in buckets of any width, through a change of rate.
//!
//! Nothing is rounded: an answer is the fraction `raw / scale`, divided once, when it is shown.
//!
//! ```text
//! cargo run -p pledge-examples --example points_as_of
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use pledge_core::audit::Attribution;
use pledge_core::engine::Engine;
use pledge_core::stop::Stop;
use pledge_core::types::{Account, ProgrammeId, RateSchedule, RawPoints, Scale, Step};
use pledge_examples::{ALICE, BOB, NOBODY, Simulated, clock, instant};
use pledge_storage_memory::{MemoryPending, MemoryStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usdx = Simulated::new()?;
    usdx.mine("15:00", &[])?;
    usdx.mine("15:10", &[(NOBODY, ALICE, 100)])?;
    usdx.mine("15:30", &[(NOBODY, ALICE, 100)])?;
    usdx.mine("16:20", &[(ALICE, BOB, 150)])?;
    for _ in 0..3 {
        usdx.mine("17:00", &[])?;
    }

    // 0.05 points per token per hour, and three times as much from 15:40 on.
    let step = Step { from: instant("15:40")?, value: "0.15".parse()? };
    let rates = RateSchedule::new("0.05".parse()?, vec![step])?;
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::builder(store, Arc::new(MemoryPending::default()))
        .follow(usdx.followed(rates))
        .build(&Attribution::program("example", SystemTime::now())?)
        .await?;
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;

    let (queries, main) = (engine.queries(), ProgrammeId::main(usdx.token));
    let alice = Account::try_from(ALICE)?;
    let mut scale = None;
    println!("up to          points                 exactly");
    for at in ["15:10", "15:20", "15:40", "15:41", "16:00", "16:20", "17:00"] {
        let view = queries.account(usdx.token, alice, Some(&main), Some(instant(at)?)).await?;
        let points = view.points.context("the token has a programme")?;
        println!("{at:13}  {}", both(points.raw, points.scale));
        scale = Some(points.scale);
    }

    let scale = scale.context("an instant was asked for")?;
    let edges = ["15:00", "15:25", "15:50", "16:15", "16:40"].map(instant);
    let edges = edges.into_iter().collect::<Result<Vec<_>>>()?;
    println!("\nbetween        points                 exactly");
    for bucket in queries.points_between(&main, alice, &edges).await? {
        let (from, to) = (clock(bucket.from), clock(bucket.to));
        println!("{from} - {to}  {}", both(bucket.raw, scale));
    }
    println!("\nexactly is raw / {scale}, in lowest terms");
    Ok(())
}

/// Points as decimal text, floored at 18 places, and as the fraction that they are.
fn both(raw: RawPoints, scale: Scale) -> String {
    let divisor = raw.get().gcd(scale.get());
    let (numerator, denominator) = (raw.get() / divisor, scale.get() / divisor);
    format!("{:21}  {numerator}/{denominator}", scale.points(raw))
}
