//! Readers outside: bounded, and never in the way of the store's own work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Debug;
use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::ports::{LedgerReads, PointsReads, Seen, StatementRows, StatementsQuery};
use pledge_core::types::ProgrammeId;
use pledge_storage_mysql::{MySqlDatabase, MySqlStore};
use pledge_storage_sql::{Access, Database, ReaderBounds, SqlReaders};
use pledge_testing::Fixture;
use pledge_testing::conformance::ledger::Ledger;
use pledge_testing::conformance::points_store;
use pledge_testing::world::{CHAIN, account, token};
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};
use support::Place;
use tokio::task::JoinHandle;

const CONNECTIONS: u16 = 3;

const BOUNDS: ReaderBounds = ReaderBounds {
    connections: NonZeroU16::new(CONNECTIONS).unwrap(),
    waiting: 1,
    // Longer than a test.
    wait: Duration::from_secs(60),
};

/// A ledger of five blocks with a programme, its readers, and a table that another program holds, so
/// that a read of statements waits in the server.
struct Stage {
    store: MySqlStore,
    ledger: Ledger,
    readers: SqlReaders<MySqlDatabase>,
    holder: MySqlConnection,
    outsider: MySqlConnection,
    /// Dropped last: a database in use cannot be.
    _place: Place,
}

type Reading = JoinHandle<Result<Seen<StatementRows>, StoreError>>;

async fn statements(
    readers: &SqlReaders<MySqlDatabase>,
) -> Result<Seen<StatementRows>, StoreError> {
    let programme = ProgrammeId::main(token());
    let query = StatementsQuery { programme, account: account(1), after: None, limit: 10 };
    readers.statements(&query).await
}

impl Stage {
    async fn new() -> Self {
        let place = Place::new().await;
        let store = place.open().await;
        let ledger = points_store::open(Fixture::new(Arc::new(store.clone()), ())).await;
        let readers = store.for_readers(BOUNDS).unwrap();
        let mut holder = place.outsider().await;
        holder.execute("LOCK TABLES user_points_change WRITE").await.unwrap();
        let outsider = place.outsider().await;
        Self { store, ledger, readers, holder, outsider, _place: place }
    }

    fn read(&self) -> Reading {
        let readers = self.readers.clone();
        tokio::spawn(async move { statements(&readers).await })
    }

    /// Reads on all the readers' connections.
    async fn held(&mut self) -> Vec<Reading> {
        let held = (0..CONNECTIONS).map(|_| self.read()).collect();
        self.are_waiting(CONNECTIONS).await;
        held
    }

    /// Waits until as many statements wait for the table in the server.
    async fn are_waiting(&mut self, count: u16) {
        self.come_to(count, "AND state = 'Waiting for table metadata lock'").await;
    }

    /// Waits until the database has as many connections: a server counts one for a moment longer than
    /// it lasts.
    async fn are_connected(&mut self, count: u16) {
        self.come_to(count, "").await;
    }

    async fn come_to(&mut self, count: u16, condition: &str) {
        let mut found = 0;
        for _ in 0..1_000 {
            found = self.connections(condition).await;
            if found == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{found} connections instead of {count} {condition}");
    }

    async fn connections(&mut self, condition: &str) -> u16 {
        let select = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()";
        let select = AssertSqlSafe(format!("{select} {condition}"));
        let found: i64 = sqlx::query_scalar(select).fetch_one(&mut self.outsider).await.unwrap();
        found.try_into().unwrap()
    }

    async fn release(&mut self) {
        self.holder.execute("UNLOCK TABLES").await.unwrap();
    }
}

async fn are_served(readings: Vec<Reading>) {
    for reading in readings {
        reading.await.unwrap().unwrap();
    }
}

fn is_busy<T: Debug>(result: Result<T, StoreError>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
}

#[tokio::test]
async fn one_reader_more_than_may_wait_is_refused_at_once_and_the_others_are_served() {
    let mut stage = Stage::new().await;
    let readings = stage.held().await;
    let readers = stage.readers.clone();
    let mut waiting = pin!(statements(&readers));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    is_busy(statements(&readers).await);
    stage.release().await;
    are_served(readings).await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn the_store_works_on_while_readers_have_all_their_connections() {
    let mut stage = Stage::new().await;
    let readings = stage.held().await;
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    stage.ledger.commit_to(6).await.unwrap();
    let state = stage.store.token(token()).await.unwrap().unwrap();
    assert_eq!(state.cursor.unwrap().number.get(), 6);
    stage.are_waiting(CONNECTIONS).await;
    stage.release().await;
    are_served(readings).await;
    assert_eq!(stage.readers.token(token()).await.unwrap(), Some(state));
}

/// Each round drops its reads in the middle of an answer.
#[tokio::test]
async fn readers_that_leave_cost_no_connection() {
    let mut stage = Stage::new().await;
    let before = stage.connections("").await;
    for _ in 0..3 {
        let readings = stage.held().await;
        readings.iter().for_each(JoinHandle::abort);
        for reading in readings {
            assert!(reading.await.unwrap_err().is_cancelled());
        }
        stage.release().await;
        // What they asked is finished in the background, and their connections serve again.
        let again = (0..CONNECTIONS).map(|_| stage.read()).collect();
        are_served(again).await;
        let now = stage.connections("").await;
        assert!(now <= before + CONNECTIONS, "{now} connections, {before} before the readers came");
        stage.holder.execute("LOCK TABLES user_points_change WRITE").await.unwrap();
    }
    stage.release().await;
    stage.store.close().await;
    // The holder and the outsider.
    stage.are_connected(2).await;
}

#[tokio::test]
async fn closing_waits_for_readers_and_refuses_later_ones() {
    let mut stage = Stage::new().await;
    let readings = stage.held().await;
    let store = stage.store.clone();
    let mut closing = pin!(store.close());
    assert!(futures::poll!(closing.as_mut()).is_pending());
    stage.release().await;
    closing.await;
    are_served(readings).await;
    let refused =
        [stage.readers.chain(CHAIN).await.map(|_| ()), stage.store.for_readers(BOUNDS).map(|_| ())];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn what_writes_by_a_handle_for_readers_is_refused() {
    let place = Place::new().await;
    let database = MySqlDatabase::open(&place.url()).await.unwrap();
    let outside = database.for_readers(NonZeroU16::MIN);
    let mut unit = outside.begin(Access::Write).await.unwrap();
    let written = unit.execute("DELETE FROM chain".into(), Vec::new()).await;
    assert_eq!(written.unwrap_err().kind(), StoreErrorKind::Unavailable);
}
