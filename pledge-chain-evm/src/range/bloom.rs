//! The logs that a node returns, compared with the blooms of their blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256, Bloom};
use pledge_core::types::{BlockId, BlockNumber, ChainId, Log, LogFilter};

use crate::range::Doubt;
use crate::state_sync::state_sync_tx;
use crate::wire::Header;

/// Whether a block may hold a log that a filter selects.
pub(super) fn may_hold(bloom: &Bloom, filter: &LogFilter<'_>) -> bool {
    kinds(filter).any(|(address, topic0)| bloom.contains_raw_log(address, &[topic0]))
}

/// Each contract with each event of a filter.
fn kinds(filter: &LogFilter<'_>) -> impl Iterator<Item = (Address, B256)> {
    let LogFilter { addresses, topic0s } = *filter;
    addresses.iter().flat_map(move |address| topic0s.iter().map(move |topic0| (*address, *topic0)))
}

/// The lowest block seen with a bloom. A chain that fills in blooms does not stop to: from there on a
/// bloom of zero is a block without logs.
#[derive(Debug)]
pub(crate) struct FirstBloom(AtomicU64);

impl FirstBloom {
    pub(crate) const fn unseen() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    fn is_at_or_below(&self, block: BlockNumber) -> bool {
        self.0.load(Ordering::Relaxed) <= block.get()
    }

    fn seen_at(&self, block: BlockNumber) {
        self.0.fetch_min(block.get(), Ordering::Relaxed);
    }
}

/// What the blooms of an answer leave open.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) doubts: Vec<Doubt>,
    /// A block with logs, where no block so far had a bloom.
    pub(super) bloomless: Option<BlockId>,
}

/// Compares logs in the chain's order with the blooms of their blocks. A log that its block's bloom
/// excludes is an error.
pub(super) fn examine(
    headers: &BTreeMap<BlockNumber, Header>,
    logs: &[Log],
    filter: &LogFilter<'_>,
    chain: ChainId,
    first_bloom: &FirstBloom,
) -> Result<Examined, String> {
    let mut examined = Examined::default();
    if let Some(header) = headers.values().find(|header| header.bloom.is_some()) {
        first_bloom.seen_at(header.block.number);
    }
    for header in headers.values() {
        let block = header.block.id();
        let start = logs.partition_point(|log| log.block < block.number);
        let end = logs.partition_point(|log| log.block <= block.number);
        let own = &logs[start..end];
        if !first_bloom.is_at_or_below(block.number) {
            if !own.is_empty() {
                examined.bloomless.get_or_insert(block);
            }
            continue;
        }
        let bloom = header.bloom.unwrap_or_default();
        let state_sync = state_sync_tx(chain, block);
        let excluded = own.iter().find(|log| {
            !bloom.contains_raw_log(log.address, log.topics.as_slice())
                && Some(log.tx_hash) != state_sync
        });
        if let Some(log) = excluded {
            return Err(format!(
                "a log of {} is in block {block}, whose bloom excludes it; if this lasts, use another node",
                log.address
            ));
        }
        let is_silent = |(address, topic0): (Address, B256)| {
            let is_of = |log: &Log| {
                log.address == address && log.topics.as_slice().first() == Some(&topic0)
            };
            !own.iter().any(is_of)
        };
        // A bloom has false positives: what it admits is a doubt to settle, what it excludes is
        // certain.
        let may_lack =
            |kind: (Address, B256)| is_silent(kind) && bloom.contains_raw_log(kind.0, &[kind.1]);
        if kinds(filter).any(may_lack) {
            examined.doubts.push(Doubt { block, logs: own.to_vec() });
        }
    }
    Ok(examined)
}
