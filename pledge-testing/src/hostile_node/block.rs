//! A block whose header matches its contents.

use alloy::consensus::proofs::calculate_receipt_root;
use alloy::consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType,
    constants::EMPTY_ROOT_HASH,
};
use alloy::primitives::{Address, B256, Bytes, Log, logs_bloom};
use alloy::rpc::types;
use serde_json::{Value, json};

const GAS: u64 = 21_000;

/// The sender of the transactions.
pub(super) const SENDER: Address = Address::repeat_byte(0xf0);

/// A transaction, reduced to what its logs need. It may be included again in another block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// A substitute for the hash of a signed transaction.
    pub hash: B256,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// A block: the hash is its header's, bloom and receipts root are those of its logs.
#[derive(Debug, Clone)]
pub struct Block {
    /// The consensus header.
    pub header: Header,
    /// The header's hash.
    pub hash: B256,
    /// In the block's order. The first of a block that is not empty logs nothing.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// On top of a parent; `mark` makes it differ from every other block.
    pub(super) fn new(
        parent: Option<&Self>,
        time: u64,
        mark: u64,
        transactions: Vec<Transaction>,
    ) -> Self {
        let receipts: Vec<_> = receipts_of(&transactions, Clone::clone);
        let logs = transactions.iter().flat_map(|transaction| &transaction.logs);
        let header = Header {
            parent_hash: parent.map(|parent| parent.hash).unwrap_or_default(),
            number: parent.map_or(0, |parent| parent.header.number + 1),
            timestamp: time,
            gas_limit: 30_000_000,
            gas_used: GAS * transactions.len() as u64,
            logs_bloom: logs_bloom(logs),
            receipts_root: calculate_receipt_root(&receipts),
            transactions_root: root_of_hashes(&transactions),
            base_fee_per_gas: Some(7),
            extra_data: Bytes::copy_from_slice(&mark.to_be_bytes()),
            ..Header::default()
        };
        Self { hash: header.hash_slow(), header, transactions }
    }

    pub const fn number(&self) -> u64 {
        self.header.number
    }

    /// The answer to `eth_getBlockByNumber`.
    pub(super) fn to_json(&self) -> Value {
        let header = types::Header::new(self.header.clone());
        let mut block = serde_json::to_value(header).expect("a header is JSON");
        let hashes: Vec<_> = self.transactions.iter().map(|transaction| transaction.hash).collect();
        block["transactions"] = json!(hashes);
        block["uncles"] = json!([]);
        block
    }

    /// The same with the transactions themselves, the first of which has this nonce.
    pub(super) fn to_json_in_full(&self, nonce: u64) -> Value {
        let mut block = self.to_json();
        let sent = (nonce..).zip(&self.transactions).map(|(nonce, transaction)| {
            json!({
                "hash": transaction.hash,
                "from": SENDER,
                "to": transaction.logs.first().map_or(SENDER, |log| log.address),
                "nonce": format!("{nonce:#x}"),
            })
        });
        block["transactions"] = sent.collect();
        block
    }

    /// Its logs with their places, in the block's order.
    pub(super) fn logs(&self) -> Vec<types::Log> {
        let mut placed = Vec::new();
        for (at, transaction) in (0_u64..).zip(&self.transactions) {
            for log in &transaction.logs {
                placed.push(types::Log {
                    inner: log.clone(),
                    block_hash: Some(self.hash),
                    block_number: Some(self.number()),
                    block_timestamp: None,
                    transaction_hash: Some(transaction.hash),
                    transaction_index: Some(at),
                    log_index: Some(placed.len() as u64),
                    removed: false,
                });
            }
        }
        placed
    }

