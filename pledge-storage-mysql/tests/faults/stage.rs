//! A store with a proxy before its server, and all that can be read of it.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Consumer, EventSeq};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::Fixture;
use pledge_testing::conformance::contracts::{self, Contracts};
use pledge_testing::conformance::ledger::Ledger;
use pledge_testing::conformance::points_store;
use pledge_testing::{FaultProxy, MySqlPlace, OwnServer};
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

/// A ledger of five blocks with two closed windows, behind a proxy that passes everything.
pub(crate) struct Stage {
    pub(crate) place: MySqlPlace,
    pub(crate) proxy: FaultProxy,
    pub(crate) store: MySqlStore,
    pub(crate) ledger: Ledger,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::at(MySqlPlace::new().await).await
    }

    pub(crate) async fn on(server: &OwnServer) -> Self {
        Self::at(MySqlPlace::on(&server.url()).await).await
    }

    async fn at(place: MySqlPlace) -> Self {
        let proxy = place.proxy().await;
        let store = MySqlStore::open(&place.url_through(&proxy)).await.unwrap();
        let ledger = points_store::open(fixture(&store)).await;
        Self { place, proxy, store, ledger }
    }

    /// The contracts over the chain of the ledger.
    pub(crate) fn contracts(&self) -> Contracts {
        Contracts { ledger: self.ledger.clone() }
    }

    /// All that is in the store, read by another handle to the same.
    pub(crate) async fn everything(&self) -> Everything {
        let reader = MySqlStore::open(&self.place.url()).await.unwrap();
        let everything = Everything::of(&fixture(&reader)).await;
        reader.close().await;
        everything
    }

    /// Another program's connection to the same database.
    pub(crate) async fn outsider(&self) -> MySqlConnection {
        self.place.outsider().await
    }
}

/// The packet of that word alone; others have it in an isolation level.
pub(crate) const COMMIT: &[u8] = b"\x03COMMIT";

pub(crate) fn fixture(store: &MySqlStore) -> Fixture {
    Fixture::new(Arc::new(store.clone()), ())
}

pub(crate) fn consumer() -> Consumer {
    Consumer::new("mail").unwrap()
}

/// The state, and the events of how it came about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Everything {
    pub(crate) of_chain: contracts::Everything,
    pub(crate) delivered: EventSeq,
}

impl Everything {
    async fn of(fixture: &Fixture) -> Self {
        Self {
            of_chain: contracts::Everything::of(fixture).await,
            delivered: fixture.events.delivered(&consumer()).await.unwrap(),
        }
    }
}

/// The refusal's kind, and it with all that caused it as one text.
pub(crate) fn refused<T: Debug>(result: Result<T, StoreError>) -> (StoreErrorKind, String) {
    let error = result.unwrap_err();
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    (error.kind(), text)
}

#[track_caller]
pub(crate) fn is_unavailable<T: Debug>(result: Result<T, StoreError>, because: &str) {
    let (kind, text) = refused(result);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    assert!(text.contains(because), "{text}");
}

pub(crate) async fn run(connection: &mut MySqlConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}
