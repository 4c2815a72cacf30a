//! What contracts log, as the chain has it.

use alloy_primitives::{Address, B256, Bytes};

use super::{BlockId, BlockNumber, LogIndex, OutOfRange};

/// The topics of a log: at most four, for the EVM has no instruction that writes more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Topics {
    /// Zero from `count` on, so that equal topics are equal values.
    words: [B256; Self::MAX],
    count: usize,
}

impl Topics {
    /// The most topics of a log.
    pub const MAX: usize = 4;

    /// The topics in their order; an error for more than [`Topics::MAX`].
    pub fn new(topics: &[B256]) -> Result<Self, OutOfRange> {
        let (mut words, count) = ([B256::ZERO; Self::MAX], topics.len());
        let room = words.get_mut(..count);
        let room =
            room.ok_or_else(|| OutOfRange::new("number of topics", count, "a log has at most 4"))?;
        room.copy_from_slice(topics);
        Ok(Self { words, count })
    }

    /// The topics in their order. The first is the hash of the event's signature, unless the event
    /// is anonymous.
    pub fn as_slice(&self) -> &[B256] {
        &self.words[..self.count]
    }
}

/// A log with its place on the chain, not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its block's height.
    pub block: BlockNumber,
    /// Its block's hash.
    pub block_hash: B256,
    /// Its place in the block.
    pub log_index: LogIndex,
    /// Hash of the transaction that emitted it.
    pub tx_hash: B256,
    /// The contract that emitted it.
    pub address: Address,
    /// The hash of the event's signature and the indexed parameters.
    pub topics: Topics,
    /// The parameters that are not indexed.
    pub data: Bytes,
}

impl Log {
    /// Its position among all logs.
    pub const fn place(&self) -> (BlockNumber, LogIndex) {
        (self.block, self.log_index)
    }

    /// Its block, by height and hash.
    pub const fn block_id(&self) -> BlockId {
        BlockId { number: self.block, hash: self.block_hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_up_to_four_topics() {
        let words = [1, 2, 3, 4, 5].map(B256::repeat_byte);
        for count in 0..=4 {
            assert_eq!(Topics::new(&words[..count]).unwrap().as_slice(), &words[..count]);
        }
        let error = Topics::new(&words).unwrap_err();
        assert_eq!(error.to_string(), "number of topics 5 is out of range: a log has at most 4");
    }

    #[test]
    fn a_topic_of_zeros_is_a_topic() {
        let [none, one] = [0, 1].map(|count| Topics::new(&[B256::ZERO; 4][..count]).unwrap());
        assert_ne!(none, one);
    }
}
