//! The logs that a node returns, compared with the blooms of their blocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use alloy::primitives::{Address, B256, Bloom};
use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, BlockNumber, ChainId, Log, LogFilter};

use super::OPERATION;
use super::hashed::hashed_header;
use super::reading::Doubt;
use crate::asker::Asker;
use crate::headers::header_call;
use crate::state_sync::state_sync_tx;
use crate::wire::Header;

/// What is known of the blooms of one node's chain.
#[derive(Debug)]
pub(super) struct Blooms {
    asker: Arc<Asker>,
    first: FirstBloom,
    is_warned: AtomicBool,
}

impl Blooms {
    pub(super) const fn new(asker: Arc<Asker>) -> Self {
        Self { asker, first: FirstBloom::unseen(), is_warned: AtomicBool::new(false) }
    }

    /// Compares logs in the chain's order with the blooms of their blocks. `Transient` if a block's
    /// bloom excludes one of its logs.
    pub(super) fn examine(
        &self,
        headers: &BTreeMap<BlockNumber, Header>,
        logs: &[Log],
        filters: &[LogFilter<'_>],
    ) -> Result<Examined, ChainError> {
        let examined = examine(headers, logs, filters, self.asker.chain(), &self.first);
        examined.map_err(|detail| {
            let detail = format!("{}: {detail}", self.asker.endpoint());
            ChainError::transient(OPERATION, detail)
        })
    }

    /// Warns, once, that this chain's blooms are of no use.
    pub(super) async fn warn_of_missing(&self, block: BlockId) {
        if self.is_warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let header = self.asker.many(vec![header_call(block.number)]).await.remove(0).ok();
        let is_hashed = header.is_some_and(|header| hashed_header(&header, block.hash).is_some());
        let remedy = if is_hashed {
            "set log_proof = \"receipts\" to notice them"
        } else {
            "and log_proof = \"receipts\" cannot be used, for the headers do not give their hashes: \
             use a node that you trust"
        };
        tracing::warn!(
            endpoint = self.asker.endpoint(),
            block = %block,
            remedy,
            "the chain's blocks have no bloom: logs that the node omits cannot be noticed"
        );
    }
}

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
struct FirstBloom(AtomicU64);

impl FirstBloom {
    const fn unseen() -> Self {
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
fn examine(
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
