//! Slices that were fetched while those before them were being committed.

use super::Slice;
use super::facts::{RangeFacts, Wanted};

/// How many groups are prefetched for at a time: each holds a slice in memory.
const GROUPS_MAX: usize = 4;

/// The slices that are ready: at most one for each group far behind.
#[derive(Debug, Default)]
pub(super) struct Prefetched(Vec<Ready>);

#[derive(Debug)]
struct Ready {
    slice: Slice,
    wanted: Wanted,
    facts: RangeFacts,
}

impl Ready {
    /// Whether it is a prefix of the requested slice. Between two polls the head may go down, and
    /// what is followed may change.
    fn answers(&self, slice: Slice, wanted: &Wanted) -> bool {
        (self.slice.from, self.slice.detail) == (slice.from, slice.detail)
            && self.facts.last().is_some_and(|last| last.number <= slice.to)
            && self.wanted == *wanted
    }
}

impl Prefetched {
    /// Whether a slice may be prefetched for another group.
    pub(super) const fn has_room(&self) -> bool {
        self.0.len() < GROUPS_MAX
    }

    /// The facts that are ready for a slice. Other slices with one of the tokens or contracts are
    /// useless now and dropped.
    pub(super) fn take(&mut self, slice: Slice, wanted: &Wanted) -> Option<RangeFacts> {
        let of_them = self.0.extract_if(.., |ready| ready.wanted.overlaps(wanted));
        let of_them = of_them.collect::<Vec<_>>();
        of_them.into_iter().find(|ready| ready.answers(slice, wanted)).map(|ready| ready.facts)
    }

    /// Keeps the facts that were fetched.
    pub(super) fn put(&mut self, slice: Slice, wanted: Wanted, facts: RangeFacts) {
        self.0.retain(|ready| !ready.wanted.overlaps(&wanted));
        self.0.push(Ready { slice, wanted, facts });
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::*;
    use crate::ports::HeaderDetail;
    use crate::types::{BlockNumber, BlockRef, Timestamp};

    const A: Address = Address::repeat_byte(0xa);
    const B: Address = Address::repeat_byte(0xb);
    const C: Address = Address::repeat_byte(0xc);

    fn slice(from: u64, to: u64) -> Slice {
        let [from, to] = [from, to].map(BlockNumber::new);
        Slice { from, to, detail: HeaderDetail::Sparse }
    }

    fn of(tokens: &[Address]) -> Wanted {
        Wanted::transfers_of(tokens.to_vec())
    }

    fn facts(to: u64) -> RangeFacts {
        let (hash, time) = (B256::ZERO, Timestamp::ZERO);
        let header = BlockRef { number: BlockNumber::new(to), hash, parent_hash: hash, time };
        RangeFacts { headers: vec![header], ..RangeFacts::default() }
    }

    #[test]
    fn each_group_finds_what_was_fetched_for_it() {
        let mut ready = Prefetched::default();
        ready.put(slice(1, 9), of(&[A]), facts(9));
        ready.put(slice(50, 59), of(&[B, C]), facts(55));
        assert_eq!(ready.take(slice(1, 9), &of(&[A])), Some(facts(9)));
        assert_eq!(ready.take(slice(50, 59), &of(&[B, C])), Some(facts(55)), "a prefix is enough");
        assert_eq!(ready.take(slice(50, 59), &of(&[B, C])), None, "it is taken once");
    }

    #[test]
    fn what_is_of_other_blocks_or_of_a_group_that_changed_is_dropped() {
        for (asked, tokens) in [
            (slice(2, 9), &[A, B][..]),
            (slice(1, 8), &[A, B]),
            (Slice { detail: HeaderDetail::All, ..slice(1, 9) }, &[A, B]),
            (slice(1, 9), &[A]),
            (slice(1, 9), &[A, B, C]),
        ] {
            let mut ready = Prefetched::default();
            ready.put(slice(1, 9), of(&[A, B]), facts(9));
            assert_eq!(ready.take(asked, &of(tokens)), None);
            assert_eq!(ready.take(slice(1, 9), &of(&[A, B])), None);
        }
    }

    #[test]
    fn the_number_of_groups_held_is_bounded() {
        let mut ready = Prefetched::default();
        for group in 0..4 {
            assert!(ready.has_room());
            ready.put(slice(1, 9), of(&[Address::repeat_byte(group)]), facts(9));
        }
        assert!(!ready.has_room());
        ready.put(slice(10, 19), of(&[Address::ZERO]), facts(19));
        assert_eq!(ready.0.len(), 4, "a later slice of a group takes the place of its last");
    }
}
