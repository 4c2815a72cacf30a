//! Readers outside: bounded, and never in the way of the store's own work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Debug;
use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{join_all, try_join_all};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::ports::{ChainState, EventReads, LedgerReads, LogReads, PointsReads, Registry};
use pledge_storage_sql::{
    Access, Database, Fault, ReaderBounds, SchemaVersion, SqlReaders, SqlStore, Transaction,
};
use pledge_storage_sqlite::SqliteDatabase;
use pledge_testing::world::{CHAIN, spec, token};
use support::Place;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Holds up the reads of readers outside while they have their connections.
#[derive(Debug, Clone)]
struct Gate {
    is_open: watch::Sender<bool>,
    held: watch::Sender<usize>,
}

impl Gate {
    fn new(is_open: bool) -> Self {
        Self { is_open: watch::Sender::new(is_open), held: watch::Sender::new(0) }
    }

    async fn pass(&self) {
        self.held.send_modify(|held| *held += 1);
        self.is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
    }

    fn open(&self) {
        self.is_open.send_replace(true);
    }

    #[cfg_attr(not(feature = "office"), expect(dead_code, reason = "callers are of the office"))]
    fn close(&self) {
        self.is_open.send_replace(false);
        self.held.send_replace(0);
    }

    /// Waits until as many reads have been held up.
    async fn holds(&self, reads: usize) {
        self.held.subscribe().wait_for(|held| *held == reads).await.unwrap();
    }
}

/// A database whose handles for readers have a gate, and its own writes another one, which is open at first.
#[derive(Debug, Clone)]
struct Gated {
    inner: SqliteDatabase,
    gate: Arc<Gate>,
    writes: Arc<Gate>,
    is_outside: bool,
}

impl Gated {
    fn over(inner: SqliteDatabase) -> Self {
        let (gate, writes) = (Arc::new(Gate::new(false)), Arc::new(Gate::new(true)));
        Self { inner, gate, writes, is_outside: false }
    }
}

#[async_trait]
impl Database for Gated {
    async fn open(location: &str) -> Result<Self, Fault> {
        let inner = SqliteDatabase::open(location).await?;
        Ok(Self::over(inner))
    }

    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (inner, version) = SqliteDatabase::open_read_only(location).await?;
        Ok((Self::over(inner), version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let inner = self.inner.for_readers(connections_max);
        Self { inner, is_outside: true, ..self.clone() }
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        if access == Access::Write {
            self.writes.pass().await;
        }
        let unit = self.inner.begin(access).await?;
        if self.is_outside {
            self.gate.pass().await;
        }
        Ok(unit)
    }
}

struct Stage {
    place: Place,
    store: SqlStore<Gated>,
    gate: Arc<Gate>,
    #[cfg_attr(not(feature = "office"), expect(dead_code, reason = "callers are of the office"))]
    writes: Arc<Gate>,
    readers: SqlReaders<Gated>,
}

const WAIT: Duration = Duration::from_secs(3);

fn bounds(connections: u16, waiting: u16) -> ReaderBounds {
    ReaderBounds { connections: NonZeroU16::new(connections).unwrap(), waiting, wait: WAIT }
}

impl Stage {
    async fn new(bounds: ReaderBounds) -> Self {
        let place = Place::new();
        let database = Gated::open(&place.path()).await.unwrap();
        let store = SqlStore::over(database.clone());
        let Gated { gate, writes, .. } = database;
        store.register_chain(CHAIN, "one").await.unwrap();
        let readers = store.for_readers(bounds).unwrap();
        Self { place, store, gate, writes, readers }
    }

    /// A read of its own task.
    fn read(&self) -> Reading {
        let readers = self.readers.clone();
        tokio::spawn(async move { readers.chains().await })
    }

