//! The ports: what the engine needs from the outside, one trait each.
//!
//! Every sentence of a port's contract is a law in [`crate::testing::conformance`] and runs over
//! every implementation.

mod archive;
mod balance_store;
mod chain_source;
mod check;
mod event_retention;
mod event_store;
mod forward;
mod leases;
mod notifier;
mod pending_cache;
mod points_store;
mod price_source;

pub use archive::{Archive, RecordSink, RecordSource};
pub use balance_store::{
    AccountHistory, BalanceStore, ChainReport, ChainState, ChangesQuery, HistoriesQuery,
    LedgerCommit, Rewind, Seen, TokenCommit,
};
pub use chain_source::{ChainSource, HeaderDetail, RangeFacts, RangeRequest};
pub use event_retention::{ConsumerState, EventRetention, Pruning};
pub use event_store::{EventStore, check_delivery};
pub use leases::Leases;
pub use notifier::{Notifier, NotifyError, NotifyErrorKind};
pub use pending_cache::{PendingBlock, PendingCache, PendingSnapshot};
pub use points_store::{
    BatchFailure, PointsStore, ProgrammeState, Settlement, SettlementBatch, SettlementsQuery,
    ShardProgress, ShardRun, Standing, Statement, StatementKind, WindowTotal,
};
pub use price_source::{Price, PriceError, PriceErrorKind, PriceSource};

/// Mocks of the ports, for tests that need one answer and no store. A method answers a boxed future:
/// `Box::pin(async { Ok(…) })`.
#[cfg(feature = "testing")]
pub mod mocks {
    pub use super::archive::MockArchive;
    pub use super::balance_store::MockBalanceStore;
    pub use super::chain_source::MockChainSource;
    pub use super::event_store::MockEventStore;
    pub use super::leases::MockLeases;
    pub use super::notifier::MockNotifier;
    pub use super::pending_cache::MockPendingCache;
    pub use super::points_store::MockPointsStore;
    pub use super::price_source::MockPriceSource;
}
