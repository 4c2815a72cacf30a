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
        let filters = request.filter.addresses.len().div_ceil(addresses);
        let ranges = self.width.of(filters).min(blocks.div_ceil(range_blocks));
        Plan { range_blocks, ranges, addresses }
    }

    /// How many of the contracts go into one filter.
    pub(super) fn filter_addresses(&self, request: &LogsRequest<'_>) -> usize {
        let addresses = self.filter.of(request.filter.addresses.len() as u64);
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

/// A request in parts with `addresses` contracts in a filter.
pub(super) fn parts<'a>(request: &LogsRequest<'a>, addresses: usize) -> Vec<LogsRequest<'a>> {
    let parts = request.filter.addresses.chunks(addresses);
    let filters = parts.map(|addresses| LogFilter { addresses, ..request.filter });
    filters.map(|filter| LogsRequest { filter, ..*request }).collect()
}
