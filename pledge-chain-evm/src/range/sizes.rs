//! How much a node takes in one question for logs.

use std::num::NonZeroU64;

use pledge_core::ports::LogsRequest;
use pledge_core::types::{BlockNumber, LogFilter};

use super::width::Width;
use crate::adaptive_size::AdaptiveSize;

/// Geth takes no more addresses in a filter.
const FILTER_ADDRESSES_MAX: u64 = 1_000;

/// What a node is known to take. It follows what the node answers and refuses.
#[derive(Debug)]
pub(super) struct Sizes {
    /// Blocks in one `eth_getLogs`.
    range: AdaptiveSize,
    /// Such ranges asked for at the same time.
    width: Width,
    /// Addresses in the filter of one `eth_getLogs`.
    filter: AdaptiveSize,
}

/// How much the next question asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Blocks in a range.
    pub(super) range_blocks: u64,
    pub(super) ranges: u64,
    /// Addresses in a filter.
    pub(super) addresses: usize,
}

impl Sizes {
    pub(super) const fn new(range_blocks_max: NonZeroU64) -> Self {
        Self {
            range: AdaptiveSize::new(range_blocks_max.get()),
            width: Width::new(),
            filter: AdaptiveSize::new(FILTER_ADDRESSES_MAX),
        }
    }

    /// Blocks in the largest range that is asked for now.
    pub(super) fn range_blocks(&self) -> u64 {
        self.range.of(u64::MAX)
    }

    /// The next question about the first of `blocks` blocks.
    pub(super) fn plan(&self, request: &LogsRequest<'_>, blocks: u64) -> Plan {
        let range_blocks = self.range.of(blocks);
        let addresses = self.filter_addresses(request);
        let filters = parts(request, addresses).len();
        let ranges = self.width.of(filters).min(blocks.div_ceil(range_blocks));
        Plan { range_blocks, ranges, addresses }
    }

    /// How many contracts go into one filter.
    pub(super) fn filter_addresses(&self, request: &LogsRequest<'_>) -> usize {
        let longest = request.filters.iter().map(|filter| filter.addresses.len()).max();
        let addresses = self.filter.of(longest.unwrap_or_default() as u64);
        usize::try_from(addresses).expect("not above the length of a list")
    }

    /// The node answered all of a plan, with this many logs.
    pub(super) fn answered(&self, plan: &Plan, logs: usize) {
        self.filter.answered(plan.addresses as u64);
        self.width.answered(plan.ranges, logs);
        if self.range.answered(plan.range_blocks) {
            self.width.renew();
        }
    }

    /// The node refused ranges of this size, and may have named one that it takes.
    pub(super) fn refuse_range(&self, range_blocks: u64, hint: Option<u64>) {
        self.range.refused(range_blocks, hint);
        self.width.renew();
    }

    /// The node refused filters of this size, and ranges of `range_blocks` blocks were not at fault.
    pub(super) fn refuse_filter(&self, addresses: usize, range_blocks: u64) {
        self.filter.refused(addresses as u64, None);
        self.range.acquit(range_blocks);
        self.width.renew();
    }
}

impl Plan {
    /// The last block that it asks about, of `blocks` from a first one on.
    pub(super) fn end(&self, from: BlockNumber, blocks: u64) -> BlockNumber {
        from.up(self.range_blocks.saturating_mul(self.ranges).min(blocks) - 1)
    }
}

/// The filters of a request, divided so that each has `addresses` contracts at the most.
pub(super) fn parts<'a>(request: &LogsRequest<'a>, addresses: usize) -> Vec<LogFilter<'a>> {
    let filters = request.filters.iter().filter(|filter| !filter.selects_nothing());
    let parts = filters.flat_map(|filter| {
        let parts = filter.addresses.chunks(addresses);
        parts.map(|addresses| LogFilter { addresses, ..*filter })
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use pledge_core::ledger::erc20::transfers_of;
    use pledge_core::ports::HeaderDetail;

    use super::*;

    fn sizes() -> Sizes {
        Sizes::new(NonZeroU64::new(100).expect("not zero"))
    }

    /// What is asked for of `blocks` blocks of a number of contracts: blocks, ranges and addresses.
    fn plan(sizes: &Sizes, contracts: usize, blocks: u64) -> (Plan, [u64; 3]) {
        let addresses = vec![Address::ZERO; contracts];
        let (from, to) = (BlockNumber::new(1), BlockNumber::new(blocks));
        let (filters, detail) = ([transfers_of(&addresses)], HeaderDetail::Sparse);
        let plan = sizes.plan(&LogsRequest { from, to, filters: &filters, detail }, blocks);
        (plan, [plan.range_blocks, plan.ranges, plan.addresses as u64])
    }

    /// Answers until many ranges are asked for at the same time.
    fn widen(sizes: &Sizes) {
        for _ in 0..10 {
            sizes.answered(&plan(sizes, 1, 1_000_000).0, 0);
        }
    }

    #[test]
    fn a_plan_ends_with_the_last_block_that_is_wanted() {
        let sizes = sizes();
        widen(&sizes);
        let (plan, asked) = plan(&sizes, 1, 250);
        assert_eq!(asked, [100, 3, 1]);
        assert_eq!(plan.end(BlockNumber::new(1), 250), BlockNumber::new(250));
    }

    #[test]
    fn more_filters_in_a_range_leave_room_for_fewer_ranges() {
        let sizes = sizes();
        widen(&sizes);
        assert_eq!(plan(&sizes, 1_000, 1_000_000).1, [100, 100, 1_000]);
        assert_eq!(plan(&sizes, 2_001, 1_000_000).1, [100, 33, 1_000]);
    }

    #[test]
    fn a_refused_range_is_half_as_long_and_asked_for_alone() {
        let sizes = sizes();
        widen(&sizes);
        sizes.refuse_range(100, None);
        assert_eq!(plan(&sizes, 1, 1_000_000).1, [50, 1, 1]);
    }

    #[test]
    fn a_refused_filter_is_halved_and_gives_the_range_its_blocks_back() {
        let sizes = sizes();
        sizes.refuse_range(100, Some(1));
        sizes.refuse_filter(1_000, 100);
        assert_eq!(plan(&sizes, 1_000, 1_000_000).1, [100, 1, 500]);
    }
}
