//! The view of a contract whose logs are kept.

use std::fmt;

use pledge_core::logs::ContractState;
use pledge_core::types::{BlockNumber, Epoch, Timestamp};
use serde::Serialize;

use super::{Eip55, figure};
use crate::output::counted;

/// A contract, and how far its logs are.
#[derive(Debug, Serialize)]
pub(crate) struct ContractView {
    name: String,
    address: Eip55,
    start_block: BlockNumber,
    last_confirmed_block: Option<BlockNumber>,
    last_confirmed_time: Option<Timestamp>,
    /// The number of logs kept.
    logs: u64,
    /// How often they were rewound.
    epoch: Epoch,
}

impl ContractView {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn of(state: &ContractState) -> Self {
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

impl fmt::Display for ContractView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, last_confirmed_block, last_confirmed_time, epoch, .. } = self;
        let (block, time) = (figure(*last_confirmed_block), figure(*last_confirmed_time));
        let logs = counted(self.logs, "log");
        let epoch = epoch.get();
        write!(f, "{name} {address}: {logs}, confirmed {block} at {time}, epoch {epoch}")
    }
}
