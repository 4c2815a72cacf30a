//! Where blocks and transfers come from.

use std::fmt::Debug;

use alloy_primitives::Address;
use async_trait::async_trait;

use crate::error::ChainError;
use crate::ledger::{TokenMetadata, Transfer, UnreadableLog};
use crate::types::{Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, LogIndex};

/// Which headers the answer to a range request must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderDetail {
    /// Both ends of the answer, and every block with a transfer.
    Sparse,
    /// Every block of the answer.
    All,
}

/// A request for the transfers of a range of blocks.
#[derive(Debug, Clone, Copy)]
pub struct RangeRequest<'a> {
    /// First block (inclusive).
    pub from: BlockNumber,
    /// Last block (inclusive), not below `from`.
    pub to: BlockNumber,
    /// Token contracts, at least one.
    pub tokens: &'a [Address],
    /// Which headers the answer must contain.
    pub detail: HeaderDetail,
}

/// A source's answer for a range: a prefix of it, if the whole range was too much for one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeFacts {
    /// Ascending. The first is the request's first block, the last is where the answer ends.
    pub headers: Vec<BlockRef>,
    /// Ascending by block and log index. The header of each one's block is in `headers`.
    pub transfers: Vec<Transfer>,
    /// Logs with the topic of a transfer that cannot be read as one, in the same order. The header
    /// of each one's block is in `headers` too.
    pub unreadable: Vec<UnreadableLog>,
}

/// One chain, read through one node or a group of nodes that agree.
///
/// # Contract
/// - `range` returns a prefix of the requested range, at least its first block, from one branch of
///   the chain: neighbouring headers link by parent hash.
/// - Transfers are sorted and unique, belong to the requested tokens, and come with their block's
///   header. So do logs with the topic of a transfer that cannot be read as one.
/// - `HeaderDetail::All` returns every header of the answer.
/// - Times never decrease from one header of an answer to the next.
/// - A block that does not exist is `BlockGone`, never an empty answer.
/// - An unknown or unused contract is no error: the range has no transfers.
///
/// ```
/// use pledge_core::ports::{ChainSource, HeaderDetail, RangeRequest};
/// use pledge_core::primitives::Address;
/// use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
/// use pledge_core::types::{Amount, BlockNumber, ChainId, Timestamp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (token, holder) = (Address::repeat_byte(0x70), Address::repeat_byte(0xa1));
/// let chain = ScriptedChain::new(ChainId::new(1), Timestamp::new(1_767_279_600)?);
/// let amount = Amount::from(500);
/// let mint = ScriptedTransfer { token, from: Address::ZERO, to: holder, amount };
/// chain.mine(Timestamp::new(1_767_279_612)?, &[mint]);
///
/// let head = chain.head().number;
/// let (from, tokens, detail) = (BlockNumber::new(0), &[token], HeaderDetail::Sparse);
/// let request = RangeRequest { from, to: head, tokens, detail };
/// let facts = chain.range(request).await?;
/// facts.verify(&request)?;
/// assert_eq!(facts.transfers[0].amount, amount);
/// assert_eq!(facts.last().map(|header| header.number), Some(head));
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait ChainSource: Debug + Send + Sync + 'static {
    /// The chain id that the node itself reports now.
    async fn chain_id(&self) -> Result<ChainId, ChainError>;

    /// The newest block.
    async fn head(&self) -> Result<BlockRef, ChainError>;

    /// The newest block under the `finalized` tag; `None` if the chain has no such tag.
    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError>;

    /// The canonical headers of `from..=to`, complete and linked.
    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError>;

    /// The canonical headers of these blocks, in the order asked.
    ///
    /// They are asked for one by one unless the source knows better.
    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        let mut headers = Vec::with_capacity(numbers.len());
        for number in numbers {
            headers.extend(self.headers(*number, *number).await?);
        }
        Ok(headers)
    }

    /// Transfers and headers of a range.
    async fn range<'a>(&self, request: RangeRequest<'a>) -> Result<RangeFacts, ChainError>;

    /// Symbol and decimals; `Persistent` for an address without code or without `decimals()`.
    async fn token_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError>;

    /// `balanceOf` for each account at a block, in the order asked.
    async fn balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError>;

    /// `totalSupply` at a block.
    async fn total_supply(&self, token: Address, at: BlockId) -> Result<Amount, ChainError>;
}

