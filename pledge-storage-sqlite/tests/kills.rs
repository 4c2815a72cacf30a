//! A process that is killed around the commit of a rewind over tokens and contracts.
//!
//! A process that dies leaves the log as far as it had written it, and SQLite reads of a log what is
//! committed in it. So every length of the log is tried, from none of the rewind to all of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::sync::Arc;

use pledge_core::indexer::ChainStatus;
use pledge_core::ports::ChainReport;
use pledge_core::types::BlockNumber;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::Fixture;
use pledge_testing::conformance::contracts::{Contracts, Everything};
use pledge_testing::conformance::points_store::{self, settle_both};
use pledge_testing::world::{CHAIN, at};
use support::Place;

const NAMES: [&str; 2] = ["router", "vault"];
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

fn fixture(store: &SqliteStore) -> Fixture {
    Fixture::new(Arc::new(store.clone()), ())
}

/// Where a log ends if its writer dies before, between and in the middle of its frames.
fn ends(log: &[u8]) -> impl Iterator<Item = usize> {
    let page_bytes = u32::from_be_bytes(log[8..12].try_into().unwrap());
    let frame_bytes = FRAME_HEADER_BYTES + usize::try_from(page_bytes).unwrap();
    let frames = (LOG_HEADER_BYTES..log.len()).step_by(frame_bytes);
    let within = frames.flat_map(move |start| [start, start + 7, start + frame_bytes / 2]);
    [0, 9].into_iter().chain(within).chain([log.len() - 1, log.len()])
}

/// What another process finds in these files.
async fn found(database: &[u8], log: &[u8]) -> Everything {
    let place = Place::new();
    fs::write(place.path(), database).unwrap();
    fs::write(format!("{}-wal", place.path()), log).unwrap();
    let store = place.open().await;
    let everything = Everything::of(&fixture(&store)).await;
    store.close().await;
    everything
}

#[tokio::test]
async fn a_kill_around_a_rewind_leaves_ledger_and_logs_both_rewound_or_neither() {
    let place = Place::new();
    let store = place.open().await;
    let ledger = points_store::open(fixture(&store)).await;
    settle_both(&ledger, (0, 7_200)).await;
    let contracts = Contracts { ledger: ledger.clone() };
    for name in NAMES {
        contracts.follow(name).await;
    }
    contracts.ledger.store().report_chain(&live()).await.unwrap();
    // What is closed has its log in its file, so that the next log is the rewind's alone.
    store.close().await;
    let store = place.open().await;
    let again = over(&store, &contracts);
    let database = fs::read(place.path()).unwrap();
    let before = again.everything().await;
    again.rewind(&NAMES, again.block(2)).await.unwrap();
    let after = again.everything().await;
    let log = fs::read(format!("{}-wal", place.path())).unwrap();
    assert_eq!(fs::read(place.path()).unwrap(), database, "all of the rewind is in the log");
    let mut is_rewound = Vec::new();
    for end in ends(&log) {
        let found = found(&database, &log[..end]).await;
        assert!(found == before || found == after, "{end} of {} bytes: {found:?}", log.len());
        is_rewound.push(found == after);
    }
    assert_eq!(is_rewound.first().zip(is_rewound.last()), Some((&false, &true)));
    assert!(is_rewound.is_sorted(), "what was committed stays so: {is_rewound:?}");
}

/// A head above the ledger, which a rewind forgets.
fn live() -> ChainReport {
    let six = Some(BlockNumber::new(6));
    ChainReport {
        chain: CHAIN,
        status: ChainStatus::Live,
        head: six,
        head_time: Some(at(9_000)),
        processed: six,
    }
}

/// The same chain over the store that was opened again.
fn over(store: &SqliteStore, contracts: &Contracts) -> Contracts {
    let mut again = contracts.clone();
    again.ledger.fixture = fixture(store);
    again
}
