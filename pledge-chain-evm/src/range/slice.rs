//! Part of a range: what one request, or a few that belong together, ask for. Pure.

use pledge_core::error::ChainError;
use pledge_core::ports::LogsRequest;
use pledge_core::types::BlockNumber;

use super::OPERATION;
use crate::failure::Failure;

/// A question of a size that the node may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice<'a> {
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    pub(super) request: &'a LogsRequest<'a>,
}

impl Slice<'_> {
    /// It in ranges of `range_blocks` blocks.
    pub(super) fn ranges(&self, range_blocks: u64) -> Vec<Self> {
        let mut ranges = Vec::new();
        let mut from = self.from;
        while from <= self.to {
            let to = from.up(range_blocks - 1).min(self.to);
            ranges.push(Self { from, to, ..*self });
            from = to.next();
        }
        ranges
    }

    /// It in two parts. One block has none.
    pub(super) fn halves(&self) -> [Self; 2] {
        let middle = self.from.get() + (self.to.get() - self.from.get()) / 2;
        [
            Self { to: BlockNumber::new(middle), ..*self },
            Self { from: BlockNumber::new(middle + 1), ..*self },
        ]
    }
}

/// Why a slice has no answer.
pub(super) enum SliceError {
    /// Fewer blocks may pass.
    Refused(Failure),
    Failed(ChainError),
}

impl From<ChainError> for SliceError {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for SliceError {
    fn from(failure: Failure) -> Self {
        if failure.recurs {
            Self::Refused(failure)
        } else {
            Self::Failed(failure.during(OPERATION))
        }
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::ledger::erc20::transfers_of;
    use pledge_core::ports::HeaderDetail;

    use super::*;

    /// The blocks from and to which the parts of a slice reach.
    fn parts(from: u64, to: u64, cut: impl Fn(&Slice<'_>) -> Vec<[u64; 2]>) -> Vec<[u64; 2]> {
        let (from, to) = (BlockNumber::new(from), BlockNumber::new(to));
        let (filters, detail) = ([transfers_of(&[])], HeaderDetail::Sparse);
        cut(&Slice { from, to, request: &LogsRequest { from, to, filters: &filters, detail } })
    }

    fn ends(slice: &Slice<'_>) -> [u64; 2] {
        [slice.from.get(), slice.to.get()]
    }

    #[test]
    fn ranges_cover_every_block_once_and_the_last_one_is_what_is_left() {
        let ranges = |size| parts(5, 14, |slice| slice.ranges(size).iter().map(ends).collect());
        assert_eq!(ranges(4), [[5, 8], [9, 12], [13, 14]]);
        assert_eq!(ranges(5), [[5, 9], [10, 14]]);
        assert_eq!(ranges(11), [[5, 14]]);
    }

    #[test]
    fn halves_cover_every_block_once() {
        let halves = |from, to| parts(from, to, |slice| slice.halves().iter().map(ends).collect());
        assert_eq!(halves(5, 6), [[5, 5], [6, 6]]);
        assert_eq!(halves(5, 9), [[5, 7], [8, 9]]);
    }
}
