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
