//! The ledger's records: what one transfer did to which account, and how far each token is.

mod change;
mod edge;
pub mod erc20;
mod fold;
mod replay;
mod supply;
mod token;

pub use change::{Change, ChangeType, Checkpoint, Leg, Transfer, UnreadableLog};
pub use edge::BlockEdge;
pub use fold::{AccountStates, FoldError, Folded, fold};
pub use replay::replay_block;
pub use supply::{SupplyAnswer, SupplyCheck};
pub(crate) use token::write_status;
pub use token::{SupplyMoves, TokenMetadata, TokenSpec, TokenState, TokenStatus, TokenTotals};
