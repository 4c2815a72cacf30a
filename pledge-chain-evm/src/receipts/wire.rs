//! Receipts as nodes send them, and as the block hashes them.

use alloy::consensus::{Eip658Value, Receipt, RlpEncodableReceipt, proofs};
use alloy::primitives::{B256, Bloom, Bytes, Log as RawLog, LogData, U64, logs_bloom};
use alloy::rlp::{Encodable, Header};
use pledge_core::types::{BlockId, Log, LogIndex};
use serde::Deserialize;

use crate::wire::WireLog;

/// The type of a deposit from Ethereum to a rollup of the OP stack.
const DEPOSIT: u8 = 0x7e;

/// A transaction's receipt. What the ledger and the receipts root do not need is left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    pub(crate) transaction_hash: B256,
    transaction_index: Option<U64>,
    block_hash: B256,
    block_number: U64,
    /// Absent for a legacy transaction on some nodes.
    #[serde(rename = "type")]
    kind: Option<U64>,
    status: Option<U64>,
    /// The state root in place of a status, before Byzantium.
    root: Option<Bytes>,
    cumulative_gas_used: U64,
    logs: Vec<WireLog>,
    deposit_nonce: Option<U64>,
    deposit_receipt_version: Option<U64>,
}

/// The root of the trie of a block's receipts, `None` if one of them has a form unknown here.
pub(crate) fn receipts_root<'a>(
    receipts: impl IntoIterator<Item = &'a WireReceipt>,
) -> Option<B256> {
    let encoded = receipts.into_iter().map(WireReceipt::encoded);
    let encoded: Vec<Vec<u8>> = encoded.collect::<Option<_>>()?;
    Some(proofs::ordered_trie_root_encoded(&encoded))
}

/// The bloom of a block with these receipts.
pub(crate) fn bloom_of<'a>(receipts: impl IntoIterator<Item = &'a WireReceipt>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in receipts.into_iter().flat_map(|receipt| &receipt.logs) {
        bloom.accrue_raw_log(log.address, &log.topics);
    }
    bloom
}

/// All logs of a block, each at the index that its place among the receipts gives it. Where a receipt
/// or a log claims another place, the claim.
pub(crate) fn logs_of(block: BlockId, receipts: Vec<WireReceipt>) -> Result<Vec<Log>, String> {
    // The root covers no block hash, index or transaction hash. So places are counted here, and
    // what the node claims must match.
    let mut logs = Vec::new();
    for (place, receipt) in (0_u64..).zip(receipts) {
        let is_of_block = receipt.block_hash == block.hash
            && receipt.block_number.to::<u64>() == block.number.get();
        let is_in_place = receipt.transaction_index.is_none_or(|index| index.to::<u64>() == place);
        if !is_of_block || !is_in_place {
            return Err(format!(
                "receipt {place} of block {block} claims another place: block {}, transaction {:?}",
                receipt.block_number, receipt.transaction_index
            ));
        }
        for wire in receipt.logs {
            let index = LogIndex::new(logs.len() as u64);
            let log = Log::try_from(wire).ok().filter(|log| {
                log.block_id() == block
                    && log.tx_hash == receipt.transaction_hash
                    && log.log_index == index
            });
            let Some(log) = log else {
                let index = index.get();
                return Err(format!("log {index} of block {block} claims another place"));
            };
            logs.push(log);
        }
    }
    Ok(logs)
}

impl WireReceipt {
    /// Its encoding in the trie.
    fn encoded(&self) -> Option<Vec<u8>> {
        let receipt = Receipt {
            status: self.outcome()?,
            cumulative_gas_used: self.cumulative_gas_used.to(),
            logs: self.logs.iter().map(raw).collect::<Vec<RawLog>>(),
        };
        let bloom = logs_bloom(&receipt.logs);
        let kind = u8::try_from(self.kind.unwrap_or_default().to::<u64>()).ok()?;
        let mut out = Vec::new();
        if kind != 0 {
            out.push(kind);
        }
        match (kind, self.deposit_receipt_version) {
            (DEPOSIT, Some(version)) => {
                let (nonce, version) = (self.deposit_nonce?.to::<u64>(), version.to::<u64>());
                let payload_length = receipt.rlp_encoded_fields_length_with_bloom(&bloom)
                    + nonce.length()
                    + version.length();
                Header { list: true, payload_length }.encode(&mut out);
                receipt.rlp_encode_fields_with_bloom(&bloom, &mut out);
                nonce.encode(&mut out);
                version.encode(&mut out);
            }
            // Before Canyon, a deposit's nonce is returned and not hashed.
            _ => receipt.rlp_encode_with_bloom(&bloom, &mut out),
        }
        Some(out)
    }

    fn outcome(&self) -> Option<Eip658Value> {
        match (self.status.map(|status| status.to::<u64>()), &self.root) {
            (Some(status @ (0 | 1)), _) => Some(Eip658Value::Eip658(status == 1)),
            (None, Some(root)) => B256::try_from(&root[..]).ok().map(Eip658Value::PostState),
            _ => None,
        }
    }
}

fn raw(log: &WireLog) -> RawLog {
    let data = LogData::new_unchecked(log.topics.clone(), log.data.clone());
    RawLog { address: log.address, data }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