    /// As many reads that hold connections.
    async fn held(&self, reads: usize) -> Vec<Reading> {
        let held = (0..reads).map(|_| self.read()).collect();
        self.gate.holds(reads).await;
        held
    }
}

type Reading = JoinHandle<Result<Vec<ChainState>, StoreError>>;

fn busy<T: Debug>(result: Result<T, StoreError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
    error.to_string()
}

#[tokio::test]
async fn one_reader_more_than_may_wait_is_refused_at_once_and_the_others_are_served() {
    let stage = Stage::new(bounds(2, 1)).await;
    let mut readings = stage.held(2).await;
    readings.push(stage.read());
    tokio::task::yield_now().await;
    let text = busy(stage.readers.chains().await);
    assert_eq!(text, "list chains: store busy: calls under way: 2, waiting: 1");
    stage.gate.open();
    for reading in try_join_all(readings).await.unwrap() {
        assert_eq!(reading.unwrap().len(), 1);
    }
    assert_eq!(stage.readers.chains().await.unwrap().len(), 1);
}

#[tokio::test]
async fn readers_that_wait_or_are_refused_are_counted_apart_from_the_stores_own_calls() {
    let stage = Stage::new(bounds(2, 1)).await;
    let own = stage.store.load();
    // The gate holds them before they have their connections.
    let mut readings = stage.held(2).await;
    readings.push(stage.read());
    tokio::task::yield_now().await;
    busy(stage.readers.chains().await);
    let load = stage.readers.load();
    assert_eq!((load.waiting, load.refused), (3, 1), "{load:?}");
    stage.gate.open();
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
    let load = stage.readers.load();
    assert_eq!((load.waiting, load.under_way, load.waits), (0, 0, 4), "{load:?}");
    assert_eq!(stage.store.load(), own);
}

#[tokio::test]
async fn the_store_works_on_while_readers_have_all_their_connections() {
    let stage = Stage::new(bounds(2, 0)).await;
    let readings = stage.held(2).await;
    for _ in 0..20 {
        stage.store.register_token(&spec(token())).await.unwrap();
        assert!(stage.store.token(token()).await.unwrap().is_some());
        busy(stage.readers.chains().await);
    }
    stage.gate.open();
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn readers_are_served_while_the_store_has_all_its_connections() {
    let place = Place::new();
    let database = SqliteDatabase::open(&place.path()).await.unwrap();
    let readers = SqlStore::over(database.clone()).for_readers(bounds(1, 0)).unwrap();
    let own = join_all((0..8).map(|_| database.begin(Access::Read))).await;
    assert!(own.iter().all(Result::is_ok));
    assert!(readers.chains().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reader_that_has_waited_its_time_is_refused() {
    let stage = Stage::new(bounds(1, 1)).await;
    let readings = stage.held(1).await;
    tokio::time::pause();
    let before = Instant::now();
    let text = busy(stage.readers.chains().await);
    // A timer of the runtime ends within its next millisecond.
    assert!((WAIT..WAIT + Duration::from_millis(2)).contains(&before.elapsed()));
    assert_eq!(text, "list chains: store busy: calls under way: 1, no turn came in 3s");
    tokio::time::resume();
    stage.gate.open();
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_reader_that_leaves_while_it_waits_gives_its_place_to_another() {
    let stage = Stage::new(bounds(1, 1)).await;
    let mut readings = stage.held(1).await;
    for _ in 0..3 {
        let mut leaving = pin!(stage.readers.chains());
        assert!(futures::poll!(leaving.as_mut()).is_pending());
        busy(stage.readers.chains().await);
    }
    readings.push(stage.read());
    tokio::task::yield_now().await;
    stage.gate.open();
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_reader_that_leaves_while_it_reads_gives_its_connection_to_another() {
    let stage = Stage::new(bounds(1, 0)).await;
    for round in 1..=3 {
        let reading = stage.read();
        stage.gate.holds(round).await;
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
    }
    stage.gate.open();
    assert_eq!(stage.readers.chains().await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_waits_for_readers_and_refuses_later_ones() {
    let stage = Stage::new(bounds(1, 0)).await;
    let readings = stage.held(1).await;
    let mut closing = pin!(stage.store.close());
    assert!(futures::poll!(closing.as_mut()).is_pending());
    stage.gate.open();
    closing.await;
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
    let refused = [
        stage.readers.chains().await.map(|_| ()),
        stage.store.for_readers(bounds(1, 0)).map(|_| ()),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_close_that_was_dropped_is_finished_by_the_next() {
    let stage = Stage::new(bounds(1, 0)).await;
    let readings = stage.held(1).await;
    {
        let mut dropped = pin!(stage.store.close());
        assert!(futures::poll!(dropped.as_mut()).is_pending());
    }
    stage.gate.open();
    assert!(try_join_all(readings).await.unwrap().iter().all(Result::is_ok));
    stage.store.close().await;
    // The last connection that closes folds the log into the file.
    assert!(!std::path::Path::new(&format!("{}-wal", stage.place.path())).exists());
}

#[tokio::test]
async fn readers_see_what_the_store_has_written() {
    let stage = Stage::new(bounds(1, 0)).await;
    stage.gate.open();
    stage.store.register_token(&spec(token())).await.unwrap();
    let (store, readers) = (&stage.store, &stage.readers);
    assert_eq!(readers.token(token()).await.unwrap(), store.token(token()).await.unwrap());
    assert_eq!(readers.tokens(CHAIN).await.unwrap(), store.tokens(CHAIN).await.unwrap());
    assert_eq!(readers.programmes(token()).await.unwrap(), []);
    assert_eq!(readers.contracts(CHAIN).await.unwrap(), []);
    stage.store.halt_token(token(), None, "why").await.unwrap();
    assert_eq!(readers.events(EventSeq::START, 9).await.unwrap().len(), 1);
    assert_eq!(readers.kept_events().await.unwrap(), store.kept_events().await.unwrap());
}

#[tokio::test]
async fn what_writes_by_a_handle_for_readers_is_refused() {
    let place = Place::new();
    let database = SqliteDatabase::open(&place.path()).await.unwrap();
    let outside = database.for_readers(NonZeroU16::MIN);
    let begun = outside.begin(Access::Write).await;
    let written = match begun {
        Ok(mut unit) => unit.execute("DELETE FROM chain".into(), Vec::new()).await.map(|_| ()),
        Err(fault) => Err(fault),
    };
    assert_eq!(written.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[cfg(feature = "office")]
mod callers {
    use pledge_office::access::{AttemptStore, Attempted, FailureKey, SessionId, SessionStore};
    use pledge_storage_sql::CallerBounds;

    use super::*;

    /// Each request that shows a key has its caller read, whether there is one or not.
    #[tokio::test]
    async fn callers_read_within_bounds_and_take_none_of_the_stores_connections() {
        let stage = Stage::new(bounds(2, 1)).await;
        let reads = bounds(2, 1);
        let callers = stage.store.for_callers(CallerBounds { reads, writes: reads }).unwrap();
        let read = || {
            let callers = callers.clone();
            let session = SessionId::from_bytes([1; 16]);
            tokio::spawn(async move { callers.caller_of_session(session).await })
        };
        let held = [read(), read()];
        stage.gate.holds(2).await;
        let waiting = read();
        tokio::task::yield_now().await;
        busy(read().await.unwrap());
        // The store has more to do at once than its own connections for reads.
        let own = join_all((0..20).map(|_| stage.store.chains()));
        tokio::time::timeout(WAIT, own).await.expect("nothing waits for callers");
        stage.gate.open();
        for one in held.into_iter().chain([waiting]) {
            assert_eq!(one.await.unwrap().unwrap(), None);
        }
    }

    #[tokio::test]
    async fn callers_write_a_bounded_number_at_once() {
        let stage = Stage::new(bounds(1, 0)).await;
        let (reads, writes) = (bounds(1, 0), bounds(2, 1));
        let callers = stage.store.for_callers(CallerBounds { reads, writes }).unwrap();
        let attempt = |name: &str| {
            let (callers, key) = (callers.clone(), FailureKey::new(name, [198, 51, 100, 7].into()));
            tokio::spawn(async move { callers.attempt(key).await })
        };
        stage.writes.close();
        let (one, other, waiting) = (attempt("a"), attempt("b"), attempt("c"));
        stage.writes.holds(2).await;
        busy(attempt("d").await.unwrap());
        assert_eq!(*stage.writes.held.borrow(), 2);
        stage.writes.open();
        for one in [one, other, waiting] {
            assert_eq!(one.await.unwrap().unwrap(), Attempted::May);
        }
    }
}
