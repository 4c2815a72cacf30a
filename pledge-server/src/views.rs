//! Views shared by the command line and the HTTP API.

mod age;
mod chain;
mod contract;
mod health;
mod marks;
mod settlement;

use std::fmt;

use pledge_core::indexer::ChainStatus;
use pledge_core::primitives::Address;
use serde::{Serialize, Serializer};

pub(crate) use age::Age;
pub(crate) use chain::ChainView;
pub(crate) use contract::ContractView;
pub(crate) use health::ChainHealth;
pub(crate) use marks::{MarkedToken, Marks};
pub(crate) use settlement::{FailureView, SettlementView};

/// An address with its EIP-55 checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eip55(pub(crate) Address);

impl fmt::Display for Eip55 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Eip55 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A figure, or a dash if there is none.
pub(crate) fn figure(figure: Option<impl fmt::Display>) -> String {
    figure.map_or("-".to_owned(), |figure| figure.to_string())
}

/// How the operator sets a chain going again; `None` if the chain recovers alone.
///
/// A halted chain has no held block in common with its nodes, so resuming alone would halt it
/// again.
pub(crate) fn way_on(name: &str, status: &ChainStatus) -> Option<String> {
    match status {
        ChainStatus::Paused(_) => Some(format!("`pledge resume {name}` sets it going again")),
        ChainStatus::Halted(_) => Some(format!(
            "`pledge rewind {name} --to BLOCK` takes it back to a block that its node has too, then \
             `pledge resume {name}` sets it going again"
        )),
        ChainStatus::Syncing | ChainStatus::Live | ChainStatus::Degraded(_) => None,
    }
}

/// How the operator sets a halted token going again.
pub(crate) fn after_a_halt(chain: &str, token: Address) -> String {
    format!(
        "once its cause is gone, `pledge resume {chain} --token {token}` follows it again; while it is \
         there, it halts again"
    )
}

/// How many of a chain's tokens are halted.
fn counted_tokens(halted: usize, of: usize) -> String {
    format!("{halted} of {of} tokens halted")
}
