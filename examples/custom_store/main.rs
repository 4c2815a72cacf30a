//! A store of your own: here one that counts the calls of another, and runs the engine over it.
//!
//! A store is right when it passes the laws of its ports, which this file runs at its end.
//!
//! ```text
//! cargo run -p pledge-examples --example custom_store
//! cargo test -p pledge-examples --example custom_store
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

mod metered;
mod uncounted;

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use metered::Metered;
use pledge_core::audit::Attribution;
use pledge_core::engine::Engine;
use pledge_core::stop::Stop;
use pledge_core::types::{ProgrammeId, RateSchedule};
use pledge_examples::{ALICE, BOB, NOBODY, Simulated};
use pledge_storage_memory::{MemoryPending, MemoryStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usdx = Simulated::new()?;
    usdx.mine("15:00", &[(NOBODY, ALICE, 300)])?;
    usdx.mine("15:20", &[(ALICE, BOB, 100)])?;
    for _ in 0..3 {
        usdx.mine("16:00", &[])?;
    }

    let store = Arc::new(Metered::<MemoryStore>::default());
    let mut engine = Engine::builder(store.clone(), Arc::new(MemoryPending::default()))
        .follow(usdx.followed(RateSchedule::constant("0.05".parse()?)))
        .build(&Attribution::program("example", SystemTime::now())?)
        .await?;
    report("To begin", &store);
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    report("To index five blocks and settle an hour", &store);
    let main = ProgrammeId::main(usdx.token);
    engine.queries().account(usdx.token, BOB.try_into()?, Some(&main), None).await?;
    report("To answer what an account holds and has earned", &store);
    Ok(())
}

fn report(what: &str, store: &Metered<MemoryStore>) {
    println!("{what}:");
    for (operation, calls) in std::mem::take(&mut *store.calls.lock().expect("no holder panics")) {
        println!("{calls:>4}  {operation}");
    }
}

#[cfg(test)]
mod tests {
    use pledge_testing::Fixture;

    use super::*;

    async fn fixture() -> Fixture {
        Fixture::new(Arc::new(Metered::<MemoryStore>::default()), ())
    }

    pledge_testing::balance_store_conformance!(fixture());
    pledge_testing::points_store_conformance!(fixture());
    pledge_testing::log_store_conformance!(fixture());
    pledge_testing::event_store_conformance!(fixture());
    pledge_testing::audit_conformance!(fixture());
}
