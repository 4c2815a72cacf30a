//! The logs of a block by way of its receipts, and what binds them to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy::primitives::{B256, Bloom};
use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, Log};
use serde::Deserialize;
use serde_json::json;

use crate::asker::Asker;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::headers::{HeaderReader, header_by_hash_call};
use crate::http::Call;
use crate::state_sync::state_sync_tx;

mod wire;

use wire::{WireReceipt, bloom_of, logs_of, receipts_root};

/// What a block's header commits to of its receipts.
#[derive(Debug)]
pub(crate) enum Seal {
    /// Their root, in a header that has the hash that it should have.
    Root(B256),
    /// The bloom of their logs.
    Bloom(Box<Bloom>),
    /// Nothing that can be used.
    Missing,
}

#[derive(Deserialize)]
struct Transactions {
    transactions: Vec<B256>,
}

/// Reads the receipts of blocks from one node.
#[derive(Debug)]
pub(crate) struct ReceiptReader {
    asker: Arc<Asker>,
    headers: HeaderReader,
    /// The node has no `eth_getBlockReceipts`.
    is_one_by_one: AtomicBool,
}

impl ReceiptReader {
    pub(crate) const fn new(asker: Arc<Asker>, headers: HeaderReader) -> Self {
        Self { asker, headers, is_one_by_one: AtomicBool::new(false) }
    }

    /// All logs of a block in their order, out of receipts that its seal covers.
    pub(crate) async fn logs(
        &self,
        operation: &'static str,
        block: BlockId,
        seal: Seal,
    ) -> Result<Vec<Log>, ChainError> {
        let receipts = self.read(operation, block).await?;
        self.logs_in(operation, block, &seal, receipts)
    }

    /// The logs in the receipts of a block, if its seal covers them.
    pub(crate) fn logs_in(
        &self,
        operation: &'static str,
        block: BlockId,
        seal: &Seal,
        receipts: Vec<WireReceipt>,
    ) -> Result<Vec<Log>, ChainError> {
        // The receipt of state-sync logs is in neither the trie nor the bloom, so it is left out of
        // both; its logs count like all others.
        let state_sync = state_sync_tx(self.asker.chain(), block);
        let sealed =
            || receipts.iter().filter(|receipt| Some(receipt.transaction_hash) != state_sync);
        let fits = match seal {
            Seal::Root(root) => receipts_root(sealed()) == Some(*root),
            Seal::Bloom(bloom) => bloom_of(sealed()) == **bloom,
            // Nothing to compare with: `HeavyBlockReader` has warned of that.
            Seal::Missing => true,
        };
        if !fits {
            let what = if matches!(seal, Seal::Root(_)) { "root" } else { "bloom" };
            let detail = format!(
                "the receipts that {} gives of block {block} do not have the {what} of its header: \
                 they are cut or changed, or the chain's receipts have a form unknown here, and then \
                 use log_proof = \"bloom\"",
                self.asker.endpoint()
            );
            return Err(ChainError::transient(operation, detail));
        }
        logs_of(block, receipts).map_err(|detail| {
            ChainError::transient(operation, format!("{}: {detail}", self.asker.endpoint()))
        })
    }

    /// The receipts of a block, compared with nothing.
    pub(crate) async fn read(
        &self,
        operation: &'static str,
        block: BlockId,
    ) -> Result<Vec<WireReceipt>, ChainError> {
        if !self.is_one_by_one.load(Ordering::Relaxed) {
            let call = Call::new("eth_getBlockReceipts", json!([block.hash]));
            let call = call.expected().divisible().with_alternative();
            match self.asker.call::<Option<Vec<WireReceipt>>>(call).await {
                Ok(Some(receipts)) => return Ok(receipts),
                Ok(None) => return Err(self.without_receipts(operation, block).await),
                Err(failure) if failure.fault == Fault::Unsupported => {
                    tracing::info!(
                        endpoint = self.asker.endpoint(),
                        "the node has no eth_getBlockReceipts, asking for each transaction's"
                    );
                    self.is_one_by_one.store(true, Ordering::Relaxed);
                }
                // It may still answer for one transaction at a time.
                Err(failure) if failure.recurs => {}
                Err(failure) => return Err(failure.during(operation)),
            }
        }
        self.each_receipt(operation, block).await
    }

    async fn each_receipt(
        &self,
        operation: &'static str,
        block: BlockId,
    ) -> Result<Vec<WireReceipt>, ChainError> {
        let during = |failure: Failure| failure.during(operation);
        let call = header_by_hash_call(block);
        let found = self.asker.call::<Option<Transactions>>(call).await.map_err(during)?;
        let found = found.ok_or_else(|| self.headers.lost(operation, block))?;
        let call = |hash: &B256| Call::new("eth_getTransactionReceipt", json!([hash])).expected();
        let calls = found.transactions.iter().map(call).collect();
        let read = |answer| self.asker.parse::<Option<WireReceipt>>(answer);
        let found = self.asker.many_as(calls, read).await;
        let mut receipts = Vec::with_capacity(found.len());
        for receipt in found {
            match receipt.map_err(during)? {
                Some(receipt) => receipts.push(receipt),
                None => return Err(self.without_receipts(operation, block).await),
            }
        }
        Ok(receipts)
    }

    /// Why a node has no receipts of a block: `BlockGone` only if it no longer has the block.
    async fn without_receipts(&self, operation: &'static str, block: BlockId) -> ChainError {
        match self.headers.one(operation, block.number).await {
            Ok(header) if header.block.id() == block => {
                let detail = format!(
                    "{} has block {block} and keeps no receipts of it: if this lasts, use an archive node",
                    self.asker.endpoint()
                );
                ChainError::transient(operation, detail)
            }
            Ok(_) => self.headers.lost(operation, block),
            Err(error) => error,
        }
    }
}
