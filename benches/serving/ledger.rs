//! A large ledger, by the calls that the indexer makes.

use std::sync::Arc;
use std::time::Instant;

use pledge_benches::{TOKEN, at, commit, mints, programme, register, transfers};
use pledge_core::points::{Programme, Settler, SettlerConfig};
use pledge_core::ports::{BalanceStore, PointsStore};
use pledge_core::stop::Stop;
use pledge_core::types::{Timestamp, WindowLength};
use pledge_testing::world::operator;

pub(crate) const ACCOUNTS: u64 = 1_000_000;
/// Each is two changes. With the mints there are ten million.
const TRANSFERS: u64 = 4_500_000;
/// Transfers in one commit: whole blocks.
const COMMIT_TRANSFERS: usize = 10_000;
/// The days of a window: with one of an hour, settling takes longer than all the rest.
pub(crate) const WINDOW_DAYS: u64 = 30;

/// The time of the last block.
pub(crate) fn end() -> Timestamp {
    at((ACCOUNTS + TRANSFERS).div_ceil(10) * 12)
}

/// Fills an empty store with the ledger, and settles it.
pub(crate) async fn fill<S: BalanceStore + PointsStore>(store: &Arc<S>) {
    let begun = Instant::now();
    register(store.as_ref()).await;
    let window = WindowLength::new(WINDOW_DAYS * 86_400).expect("shorter than a year");
    let programme = Programme { window, ..programme() };
    store.put_programme(&programme, &operator()).await.expect("put a programme");
    for first in (0..ACCOUNTS).step_by(100_000) {
        let mints = mints(first..first + 100_000);
        for slice in mints.chunks(COMMIT_TRANSFERS) {
            commit(store.as_ref(), slice).await;
        }
    }
    for first in (ACCOUNTS..ACCOUNTS + TRANSFERS).step_by(COMMIT_TRANSFERS) {
        commit(store.as_ref(), &transfers(ACCOUNTS, COMMIT_TRANSFERS as u64, first)).await;
    }
    let filled = begun.elapsed();
    let settler = Settler::new(store.clone(), store.clone(), SettlerConfig::default());
    settler.run(TOKEN, &Stop::never(), |_| {}).await.expect("a calm store settles");
    println!(
        "10,000,000 changes of 1,000,000 accounts in {} s, settled in {} s",
        filled.as_secs(),
        (begun.elapsed() - filled).as_secs()
    );
}
