//! The reorg-aware indexer: one chain from its nodes into the ledger.

mod status;

pub use status::ChainStatus;
