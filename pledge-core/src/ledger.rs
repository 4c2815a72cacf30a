//! The ledger's records: what one transfer did to whom, and where each token stands.

mod change;
mod fold;
mod token;

pub use change::{Change, ChangeType, Checkpoint, Leg, Transfer};
pub use fold::{AccountStates, FoldError, Folded, fold};
pub use token::{TokenMetadata, TokenSpec, TokenState, TokenStatus, TokenTotals};
