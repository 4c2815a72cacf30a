//! Which logs are asked for.

use alloy_primitives::{Address, B256};

use super::Log;

/// Selects logs by contract and event: a log of one of `addresses` whose first topic is one of
/// `topic0s`, or any log of them. An empty list selects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFilter<'a> {
    /// The contracts that emit them, ascending: there may be thousands, and each log is searched for
    /// among them.
    pub addresses: &'a [Address],
    /// The hashes of the events' signatures; `None` for every event, anonymous ones too.
    pub topic0s: Option<&'a [B256]>,
}

impl LogFilter<'_> {
    /// Whether no log at all is selected.
    pub fn selects_nothing(&self) -> bool {
        self.addresses.is_empty() || self.topic0s.is_some_and(<[B256]>::is_empty)
    }

    /// Whether a log is selected.
    pub fn matches(&self, log: &Log) -> bool {
        let topic0 = log.topics.as_slice().first();
        let is_asked = |topic0s: &[B256]| topic0.is_some_and(|topic0| topic0s.contains(topic0));
        self.addresses.binary_search(&log.address).is_ok() && self.topic0s.is_none_or(is_asked)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;
    use crate::types::{BlockNumber, LogIndex, Topics};

    #[test]
    fn contract_and_event_must_both_be_asked_for() {
        let [a, b] = [0xa, 0xb].map(Address::repeat_byte);
        let [x, y] = [1, 2].map(B256::repeat_byte);
        let log = |address, topics: &[B256]| Log {
            block: BlockNumber::new(1),
            block_hash: B256::ZERO,
            log_index: LogIndex::new(0),
            tx_hash: B256::ZERO,
            address,
            topics: Topics::new(topics).unwrap(),
            data: Bytes::new(),
        };
        let filter = LogFilter { addresses: &[a], topic0s: Some(&[x]) };
        let cases: [(Address, &[B256], bool); 5] = [
            (a, &[x], true),
            (a, &[x, y], true),
            (b, &[x], false),
            (a, &[y, x], false),
            (a, &[], false),
        ];
        for (address, topics, expected) in cases {
            assert_eq!(filter.matches(&log(address, topics)), expected, "{address} {topics:?}");
        }
        let none = LogFilter { addresses: &[a], topic0s: Some(&[]) };
        assert!(!none.matches(&log(a, &[x])));
        let both = LogFilter { addresses: &[a, b], topic0s: None };
        assert!(both.matches(&log(a, &[])) && both.matches(&log(b, &[])));
        let every = LogFilter { addresses: &[a], topic0s: None };
        assert!(every.matches(&log(a, &[])) && !every.matches(&log(b, &[])));
    }
}