    /// The answer to `eth_getBlockReceipts`.
    pub(super) fn receipts(&self) -> Vec<types::TransactionReceipt> {
        let mut logs = self.logs().into_iter();
        let envelopes = receipts_of(&self.transactions, |_| logs.next().expect("one for each"));
        let receipts = (0_u64..).zip(&self.transactions).zip(envelopes);
        receipts
            .map(|((at, transaction), inner)| types::TransactionReceipt {
                inner,
                transaction_hash: transaction.hash,
                transaction_index: Some(at),
                block_hash: Some(self.hash),
                block_number: Some(self.number()),
                gas_used: GAS,
                effective_gas_price: 7,
                blob_gas_used: None,
                blob_gas_price: None,
                from: SENDER,
                to: transaction.logs.first().map(|log| log.address),
                contract_address: None,
            })
            .collect()
    }
}

/// The receipts of a block, of every type of transaction in turn.
fn receipts_of<L>(
    transactions: &[Transaction],
    mut log: impl FnMut(&Log) -> L,
) -> Vec<ReceiptEnvelope<L>> {
    let types =
        [TxType::Legacy, TxType::Eip2930, TxType::Eip1559, TxType::Eip4844, TxType::Eip7702];
    let receipts = (1_u64..).zip(transactions).zip(types.into_iter().cycle());
    receipts
        .map(|((count, transaction), tx_type)| {
            let receipt = Receipt {
                status: Eip658Value::Eip658(!transaction.logs.is_empty()),
                cumulative_gas_used: GAS * count,
                logs: transaction.logs.iter().map(&mut log).collect(),
            };
            let logs_bloom = logs_bloom(&transaction.logs);
            ReceiptEnvelope::from_typed(tx_type, ReceiptWithBloom { receipt, logs_bloom })
        })
        .collect()
}

/// There are no signed transactions to compute the true root of.
fn root_of_hashes(transactions: &[Transaction]) -> B256 {
    if transactions.is_empty() {
        return EMPTY_ROOT_HASH;
    }
    let hashes = transactions.iter().flat_map(|transaction| transaction.hash);
    alloy::primitives::keccak256(hashes.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::LogData;
    use alloy::rpc::types::TransactionReceipt;

    use super::*;

    fn log(byte: u8) -> Log {
        let topics = vec![B256::repeat_byte(byte), B256::repeat_byte(byte + 1)];
        let data = LogData::new_unchecked(topics, Bytes::from(vec![byte; 32]));
        Log { address: Address::repeat_byte(byte), data }
    }

    fn block() -> Block {
        let transaction = |byte, logs| Transaction { hash: B256::repeat_byte(byte), logs };
        let transactions = vec![
            transaction(1, vec![]),
            transaction(2, vec![log(1), log(2)]),
            transaction(3, vec![log(3)]),
            transaction(4, vec![log(4)]),
            transaction(5, vec![log(5)]),
            transaction(6, vec![log(6)]),
        ];
        let parent = Block::new(None, 1, 0, vec![]);
        Block::new(Some(&parent), 2, 1, transactions)
    }

    #[test]
    fn the_hash_is_of_the_header_that_is_sent() {
        let sent: types::Header = serde_json::from_value(block().to_json()).unwrap();
        assert_eq!(sent.inner.hash_slow(), block().hash);
        assert_eq!(sent.hash, block().hash);
    }

    #[test]
    fn the_receipts_that_are_sent_have_the_root_of_the_header() {
        let sent = serde_json::to_value(block().receipts()).unwrap();
        let sent: Vec<TransactionReceipt> = serde_json::from_value(sent).unwrap();
        let receipts: Vec<ReceiptEnvelope> =
            sent.into_iter().map(|receipt| receipt.into_primitives_receipt().inner).collect();
        assert_eq!(calculate_receipt_root(&receipts), block().header.receipts_root);
    }

    #[test]
    fn the_logs_that_are_sent_are_in_the_bloom_of_the_header() {
        for sent in block().logs() {
            assert!(block().header.logs_bloom.contains_log(&sent.inner));
        }
        assert!(!block().header.logs_bloom.contains_log(&log(0x77)));
    }

    #[test]
    fn an_empty_block_has_the_empty_roots() {
        let empty = Block::new(None, 1, 0, vec![]);
        assert_eq!(empty.header.receipts_root, EMPTY_ROOT_HASH);
        assert!(empty.header.logs_bloom.is_zero());
    }
}
