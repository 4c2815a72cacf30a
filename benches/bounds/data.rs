//! Ledgers with much of one thing, in a file each.

use pledge_benches::{TOKEN, account, commit, register};
use pledge_core::ledger::Transfer;
use pledge_core::points::Programme;
use pledge_core::ports::PointsStore;
use pledge_core::primitives::{Address, B256, U256};
use pledge_core::types::{Amount, BlockNumber, LogIndex, WindowLength};
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::world::operator;
use tempfile::TempDir;

/// Blocks in an hour, at 12 seconds a block.
pub(crate) const HOUR_BLOCKS: u64 = 300;
/// Transfers in one commit.
const COMMIT_TRANSFERS: usize = 5_000;

/// A store in a file of its own.
pub(crate) struct Store {
    pub(crate) store: SqliteStore,
    folder: TempDir,
}

impl Store {
    /// A store with a token and a programme with windows of some seconds.
    pub(crate) async fn open(window_seconds: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("bench.db");
        let store = SqliteStore::open(path.to_str().expect("a path in UTF-8")).await;
        let store = store.expect("open a fresh database");
        register(&store).await;
        let window = WindowLength::new(window_seconds).expect("a length");
        let programme = Programme { window, ..pledge_benches::programme() };
        store.put_programme(&programme, &operator()).await.expect("put a programme");
        Self { store, folder }
    }

    /// Commits transfers, whole blocks at a time.
    pub(crate) async fn commit(&self, transfers: &[Transfer]) {
        let mut rest = transfers;
        while !rest.is_empty() {
            let mut end = rest.len().min(COMMIT_TRANSFERS);
            while end < rest.len() && rest[end].block == rest[end - 1].block {
                end += 1;
            }
            let (now, later) = rest.split_at(end);
            commit(&self.store, now).await;
            rest = later;
        }
    }

    /// Megabytes on disk.
    pub(crate) fn size(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let sizes = files.map(|file| file.and_then(|file| file.metadata()).expect("a file").len());
        sizes.sum::<u64>() >> 20
    }
}

/// A transfer of one base unit from the first account, or a mint to it where `to` is none.
pub(crate) fn transfer(number: u64, block: u64, to: Option<u64>) -> Transfer {
    let pool = account(0).address();
    let (from, to, amount) = match to {
        Some(to) => (pool, account(to).address(), 1),
        None => (Address::ZERO, pool, 1_000_000_000_000),
    };
    Transfer {
        token: TOKEN.address,
        block: BlockNumber::new(block),
        log_index: LogIndex::new(number),
        tx_hash: B256::from(U256::from(number)),
        from,
        to,
        amount: Amount::from(amount),
    }
}
