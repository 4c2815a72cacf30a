//! The logs that a node returns, compared with the blooms of their blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256, Bloom};
use pledge_core::types::{BlockId, BlockNumber, ChainId, Log, LogFilter};

use crate::range::Doubt;
use crate::state_sync::state_sync_tx;
use crate::wire::Header;

/// Whether a block may hold a log that a filter selects.
pub(super) fn may_hold(bloom: &Bloom, filters: &[LogFilter<'_>]) -> bool {
    kinds(filters).any(|kind| kind.is_in(bloom))
}

/// The logs of one contract, with one first topic or any.
#[derive(Debug, Clone, Copy)]
struct Kind {
    address: Address,
    topic0: Option<B256>,
}

impl Kind {
    fn is_in(&self, bloom: &Bloom) -> bool {
        bloom.contains_raw_log(self.address, self.topic0.as_slice())
    }

    fn is_of(&self, log: &Log) -> bool {
        let topic0 = log.topics.as_slice().first().copied();
        log.address == self.address && (self.topic0.is_none() || topic0 == self.topic0)
    }
}

/// Each contract with each event of the filters.
fn kinds(filters: &[LogFilter<'_>]) -> impl Iterator<Item = Kind> {
    filters.iter().flat_map(|LogFilter { addresses, topic0s }| {
        let any = topic0s.is_none().then_some(None);
        let named = topic0s.iter().copied().flatten().copied().map(Some);
        let topic0s = any.into_iter().chain(named);
        let of = move |address: &Address| {
            let address = *address;
            topic0s.clone().map(move |topic0| Kind { address, topic0 })
        };
        addresses.iter().flat_map(of)
    })
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
    filters: &[LogFilter<'_>],
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
        // A bloom has false positives: what it admits is a doubt to settle, what it excludes is
        // certain.
        let may_lack = |kind: Kind| !own.iter().any(|log| kind.is_of(log)) && kind.is_in(&bloom);
        if kinds(filters).any(may_lack) {
            examined.doubts.push(Doubt { block, logs: own.to_vec() });
        }
    }
    Ok(examined)
}
