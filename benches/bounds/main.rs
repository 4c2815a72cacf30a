//! Time and memory of a page, a settlement and short windows. README.md explains the output.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod data;
mod memory;

use std::sync::Arc;
use std::time::Instant;

use data::{HOUR_BLOCKS, Store, transfer};
use pledge_benches::{account, at};
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{PointsReads, StatementKind, StatementPlace, StatementsQuery};
use pledge_core::stop::Stop;
use pledge_core::types::{Epoch, ProgrammeId, WindowLength};
use pledge_storage_sqlite::SqliteStore;

/// Hours in ten years.
const DECADE_HOURS: u64 = 87_600;
const READERS: u64 = 32;
const PAGES: u64 = 10;

const PARTS: [&str; 3] = ["statements", "settlement", "short-windows"];

/// Runs each part in a process of its own, so that none starts with memory that another left.
fn main() {
    let asked = std::env::args().nth(1).filter(|arg| PARTS.contains(&arg.as_str()));
    let Some(part) = asked else {
        println!("{:<64}{:>12}{:>10}{:>10}", "", "time", "memory", "on disk");
        let own = std::env::current_exe().expect("the bench is a file");
        for part in PARTS {
            let ended = std::process::Command::new(&own).arg(part).status();
            assert!(ended.expect("the bench can be run").success(), "{part} failed");
        }
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        match part.as_str() {
            "statements" => statements().await,
            "settlement" => settlement().await,
            _ => short_windows().await,
        }
    });
}

/// Runs a piece of work and prints its time, and how far the peak of memory rose above the level
/// before.
async fn measured<T>(what: &str, times: u64, store: &Store, work: impl Future<Output = T>) -> T {
    let before = memory::now();
    memory::forget_peak();
    let begun = Instant::now();
    let done = work.await;
    let tenths = begun.elapsed().as_micros() / 100 / u128::from(times);
    let grown = memory::peak().saturating_sub(before);
    let time = format!("{}.{}", tenths / 10, tenths % 10);
    println!("{what:<64}{time:>9} ms{grown:>7} MB{:>7} MB", store.size());
    done
}

async fn settle(store: &SqliteStore) {
    let config = SettlerConfig::default();
    let store = Arc::new(store.clone());
    let settler = Settler::new(store.clone(), store, config);
    let report = settler.run(pledge_benches::TOKEN, &Stop::never(), |_| {}).await;
    report.expect("a calm store settles");
}

/// An account with a change in each hour of ten years.
async fn statements() {
    let ledger = Store::open(3_600).await;
    let hourly = |hour: u64| transfer(hour, 1 + hour * HOUR_BLOCKS, (hour > 0).then_some(1));
    let transfers: Vec<_> = (0..=DECADE_HOURS).map(hourly).collect();
    ledger.commit(&transfers).await;
    drop(transfers);
    settle(&ledger.store).await;
    measured("a page of statements of 87,600", PAGES, &ledger, async {
        for _ in 0..PAGES {
            page(&ledger.store).await;
        }
    })
    .await;
    measured("the same, 32 readers at a time", READERS * PAGES, &ledger, async {
        let reader = |_| {
            let store = ledger.store.clone();
            tokio::spawn(async move {
                for _ in 0..PAGES {
                    page(&store).await;
                }
            })
        };
        for reader in (0..READERS).map(reader).collect::<Vec<_>>() {
            reader.await.expect("a reader");
        }
    })
    .await;
}

/// A hundred statements in the middle.
async fn page(store: &SqliteStore) {
    let programme = ProgrammeId::main(pledge_benches::TOKEN);
    let middle = at(12 + DECADE_HOURS / 2 * 3_600);
    let window_start = WindowLength::HOUR.floor(middle);
    let after = StatementPlace { epoch: Epoch::FIRST, kind: StatementKind::Earned, window_start };
    let (account, after) = (account(0), Some(after));
    let query = StatementsQuery { programme, account, after, limit: 100 };
    assert_eq!(store.statements(&query).await.expect("read").value.rows.len(), 100);
}

/// A month of a pool: 450,000 transfers to a thousand accounts.
async fn settlement() {
    const TRANSFERS: u64 = 450_000;
    let ledger = Store::open(3_600).await;
    let to = |number: u64| (number > 0).then_some(1 + number % 1_000);
    let pool = |number: u64| transfer(number, 1 + number / 2, to(number));
    let mut transfers: Vec<_> = (0..TRANSFERS).map(pool).collect();
    transfers.push(transfer(TRANSFERS, 2 + TRANSFERS / 2, Some(1)));
    ledger.commit(&transfers).await;
    drop(transfers);
    measured("settling 900,000 changes, half of them of one account", 1, &ledger, async {
        settle(&ledger.store).await;
    })
    .await;
}

/// Nine transfers in a day of windows of one second.
async fn short_windows() {
    let ledger = Store::open(1).await;
    let spread = |number: u64| {
        transfer(number, 1 + number * HOUR_BLOCKS * 3, (number > 0).then_some(number))
    };
    let transfers: Vec<_> = (0..9).map(spread).collect();
    ledger.commit(&transfers).await;
    measured("settling 9 transfers in a day of windows of 1 s", 1, &ledger, async {
        settle(&ledger.store).await;
    })
    .await;
}
