//! The form of what is read, in answers and in the output of commands as JSON: the same fields for
//! both.

mod age;
mod chain;
mod contract;
mod health;
mod marks;
mod reason;
mod settlement;
mod stop;

use std::fmt;

use pledge_core::primitives::Address;
use serde::{Serialize, Serializer};

pub use age::Age;
pub use chain::{ChainView, HaltedToken};
pub use contract::ContractView;
pub(crate) use health::ChainHealth;
pub(crate) use marks::MarkedToken;
pub use marks::{Marks, NonConserving};
pub use reason::ReasonCode;
pub use settlement::{FailureView, SettlementView};
pub(crate) use stop::Stop;

/// An address with its EIP-55 checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eip55(pub Address);

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
