//! Questions about the state of a chain at a block.

use std::fmt;

use alloy_primitives::{Address, Bytes, hex};

/// A question about the state of a chain, which changes nothing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// What a contract returns, called without sender or value.
    Contract {
        /// The contract; where there is none, `data` is run as the code of a creation.
        to: Option<Address>,
        /// The selector of a function and its arguments.
        data: Bytes,
    },
    /// The native balance of an address, in wei: 32 bytes, big-endian.
    Balance(Address),
    /// The code of an address; empty if it has none.
    Code(Address),
}

/// Why a contract returned nothing: it reverted, ran out of gas, or its code is invalid. The text is
/// the node's, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reverted(pub String);

/// The outcome of one call: the bytes that are returned, none for an address without code.
pub type CallOutcome = Result<Bytes, Reverted>;

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract { to, data } => {
                let selector = hex::encode_prefixed(data.get(..4).unwrap_or(data));
                match to {
                    Some(to) => write!(f, "call {selector} of {to}"),
                    None => write!(f, "run code {selector}.."),
                }
            }
            Self::Balance(address) => write!(f, "the native balance of {address}"),
            Self::Code(address) => write!(f, "the code of {address}"),
        }
    }
}
