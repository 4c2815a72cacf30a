//! A file as a chain.

use anyhow::{Context, Result};
use pledge_core::error::ChainError;
use pledge_core::ledger::{TokenMetadata, Transfer};
use pledge_core::primitives::Address;
use pledge_core::types::{BlockId, BlockNumber, BlockRef, ChainId, Decimals, TokenId};

use super::rows;

/// The one token of the file.
pub(crate) const TOKEN: TokenId =
    TokenId { chain: ChainId::new(7_357), address: Address::repeat_byte(0xc5) };

pub(crate) type Answer<T> = Result<T, ChainError>;

/// A chain that is complete: its head is final.
#[derive(Debug)]
pub(crate) struct CsvChain {
    pub(crate) metadata: TokenMetadata,
    pub(crate) transfers: Vec<Transfer>,
    blocks: Vec<BlockRef>,
}

impl CsvChain {
    /// Reads a file of whole shares, which have no decimals.
    pub(crate) fn open(file: &str) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        let (blocks, transfers) =
            rows::read(&text, TOKEN.address).with_context(|| file.to_owned())?;
        let metadata = TokenMetadata { symbol: "SHARE".to_owned(), decimals: Decimals::new(0)? };
        Ok(Self { metadata, transfers, blocks })
    }

    pub(crate) fn block(&self, number: BlockNumber) -> Answer<BlockRef> {
        let at = usize::try_from(number.get()).ok();
        let gone = || ChainError::block_gone("read a block", format!("there is no block {number}"));
        at.and_then(|at| self.blocks.get(at)).copied().ok_or_else(gone)
    }

    /// The transfers up to a block, which must be one of this chain.
    pub(crate) fn until(&self, at: BlockId) -> Answer<Vec<&Transfer>> {
        if self.block(at.number)?.id() != at {
            return Err(ChainError::block_gone("read balances", format!("there is no block {at}")));
        }
        let before = |row: &&Transfer| row.block <= at.number;
        Ok(self.transfers.iter().filter(before).collect())
    }
}
