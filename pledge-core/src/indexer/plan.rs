//! What to fetch next: pure.

use std::time::Duration;

use crate::ports::HeaderDetail;
use crate::types::{BlockNumber, BlockRef, ChainId};

/// When a block is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// Once this many blocks are above it.
    Depth(u64),
    /// Once the chain's `finalized` tag has reached it.
    Finalized,
}

/// How one chain is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexerConfig {
    /// When a block is confirmed.
    pub finality: Finality,
    /// Within this many blocks of the head every header is held: how deep a reorg can be undone.
    pub retained_headers: u64,
    /// The most blocks fetched and committed at once.
    pub slice_blocks_max: u64,
    /// How far a block's time may be ahead of the wall clock; `None` on a chain with a time of its
    /// own, such as a local node's. A block further ahead is not read, and the chain is degraded.
    pub clock_slack: Option<Duration>,
}

impl Default for IndexerConfig {
    fn default() -> Self {
        Self {
            finality: Finality::Depth(6),
            retained_headers: 1_024,
            slice_blocks_max: 2_000,
            clock_slack: Some(Self::CLOCK_SLACK),
        }
    }
}

impl IndexerConfig {
    /// The default slack for the clocks of nodes and hosts.
    pub const CLOCK_SLACK: Duration = Duration::from_secs(15 * 60);

    /// The slack for a chain: `None` for the chain ids of local nodes, 1337 and 31337, because
    /// those mine ahead of time.
    pub fn clock_slack_of(chain: ChainId) -> Option<Duration> {
        (![1_337, 31_337].contains(&chain.get())).then_some(Self::CLOCK_SLACK)
    }

    /// The lowest block that counts as near a head: from here on every header is held.
    pub const fn first_retained(&self, head: BlockNumber) -> BlockNumber {
        head.down(self.retained_headers)
    }
}

/// The newest blocks that a node reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The newest block.
    pub head: BlockRef,
    /// The newest finalized block, if it was requested and the chain has one.
    pub finalized: Option<BlockRef>,
}

/// Blocks to add to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// First block (inclusive).
    pub from: BlockNumber,
    /// Last block (inclusive).
    pub to: BlockNumber,
    /// Which headers are needed.
    pub detail: HeaderDetail,
}

/// The newest block that counts as confirmed; `None` while there is none.
///
/// A node that reports a `finalized` block above its head contradicts itself: the head is the
/// bound.
pub fn confirmed_target(finality: Finality, observed: &Observed) -> Option<BlockNumber> {
    let head = observed.head.number;
    match finality {
        Finality::Depth(blocks) => head.get().checked_sub(blocks).map(BlockNumber::new),
        Finality::Finalized => observed.finalized.map(|finalized| finalized.number.min(head)),
    }
}

/// The next slice for tokens that need `next` first, or `None` if they are at the target.
///
/// `join_at` is the cursor of tokens that are further ahead: the slice ends there at the latest, so
/// that both groups are then at the same block and go on together. A slice is either wholly within
/// the retained headers of the head, and then needs every header, or wholly below them.
pub fn plan(
    config: &IndexerConfig,
    head: BlockNumber,
    target: BlockNumber,
    next: BlockNumber,
    join_at: Option<BlockNumber>,
) -> Option<Slice> {
    let end = join_at.map_or(target, |join_at| target.min(join_at));
    if next > end {
        return None;
    }
    let first_retained = config.first_retained(head);
    let (detail, end) = if next >= first_retained {
        (HeaderDetail::All, end)
    } else {
        (HeaderDetail::Sparse, end.min(first_retained.down(1)))
    };
    let to = end.min(next.up(config.slice_blocks_max.max(1) - 1));
    Some(Slice { from: next, to, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: IndexerConfig = IndexerConfig {
        finality: Finality::Depth(6),
        retained_headers: 100,
        slice_blocks_max: 50,
        clock_slack: None,
    };

    fn slice(head: u64, next: u64, join_at: Option<u64>) -> Option<(u64, u64, HeaderDetail)> {
        let n = BlockNumber::new;
        let slice = plan(&CONFIG, n(head), n(head).down(6), n(next), join_at.map(n))?;
        Some((slice.from.get(), slice.to.get(), slice.detail))
    }

    #[test]
    fn a_slice_is_bounded() {
        assert_eq!(slice(10_000, 1, None), Some((1, 50, HeaderDetail::Sparse)));
    }

    #[test]
    fn a_slice_ends_where_every_header_begins_to_count() {
        assert_eq!(slice(1_000, 880, None), Some((880, 899, HeaderDetail::Sparse)));
        assert_eq!(slice(1_000, 900, None), Some((900, 949, HeaderDetail::All)));
    }

    #[test]
    fn a_slice_never_passes_the_confirmed_block() {
        assert_eq!(slice(1_000, 980, None), Some((980, 994, HeaderDetail::All)));
        assert_eq!(slice(1_000, 995, None), None);
    }

    #[test]
    fn a_token_that_catches_up_stops_where_it_can_join() {
        assert_eq!(slice(1_000, 100, Some(120)), Some((100, 120, HeaderDetail::Sparse)));
        assert_eq!(slice(1_000, 121, Some(120)), None);
    }

    #[test]
    fn nothing_is_confirmed_on_a_chain_shorter_than_its_confirmations() {
        let head = BlockRef {
            number: BlockNumber::new(5),
            hash: Default::default(),
            parent_hash: Default::default(),
            time: Default::default(),
        };
        let observed = Observed { head, finalized: None };
        assert_eq!(confirmed_target(Finality::Depth(6), &observed), None);
        assert_eq!(confirmed_target(Finality::Depth(5), &observed), Some(BlockNumber::new(0)));
        assert_eq!(confirmed_target(Finality::Finalized, &observed), None);
    }
}
