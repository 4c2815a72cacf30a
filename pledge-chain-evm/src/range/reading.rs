//! What a node answers about a range, and what is found out about it.

use pledge_core::error::ChainError;
use pledge_core::ports::LogsAnswer;
use pledge_core::types::{BlockId, Log};

/// A node's answer about a range, and where its word alone is not enough.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) answer: LogsAnswer,
    pub(crate) doubts: Vec<Doubt>,
    /// Host and port of the node.
    pub(crate) node: String,
}

/// A block whose bloom may hold a log that the answer lacks.
#[derive(Debug)]
pub(crate) struct Doubt {
    pub(crate) block: BlockId,
    /// What the answer has of the block.
    pub(crate) logs: Vec<Log>,
}

/// A block of which one of two answers lacks logs.
#[derive(Debug)]
pub(crate) struct Omission {
    /// Whether the reading lacks them; otherwise the answer by the block's hash does.
    pub(crate) is_of_reading: bool,
    /// What each has of which block.
    pub(crate) difference: String,
    /// `Transient`: who omits what.
    pub(crate) error: ChainError,
}

impl Reading {
    /// An answer that leaves nothing open.
    pub(super) fn proven(answer: LogsAnswer, node: &str) -> Self {
        Self { answer, doubts: Vec::new(), node: node.to_owned() }
    }

    /// What the logs of a doubted block that `node` gives by the block's hash mean.
    pub(super) fn compare(&self, doubt: &Doubt, logs: &[Log], node: &str) -> Option<Omission> {
        if logs == doubt.logs {
            return None;
        }
        let (one, other, block) = (&*self.node, node, doubt.block);
        let counts = (doubt.logs.len(), logs.len());
        let is_of_reading = logs.iter().any(|log| !doubt.logs.contains(log));
        let who = if is_of_reading { one } else { other };
        let difference = format!(
            "block {block}: the range that {one} gave has {}, {other} by the block's hash has {}",
            counts.0, counts.1
        );
        let detail = format!("{who} omits logs of {difference}; if this lasts, do without {who}");
        let error = ChainError::transient(super::OPERATION, detail);
        Some(Omission { is_of_reading, difference, error })
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use pledge_core::types::{BlockNumber, LogIndex, Topics};

    use super::*;

    const BLOCK: BlockId = BlockId { number: BlockNumber::new(7), hash: B256::ZERO };

    fn log(index: u64) -> Log {
        Log {
            block: BLOCK.number,
            log_index: LogIndex::new(index),
            block_hash: BLOCK.hash,
            tx_hash: B256::ZERO,
            address: Address::ZERO,
            topics: Topics::new(&[]).expect("no topic is not too many"),
            data: Vec::new().into(),
        }
    }

    /// The omission where `a` read some logs in a range, and `b` has others by the block's hash.
    fn omission(of_reading: &[u64], by_hash: &[u64]) -> Option<Omission> {
        let logs = |indices: &[u64]| indices.iter().copied().map(log).collect::<Vec<_>>();
        let answer = LogsAnswer { headers: Vec::new(), logs: Vec::new() };
        let doubt = Doubt { block: BLOCK, logs: logs(of_reading) };
        Reading::proven(answer, "a").compare(&doubt, &logs(by_hash), "b")
    }

    #[test]
    fn the_same_logs_are_no_omission() {
        assert!(omission(&[1, 2], &[1, 2]).is_none());
    }

    #[test]
    fn a_reading_without_a_log_that_the_block_has_omits_it() {
        let found = omission(&[1], &[1, 2]).expect("a difference");
        assert!(found.is_of_reading && found.error.detail().starts_with("a omits logs"));
    }

    #[test]
    fn a_block_without_a_log_that_the_reading_has_omits_it() {
        let found = omission(&[1, 2], &[1]).expect("a difference");
        assert!(!found.is_of_reading && found.error.detail().starts_with("b omits logs"));
    }
}
