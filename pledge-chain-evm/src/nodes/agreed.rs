//! The blocks that were shown to the caller, with which every answer is compared.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use pledge_core::types::{BlockNumber, BlockRef};

/// More than any reorg that is no catastrophe.
const BLOCKS_MAX: usize = 1_024;

/// An answer that contradicts a block that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) number: BlockNumber,
    /// The block that was shown.
    pub(super) shown: B256,
    /// The block that the answer has there.
    pub(super) claimed: B256,
}

/// The newest blocks that were shown, by height.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    blocks: BTreeMap<BlockNumber, B256>,
}

impl Agreed {
    /// The highest block.
    pub(super) fn tip(&self) -> Option<BlockNumber> {
        self.blocks.last_key_value().map(|(number, _)| *number)
    }

    /// The highest block that is not above a height.
    pub(super) fn at_or_below(&self, number: BlockNumber) -> Option<BlockNumber> {
        self.blocks.range(..=number).next_back().map(|(number, _)| *number)
    }

    /// The lowest contradiction between some headers, or their parents, and what was shown.
    pub(super) fn contradiction(&self, headers: &[BlockRef]) -> Option<Contradiction> {
        let claims = headers.iter().flat_map(claims);
        let contradictions = claims.filter_map(|(number, claimed)| {
            let shown = *self.blocks.get(&number)?;
            (shown != claimed).then_some(Contradiction { number, shown, claimed })
        });
        contradictions.min_by_key(|contradiction| contradiction.number)
    }

    /// These were shown. They contradict nothing.
    pub(super) fn show(&mut self, headers: &[BlockRef]) {
        self.blocks.extend(headers.iter().flat_map(claims));
        while self.blocks.len() > BLOCKS_MAX {
            self.blocks.pop_first();
        }
    }

    /// The chain is another from a height on.
    pub(super) fn forget_from(&mut self, number: BlockNumber) {
        self.blocks.split_off(&number);
    }
}

/// Whether headers, or their parent hashes, determine the block at a height.
pub(super) fn cover(headers: &[BlockRef], number: BlockNumber) -> bool {
    headers.iter().flat_map(claims).any(|(claimed, _)| claimed == number)
}

/// The blocks that a header determines: itself and its parent.
fn claims(header: &BlockRef) -> impl Iterator<Item = (BlockNumber, B256)> + use<> {
    let parent = header.number.get().checked_sub(1).map(BlockNumber::new);
    let parent = parent.map(|number| (number, header.parent_hash));
    parent.into_iter().chain([(header.number, header.hash)])
}

#[cfg(test)]
mod tests {
    use pledge_core::types::Timestamp;

    use super::*;

    fn hash(number: u64, branch: u8) -> B256 {
        let mut hash = B256::repeat_byte(branch);
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn header(number: u64, branch: u8, parent_branch: u8) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(number),
            hash: hash(number, branch),
            parent_hash: hash(number.wrapping_sub(1), parent_branch),
            time: Timestamp::ZERO,
        }
    }

    fn agreed(numbers: impl Iterator<Item = u64>) -> Agreed {
        let mut agreed = Agreed::default();
        numbers.for_each(|number| agreed.show(&[header(number, 0, 0)]));
        agreed
    }

    #[test]
    fn the_same_blocks_and_new_ones_contradict_nothing() {
        let agreed = agreed(10..=20);
        let headers = [header(10, 0, 0), header(20, 0, 0), header(21, 0, 0), header(30, 1, 1)];
        assert_eq!(agreed.contradiction(&headers), None);
    }

    #[test]
    fn another_block_at_a_height_that_was_shown_is_a_contradiction() {
        let found = agreed(10..=20).contradiction(&[header(20, 1, 0)]).unwrap();
        assert_eq!(
            (found.number.get(), found.shown, found.claimed),
            (20, hash(20, 0), hash(20, 1))
        );
    }

    #[test]
    fn another_parent_is_a_contradiction_one_block_lower() {
        let found = agreed(10..=20).contradiction(&[header(21, 1, 1)]).unwrap();
        assert_eq!((found.number.get(), found.claimed), (20, hash(20, 1)));
    }

    #[test]
    fn the_lowest_contradiction_counts() {
        let headers = [header(19, 1, 1), header(15, 1, 0), header(12, 0, 0)];
        assert_eq!(agreed(10..=20).contradiction(&headers).unwrap().number.get(), 15);
    }

    #[test]
    fn what_is_forgotten_contradicts_no_more() {
        let mut agreed = agreed(10..=20);
        agreed.forget_from(BlockNumber::new(15));
        assert_eq!(agreed.tip(), Some(BlockNumber::new(14)));
        assert_eq!(agreed.contradiction(&[header(15, 1, 0)]), None);
        assert!(agreed.contradiction(&[header(14, 1, 0)]).is_some());
    }

    #[test]
    fn the_newest_blocks_are_kept() {
        let agreed = agreed(0..5_000);
        assert_eq!(agreed.blocks.len(), BLOCKS_MAX);
        assert_eq!(agreed.tip(), Some(BlockNumber::new(4_999)));
        let lowest = BlockNumber::new(5_000 - BLOCKS_MAX as u64);
        assert_eq!(agreed.at_or_below(lowest), Some(lowest));
        assert_eq!(agreed.at_or_below(lowest.down(1)), None);
    }
}
