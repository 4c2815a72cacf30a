//! The laws of the ports: what a correct implementation does.
//!
//! A law is a function over a fresh [`Fixture`](super::Fixture), named by the sentence that it
//! proves. A backend runs all of them with one macro a port:
//!
//! ```ignore
//! async fn fixture() -> Fixture {
//!     Fixture::new(Arc::new(MyStore::new()), ())
//! }
//! pledge_testing::balance_store_conformance!(fixture());
//! pledge_testing::points_store_conformance!(fixture());
//! pledge_testing::log_store_conformance!(fixture());
//! pledge_testing::event_store_conformance!(fixture());
//! pledge_testing::audit_conformance!(fixture());
//! pledge_testing::engine_conformance!(fixture());
//! pledge_testing::engine_properties!(fixture(), 256);
//! ```

#[macro_use]
mod laws;

#[cfg(feature = "office")]
mod access;
#[cfg(feature = "office")]
pub mod access_api_keys;
#[cfg(feature = "office")]
pub mod access_attempts;
#[cfg(feature = "office")]
pub mod access_callers;
#[cfg(feature = "office")]
pub mod access_invitations;
#[cfg(feature = "office")]
pub mod access_profiles;
#[cfg(feature = "office")]
pub mod access_records;
#[cfg(feature = "office")]
pub mod access_refresh;
#[cfg(feature = "office")]
pub mod access_requests;
#[cfg(feature = "office")]
pub mod access_roles;
#[cfg(feature = "office")]
pub mod access_rules;
#[cfg(feature = "office")]
pub mod access_sessions;
#[cfg(feature = "office")]
pub mod access_upkeep;
#[cfg(feature = "office")]
pub mod access_users;
pub mod archive;
pub mod archive_refused;
pub mod audit;
pub mod balance_store;
pub mod block_edges;
pub mod block_ends;
pub mod cases;
pub mod chain_source;
#[cfg(feature = "office")]
pub mod claims;
pub mod contracts;
pub mod delivery;
pub mod edges;
pub mod engine;
pub mod engine_behind;
pub mod engine_claims;
pub mod engine_contracts;
pub mod engine_cross_check;
pub mod engine_edges;
pub mod engine_finality;
pub mod engine_forks;
pub mod engine_nodes;
pub mod engine_properties;
pub mod engine_rewind;
pub mod engine_settling;
pub mod engine_standstill;
pub mod engine_supply;
pub mod engine_unreadable;
pub mod event_retention;
pub mod event_store;
pub mod failures;
pub mod held_headers;
pub mod leases;
pub mod ledger;
pub mod ledger_pages;
pub mod log_pages;
pub mod log_rewind;
pub mod log_store;
pub mod marks;
pub mod notifier;
#[cfg(feature = "office")]
pub mod outbox;
#[cfg(feature = "office")]
pub mod outbox_attempts;
#[cfg(feature = "office")]
pub mod outbox_delivery;
#[cfg(feature = "office")]
pub mod outbox_lateness;
pub mod pauses;
pub mod pending_cache;
pub mod points_decisions;
pub mod points_edges;
pub mod points_failures;
pub mod points_pages;
pub mod points_programmes;
pub mod points_rewind;
pub mod points_store;
pub mod price_source;
pub mod rewind;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// The time that a law may take: hundreds of times what any takes on a slow machine.
const LAW_TIME_MAX: Duration = Duration::from_secs(300);

