//! The reorg-aware indexer: one chain from its nodes into the ledger.
//!
//! [`Indexer::poll`] is the driver: observe the head, [`plan`], execute one bounded slice, commit.
//! It never sleeps; whoever calls it decides when to call again.

mod ancestor;
mod audit;
mod commit;
mod confirm;
mod depth;
mod driver;
mod finality;
mod fork;
mod pending;
mod plan;
mod prefetched;
mod revisit;
mod rewind;
mod standstill;
mod status;
mod superseded;
mod supply;

pub use driver::{Indexer, IndexerError, Poll, Progress};
pub use plan::{Finality, IndexerConfig, Observed, Slice, confirmed_target, plan};
pub use status::ChainStatus;
