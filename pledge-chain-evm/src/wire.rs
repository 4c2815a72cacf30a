//! What a node answers, as far as the ledger needs it: unknown fields and kinds of blocks are fine.

use alloy::primitives::{Address, B256, Bloom, Bytes, U64};
use pledge_core::types::{BlockNumber, BlockRef, Log, LogIndex, OutOfRange, Timestamp, Topics};
use serde::Deserialize;

/// A block's header as nodes send it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireHeader {
    number: U64,
    pub(crate) hash: B256,
    parent_hash: B256,
    timestamp: U64,
    #[serde(default)]
    logs_bloom: Option<Bytes>,
}

/// A block's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) block: BlockRef,
    /// `None` if it is absent or all zero: a block without logs, or a chain that fills none in.
    pub(crate) bloom: Option<Bloom>,
}

impl TryFrom<WireHeader> for Header {
    type Error = OutOfRange;

    fn try_from(header: WireHeader) -> Result<Self, OutOfRange> {
        let block = BlockRef {
            number: BlockNumber::new(header.number.to()),
            hash: header.hash,
            parent_hash: header.parent_hash,
            time: Timestamp::new(header.timestamp.to())?,
        };
        let bloom = header.logs_bloom.and_then(|bloom| Bloom::try_from(&bloom[..]).ok());
        Ok(Self { block, bloom: bloom.filter(|bloom| !bloom.is_zero()) })
    }
}

/// A log as nodes send it: a pending one has no place yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireLog {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    transaction_hash: Option<B256>,
    log_index: Option<U64>,
    #[serde(default)]
    removed: Option<bool>,
}

/// Why a log cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadLog {
    /// The node calls it removed: its block is not on the chain any more.
    Removed,
    /// The node gives none of this: of a block that is still being made, or of any.
    Without(&'static str),
    /// No contract can write more than four topics.
    Topics(OutOfRange),
}

impl TryFrom<WireLog> for Log {
    type Error = BadLog;

    fn try_from(log: WireLog) -> Result<Self, BadLog> {
        if log.removed == Some(true) {
            return Err(BadLog::Removed);
        }
        Ok(Self {
            block: BlockNumber::new(log.block_number.ok_or(BadLog::Without("blockNumber"))?.to()),
            log_index: LogIndex::new(log.log_index.ok_or(BadLog::Without("logIndex"))?.to()),
            block_hash: log.block_hash.ok_or(BadLog::Without("blockHash"))?,
            tx_hash: log.transaction_hash.ok_or(BadLog::Without("transactionHash"))?,
            address: log.address,
            topics: Topics::new(&log.topics).map_err(BadLog::Topics)?,
            data: log.data,
        })
    }
}
