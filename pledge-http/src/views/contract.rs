//! The view of a contract whose logs are kept.

use pledge_core::logs::ContractState;
use pledge_core::types::{BlockNumber, Epoch, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Eip55;

/// A contract, and how far its logs are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contract)]
pub struct ContractView {
    /// The name by which it is followed.
    pub name: String,
    /// Where it is.
    pub address: Eip55,
    /// The first block whose logs are kept.
    pub start_block: BlockNumber,
    /// Its cursor; null before the first block.
    pub last_confirmed_block: Option<BlockNumber>,
    /// When that block was mined.
    pub last_confirmed_time: Option<Timestamp>,
    /// The number of logs kept.
    pub logs: u64,
    /// How often they were rewound.
    pub epoch: Epoch,
}

impl ContractView {
    /// A contract as it is shown.
    pub fn of(state: &ContractState) -> Self {
        Self {
            name: state.spec.id.name().to_owned(),
            address: Eip55(state.spec.address),
            start_block: state.spec.start_block,
            last_confirmed_block: state.cursor.map(|cursor| cursor.number),
            last_confirmed_time: state.cursor.map(|cursor| cursor.time),
            logs: state.logs,
            epoch: state.epoch,
        }
    }
}
