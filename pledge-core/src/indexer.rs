//! The reorg-aware indexer: one chain from its nodes into the ledger.
//!
//! [`Indexer::poll`] is the driver: observe the head, [`plan`], execute one bounded slice, commit.
//! It never sleeps: the caller decides when to poll again.

mod ancestor;
mod blocks;
mod branches;
mod claims;
mod contracts;
mod cross_check;
mod decide;
mod facts;
mod fetcher;
mod finality;
mod followed;
mod fork;
mod ledger;
mod outcome;
mod pending;
mod plan;
mod planned;
mod poll;
mod prefetched;
mod projection;
mod quiet;
mod report;
mod revisit;
mod rewind;
mod standstill;
mod status;
mod stranded;
mod superseded;
mod supply;

pub use outcome::{IndexerError, Poll, Progress};
pub use plan::{Finality, IndexerConfig, Observed, Slice, confirmed_target, plan};
pub use planned::{PlannedContract, PlannedToken, RewindPlan};
pub use poll::Indexer;
pub use status::ChainStatus;