impl RangeFacts {
    /// The last block of the answer; the next request begins after it.
    pub fn last(&self) -> Option<&BlockRef> {
        self.headers.last()
    }

    /// The header of a block, if the answer has it.
    pub fn header(&self, number: BlockNumber) -> Option<&BlockRef> {
        let at = self.headers.binary_search_by_key(&number, |header| header.number).ok()?;
        self.headers.get(at)
    }

    /// The part of the answer below a block. Its last block may have no header here.
    pub(crate) fn below(&self, block: BlockNumber) -> Self {
        let headers = self.headers.iter().filter(|header| header.number < block).copied();
        let transfers = self.transfers.iter().filter(|transfer| transfer.block < block).cloned();
        let unreadable = self.unreadable.iter().filter(|log| log.block < block).copied();
        Self {
            headers: headers.collect(),
            transfers: transfers.collect(),
            unreadable: unreadable.collect(),
        }
    }

    /// Checks the answer against the contract of [`ChainSource::range`].
    ///
    /// A breach is `Transient`: another attempt or another node may give a correct answer.
    pub fn verify(&self, request: &RangeRequest<'_>) -> Result<(), ChainError> {
        let breach = |detail: String| Err(ChainError::transient("check a range", detail));
        let (Some(first), Some(last)) = (self.headers.first(), self.headers.last()) else {
            return breach("the answer has no headers".to_owned());
        };
        if first.number != request.from || last.number > request.to {
            return breach(format!(
                "asked for {}..={}, got {}..={}",
                request.from, request.to, first.number, last.number
            ));
        }
        // Headers come first, because the logs are checked against them. A decreasing time that
        // passed here would halt a token in the fold.
        for pair in self.headers.windows(2) {
            let (lower, upper) = (&pair[0], &pair[1]);
            let neighbours = upper.number == lower.number.next();
            if upper.number <= lower.number {
                return breach(format!("block {upper} does not follow {lower}"));
            }
            if neighbours && !lower.is_parent_of(upper) {
                return breach(format!("block {lower} is not the parent of {upper}"));
            }
            if upper.time < lower.time {
                return breach(format!(
                    "block {upper} has time {}, before that of block {lower} below it, {}",
                    upper.time, lower.time
                ));
            }
            if !neighbours && request.detail == HeaderDetail::All {
                return breach(format!("headers between {lower} and {upper} are missing"));
            }
        }
        let transfers = self.transfers.iter().map(|t| (t.block, t.log_index, t.token));
        let unreadable = self.unreadable.iter().map(|log| (log.block, log.log_index, log.token));
        self.verify_logs(request, "transfer", transfers)?;
        self.verify_logs(request, "unreadable log", unreadable)
    }

    fn verify_logs(
        &self,
        request: &RangeRequest<'_>,
        what: &str,
        logs: impl Iterator<Item = (BlockNumber, LogIndex, Address)>,
    ) -> Result<(), ChainError> {
        let breach = |detail: String| Err(ChainError::transient("check a range", detail));
        let mut previous = None;
        for (block, log_index, token) in logs {
            let place = (block, log_index);
            if previous.is_some_and(|previous| previous >= place) {
                return breach(format!("a {what} of block {block} is out of order"));
            }
            previous = Some(place);
            if self.header(block).is_none() {
                return breach(format!("a {what} of block {block} has no header"));
            }
            if !request.tokens.contains(&token) {
                return breach(format!("a {what} of {token} was not asked for"));
            }
        }
        Ok(())
    }
}
