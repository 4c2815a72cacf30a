//! What the blooms of blocks say of the logs that a node gives.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bloom};
use pledge_core::types::{BlockId, BlockNumber, ChainId};

use crate::decode::TRANSFER_TOPIC;
use crate::range::Doubt;
use crate::state_sync::state_sync_tx;
use crate::wire::{Header, Log};

/// Whether a block may hold a transfer of one of the tokens.
pub(super) fn may_hold(bloom: &Bloom, tokens: &[Address]) -> bool {
    tokens.iter().any(|token| bloom.contains_raw_log(*token, &[TRANSFER_TOPIC]))
}

/// What the blooms of an answer leave open.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) doubts: Vec<Doubt>,
    /// A block with logs, where no block so far had a bloom.
    pub(super) bloomless: Option<BlockId>,
}

/// Compares logs in the chain's order with the blooms of their blocks. A log that its block's bloom
/// excludes is an error; a chain that fills in blooms does not stop to.
pub(super) fn examine(
    headers: &BTreeMap<BlockNumber, Header>,
    logs: &[Log],
    tokens: &[Address],
    chain: ChainId,
) -> Result<Examined, String> {
    let mut examined = Examined::default();
    let mut has_blooms = false;
    for header in headers.values() {
        let block = header.block.id();
        let start = logs.partition_point(|log| log.block < block.number);
        let end = logs.partition_point(|log| log.block <= block.number);
        let own = &logs[start..end];
        has_blooms |= header.bloom.is_some();
        if !has_blooms {
            if !own.is_empty() {
                examined.bloomless.get_or_insert(block);
            }
            continue;
        }
        let bloom = header.bloom.unwrap_or_default();
        let beside = state_sync_tx(chain, block);
        let excluded = own.iter().find(|log| {
            !bloom.contains_raw_log(log.address, &log.topics) && Some(log.tx_hash) != beside
        });
        if let Some(log) = excluded {
            return Err(format!(
                "a log of {} is in block {block}, whose bloom excludes it; if this lasts, use another node",
                log.address
            ));
        }
        let silent = |token: &&Address| own.iter().all(|log| log.address != **token);
        let silent: Vec<Address> = tokens.iter().filter(silent).copied().collect();
        if may_hold(&bloom, &silent) {
            examined.doubts.push(Doubt { block, logs: own.to_vec() });
        }
    }
    Ok(examined)
}