/// Runs a law to its end.
///
/// A law that does not end aborts the process after five minutes, with its name printed: an
/// implementation may loop without ever waiting, and hold more memory with each round.
pub fn run<F: Future<Output = ()>>(law: F) {
    let (ended, has_ended) = mpsc::channel::<()>();
    let name = std::thread::current().name().unwrap_or("a law").to_owned();
    let watch = std::thread::spawn(move || {
        if has_ended.recv_timeout(LAW_TIME_MAX) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name} did not end within {LAW_TIME_MAX:?}");
            std::process::abort();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(law);
    drop(ended);
    watch.join().expect("it only waits");
}

/// The laws of [`BalanceStore`](pledge_core::ports::BalanceStore) over a future that gives a fresh
/// [`Fixture`](super::Fixture).
#[macro_export]
macro_rules! balance_store_conformance {
    ($fixture:expr) => {
        $crate::__balance_store!($fixture);
        $crate::__ledger_pages!($fixture);
        $crate::__rewind!($fixture);
        $crate::__marks!($fixture);
        $crate::__pauses!($fixture);
        $crate::__block_edges!($fixture);
        $crate::__edges!($fixture);
    };
}

/// The laws of [`PointsStore`](pledge_core::ports::PointsStore), likewise.
#[macro_export]
macro_rules! points_store_conformance {
    ($fixture:expr) => {
        $crate::__points_programmes!($fixture);
        $crate::__points_decisions!($fixture);
        $crate::__points_store!($fixture);
        $crate::__points_failures!($fixture);
        $crate::__points_pages!($fixture);
        $crate::__points_rewind!($fixture);
        $crate::__points_edges!($fixture);
    };
}

/// The laws of [`LogReads`](pledge_core::ports::LogReads) and
/// [`LogStore`](pledge_core::ports::LogStore), likewise, and of a rewind over tokens and contracts.
#[macro_export]
macro_rules! log_store_conformance {
    ($fixture:expr) => {
        $crate::__log_store!($fixture);
        $crate::__log_pages!($fixture);
        $crate::__log_rewind!($fixture);
        $crate::__held_headers!($fixture);
    };
}

/// The laws of [`EventStore`](pledge_core::ports::EventStore), likewise, and of the
/// [`Dispatcher`](pledge_core::notify::Dispatcher) over it.
#[macro_export]
macro_rules! event_store_conformance {
    ($fixture:expr) => {
        $crate::__event_store!($fixture);
        $crate::__event_retention!($fixture);
        $crate::__delivery!($fixture);
    };
}

/// The laws of [`AuditReads`](pledge_core::ports::AuditReads), likewise, and of every write that it
/// reads.
#[macro_export]
macro_rules! audit_conformance {
    ($fixture:expr) => {
        $crate::__audit!($fixture);
    };
}

/// The laws of [`Archive`](pledge_core::ports::Archive), from one store to another, of the same
/// backend or not: two futures that each give a fresh [`ArchiveFixture`](super::ArchiveFixture).
#[macro_export]
macro_rules! archive_conformance {
    ($from:expr, $to:expr) => {
        $crate::__archive!(async {
            $crate::conformance::archive::Move { from: $from.await, to: $to.await }
        });
        $crate::__archive_refused!(async {
            $crate::conformance::archive::Move { from: $from.await, to: $to.await }
        });
    };
}

/// The laws of the engine over a store: worked cases and property tests.
#[macro_export]
macro_rules! engine_conformance {
    ($fixture:expr) => {
        $crate::__engine_supply!($fixture);
        $crate::__engine_unreadable!($fixture);
        $crate::__block_ends!($fixture);
        $crate::__cases!($fixture);
        $crate::__engine!($fixture);
        $crate::__failures!($fixture);
        $crate::__engine_nodes!($fixture);
        $crate::__engine_forks!($fixture);
        $crate::__engine_contracts!($fixture);
        $crate::__engine_audit!($fixture);
        $crate::__engine_behind!($fixture);
        $crate::__engine_claims!($fixture);
        $crate::__engine_edges!($fixture);
        $crate::__engine_finality!($fixture);
        $crate::__engine_standstill!($fixture);
        $crate::__engine_rewind!($fixture);
        $crate::__engine_settling!($fixture);
    };
}

/// The property tests of the engine over a store. `$fixture` is a closure's body: it is evaluated
/// once a case.
#[macro_export]
macro_rules! engine_properties {
    ($fixture:expr, $cases:expr) => {
        $crate::__engine_properties_properties!($fixture, $cases);
        $crate::__delivery_properties!($fixture, $cases);
    };
}

/// The property that a store answers as another that is known to be right. Both are closures'
/// bodies, evaluated once a case.
#[macro_export]
macro_rules! same_answers {
    ($fixture:expr, $reference:expr, $cases:expr) => {
        #[test]
        fn any_history_gives_the_same_answers() {
            $crate::differential::any_history_gives_the_same_answers(
                $cases,
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }

        #[test]
        fn a_history_of_a_thousand_steps_gives_the_same_answers() {
            $crate::differential::a_history_of_a_thousand_steps_gives_the_same_answers(
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }
    };
}

/// The property that a store exports the same archive as another that is known to be right, and
/// imports it. Both are closures' bodies that give an [`ArchiveFixture`](super::ArchiveFixture),
/// evaluated once a case or more.
#[macro_export]
macro_rules! same_archives {
    ($fixture:expr, $reference:expr, $cases:expr) => {
        #[test]
        fn any_history_gives_the_same_archive() {
            $crate::differential::any_history_gives_the_same_archive(
                $cases,
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }
    };
}

/// The laws of [`ChainSource`](pledge_core::ports::ChainSource) over a future that gives a
/// [`SourceFixture`](chain_source::SourceFixture).
#[macro_export]
macro_rules! chain_source_conformance {
    ($fixture:expr) => {
        $crate::__chain_source!($fixture);
    };
}

/// The laws of [`PendingCache`](pledge_core::ports::PendingCache) over a future that gives a fresh
/// cache.
#[macro_export]
macro_rules! pending_cache_conformance {
    ($cache:expr) => {
        $crate::__pending_cache!($cache);
    };
}

/// The laws of [`Leases`](pledge_core::ports::Leases) over a future that gives fresh ones.
#[macro_export]
macro_rules! leases_conformance {
    ($leases:expr) => {
        $crate::__leases!($leases);
    };
}

/// The laws of [`Notifier`](pledge_core::ports::Notifier) over a future that gives a
/// [`NotifierFixture`](notifier::NotifierFixture).
#[macro_export]
macro_rules! notifier_conformance {
    ($fixture:expr) => {
        $crate::__notifier!($fixture);
    };
}

/// The laws of [`PriceSource`](pledge_core::ports::PriceSource) over a future that gives a
/// [`PriceFixture`](price_source::PriceFixture).
#[macro_export]
macro_rules! price_source_conformance {
    ($fixture:expr) => {
        $crate::__price_source!($fixture);
    };
}

/// The laws of what the domains around the engine share, `Claims` and `Outbox` of `pledge-office`, and of the
/// `Delivery` over them: over a future that gives a fresh [`OfficeFixture`](super::OfficeFixture).
#[cfg(feature = "office")]
#[macro_export]
macro_rules! office_conformance {
    ($fixture:expr) => {
        $crate::__claims!($fixture);
        $crate::__outbox!($fixture);
        $crate::__outbox_attempts!($fixture);
        $crate::__outbox_delivery!($fixture);
        $crate::__outbox_lateness!($fixture);
    };
}

/// The laws of [`AccessStore`](pledge_office::access::AccessStore), likewise over an
/// [`OfficeFixture`](super::OfficeFixture).
#[cfg(feature = "office")]
#[macro_export]
macro_rules! access_conformance {
    ($fixture:expr) => {
        $crate::__access_users!($fixture);
        $crate::__access_records!($fixture);
        $crate::__access_rules!($fixture);
        $crate::__access_profiles!($fixture);
        $crate::__access_roles!($fixture);
        $crate::__access_invitations!($fixture);
        $crate::__access_sessions!($fixture);
        $crate::__access_refresh!($fixture);
        $crate::__access_callers!($fixture);
        $crate::__access_api_keys!($fixture);
        $crate::__access_attempts!($fixture);
        $crate::__access_requests!($fixture);
        $crate::__access_upkeep!($fixture);
    };
}
