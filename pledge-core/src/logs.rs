//! Confirmed logs of any contract, kept as the chain has them.
//!
//! A followed contract has a name, a cursor of its own and the logs that it selects. Nothing is
//! decoded: [`ConfirmedLog`] has the topics and the data.

mod contract;

pub use contract::{ConfirmedLog, ContractSpec, ContractState, Events};
