//! Contracts whose logs are kept, and how far each of them is.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::types::{
    BlockId, BlockNumber, BlockRef, ContractId, Epoch, Log, LogFilter, OutOfRange, Timestamp,
    require_cursor,
};

/// The events of a contract that are kept, by the hashes of their signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<B256>", into = "Vec<B256>")]
pub struct Events(Vec<B256>);

impl Events {
    /// The most events that one contract may name.
    pub const MAX: usize = 64;

    /// Every log of the contract, those of anonymous events among them.
    pub const fn all() -> Self {
        Self(Vec::new())
    }

    /// The events with these first topics, in any order; an error for none, or for more than
    /// [`Events::MAX`].
    pub fn only(topic0s: impl IntoIterator<Item = B256>) -> Result<Self, OutOfRange> {
        let mut topic0s: Vec<B256> = topic0s.into_iter().collect();
        topic0s.sort_unstable();
        topic0s.dedup();
        if (1..=Self::MAX).contains(&topic0s.len()) {
            return Ok(Self(topic0s));
        }
        let number = topic0s.len();
        Err(OutOfRange::new("number of events", number, "1 to 64, or leave them out to keep all"))
    }

    /// The first topics, ascending; `None` if every log is kept.
    pub fn topic0s(&self) -> Option<&[B256]> {
        (!self.0.is_empty()).then_some(&self.0)
    }
}

/// As stored: the first topics, none for all.
impl TryFrom<Vec<B256>> for Events {
    type Error = OutOfRange;

    fn try_from(topic0s: Vec<B256>) -> Result<Self, OutOfRange> {
        if topic0s.is_empty() { Ok(Self::all()) } else { Self::only(topic0s) }
    }
}

impl From<Events> for Vec<B256> {
    fn from(events: Events) -> Self {
        events.0
    }
}

/// A contract whose logs are kept. Fixed once registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractSpec {
    /// Chain and name.
    pub id: ContractId,
    /// The contract that emits the logs.
    pub address: Address,
    /// Which of its logs are kept.
    pub events: Events,
    /// First block whose logs count.
    pub start_block: BlockNumber,
}

impl ContractSpec {
    /// Whether a log is one of those kept.
    pub fn selects(&self, log: &Log) -> bool {
        let addresses = [self.address];
        LogFilter { addresses: &addresses, topic0s: self.events.topic0s() }.matches(log)
    }

    /// The error of registering the same name with another spec.
    pub fn refuse(&self, other: &Self) -> StoreError {
        let events = |spec: &Self| match spec.events.topic0s() {
            None => "all events".to_owned(),
            Some(topic0s) => {
                let topic0s: Vec<_> = topic0s.iter().map(ToString::to_string).collect();
                format!("the events {}", topic0s.join(", "))
            }
        };
        let detail = format!(
            "contract {} is registered with address {}, start_block {} and {}, not {}, {} and {}; what \
             is kept under a name is fixed, so follow it under another name",
            self.id,
            self.address,
            self.start_block,
            events(self),
            other.address,
            other.start_block,
            events(other)
        );
        StoreError::invalid("register a contract", detail)
    }
}

/// How far a contract's logs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractState {
    /// The contract that is followed.
    pub spec: ContractSpec,
    /// Newest block whose logs are kept; `None` before the first.
    pub cursor: Option<BlockRef>,
    /// How often its logs were rewound.
    pub epoch: Epoch,
    /// The number of logs kept.
    pub logs: u64,
}

impl ContractState {
    /// The state of a contract just registered.
    pub const fn registered(spec: ContractSpec) -> Self {
        Self { spec, cursor: None, epoch: Epoch::FIRST, logs: 0 }
    }

    /// The next block whose logs are needed.
    pub fn next_block(&self) -> BlockNumber {
        self.cursor.map_or(self.spec.start_block, |cursor| cursor.number.next())
    }

    /// Why a write that assumed a cursor is refused.
    pub fn require_cursor(&self, assumed: Option<BlockId>) -> Result<(), String> {
        require_cursor(format_args!("contract {}", self.spec.id), self.cursor, assumed)
    }
}

/// A log of a confirmed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmedLog {
    /// The log as the chain has it.
    pub log: Log,
    /// Block time of its block.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_a_set() {
        let [a, b] = [1, 2].map(B256::repeat_byte);
        assert_eq!(Events::only([b, a, b]), Events::only([a, b]));
        assert_eq!(Events::only([b, a]).unwrap().topic0s(), Some(&[a, b][..]));
        assert_eq!(Events::all().topic0s(), None);
    }

    #[test]
    fn no_event_and_more_than_64_are_refused() {
        let word = |number: usize| B256::left_padding_from(&number.to_be_bytes());
        assert!(Events::only((0..64).map(word)).is_ok());
        for count in [0, 65] {
            let error = Events::only((0..count).map(word)).unwrap_err().to_string();
            assert!(error.contains("leave them out"), "{error}");
        }
    }
}
