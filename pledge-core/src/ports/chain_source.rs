//! Where blocks and logs come from.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::ChainError;
use crate::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, Log, LogFilter,
};

/// Which headers the answer to a request for logs must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderDetail {
    /// Both ends of the answer, and every block with a log.
    Sparse,
    /// Every block of the answer.
    All,
}

/// A request for the logs of a range of blocks.
#[derive(Debug, Clone, Copy)]
pub struct LogsRequest<'a> {
    /// First block (inclusive).
    pub from: BlockNumber,
    /// Last block (inclusive), not below `from`.
    pub to: BlockNumber,
    /// Which logs: those that any of these selects. At least one must select something, and the
    /// addresses of each ascend.
    pub filters: &'a [LogFilter<'a>],
    /// Which headers the answer must contain.
    pub detail: HeaderDetail,
}

/// A source's answer for a range: a prefix of it, if the whole range was too much for one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogsAnswer {
    /// Ascending. The first is the request's first block, the last is where the answer ends.
    pub headers: Vec<BlockRef>,
    /// Ascending by block and log index. The header of each one's block is in `headers`.
    pub logs: Vec<Log>,
}

/// One chain, read through one node or a group of nodes that agree.
///
/// # Contract
/// - `logs` returns a prefix of the requested range, at least its first block, from one branch of
///   the chain: neighbouring headers link by parent hash.
/// - Logs are sorted and unique, match a filter, and come with the header of their very block.
///   None that matches is left out.
/// - `HeaderDetail::All` returns every header of the answer.
/// - Times never decrease from one header of an answer to the next.
/// - A block that does not exist is `BlockGone`, never an empty answer.
/// - An unknown or unused contract is no error: the range has no logs, and its code is empty.
/// - `calls` reads the state after the very block asked, or is `BlockGone`.
///
/// [`ChainSourceExt`](super::ChainSourceExt) has the questions about ERC-20 contracts.
///
/// ```
/// use pledge_core::ledger::erc20;
/// use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
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
/// let (from, tokens, detail) = (BlockNumber::new(0), [token], HeaderDetail::Sparse);
/// let filters = [erc20::transfers_of(&tokens)];
/// let request = LogsRequest { from, to: head, filters: &filters, detail };
/// let answer = chain.logs(request).await?;
/// answer.verify(&request)?;
/// let transfer = erc20::decode(&answer.logs[0]).ok().flatten().ok_or("no transfer")?;
/// assert_eq!(transfer.amount, amount);
/// assert_eq!(answer.last().map(|header| header.number), Some(head));
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

    /// The canonical headers of these blocks, complete and linked.
    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError>;

    /// The canonical headers of these blocks, in the order asked.
    ///
    /// They are asked for one by one unless the source knows better.
    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        let mut headers = Vec::with_capacity(numbers.len());
        for number in numbers {
            headers.extend(self.headers(BlockSpan::one(*number)).await?);
        }
        Ok(headers)
    }

    /// Logs and headers of a range.
    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError>;

    /// The outcome of each call in the state after a block, in the order asked.
    ///
    /// A contract that reverts is the outcome of its call alone. `BlockGone` if the block is not on
    /// the chain any more: no outcome is of another block.
    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError>;
}

impl LogsRequest<'_> {
    /// Whether a log is asked for, whatever its block.
    pub fn selects(&self, log: &Log) -> bool {
        self.filters.iter().any(|filter| filter.matches(log))
    }
}

impl LogsAnswer {
    /// The last block of the answer; the next request begins after it.
    pub fn last(&self) -> Option<&BlockRef> {
        self.headers.last()
    }

    /// The header of a block, if the answer has it.
    pub fn header(&self, number: BlockNumber) -> Option<&BlockRef> {
        header_of(&self.headers, number)
    }

    /// Checks the answer against the contract of [`ChainSource::logs`].
    ///
    /// A breach is `Transient`: another attempt or another node may give a correct answer. It is
    /// `Persistent` if the request itself is wrong: a filter's addresses do not ascend.
    ///
    /// The engine checks every answer once, where it begins to trust it. A source may check its own
    /// before that, to ask its node again or another one.
    pub fn verify(&self, request: &LogsRequest<'_>) -> Result<(), ChainError> {
        if !request.filters.iter().all(|filter| filter.addresses.is_sorted()) {
            let detail = "the addresses of a filter do not ascend";
            return Err(ChainError::persistent("check a range", detail));
        }
        // Headers come first, because the logs are checked against them.
        request.verify_headers(&self.headers)?;
        let mut previous = None;
        for log in &self.logs {
            let block = log.block;
            if previous.is_some_and(|previous| previous >= log.place()) {
                return breach(format!("a log of block {block} is out of order"));
            }
            previous = Some(log.place());
            let Some(header) = self.header(block) else {
                return breach(format!("a log of block {block} has no header"));
            };
            if header.hash != log.block_hash {
                return breach(format!("a log of block {header} is of {}", log.block_id()));
            }
            if !request.selects(log) {
                let (address, topics) = (log.address, log.topics.as_slice());
                return breach(format!(
                    "a log of {address} with topics {topics:?} was not asked for"
                ));
            }
        }
        Ok(())
    }
}

impl LogsRequest<'_> {
    /// Checks the headers of an answer: its range, links, times, and that none is missing.
    pub(crate) fn verify_headers(&self, headers: &[BlockRef]) -> Result<(), ChainError> {
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return breach("the answer has no headers".to_owned());
        };
        if first.number != self.from || last.number > self.to {
            return breach(format!(
                "asked for {}..={}, got {}..={}",
                self.from, self.to, first.number, last.number
            ));
        }
        // A decreasing time that passed here would halt a token in the fold.
        for pair in headers.windows(2) {
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
            if !neighbours && self.detail == HeaderDetail::All {
                return breach(format!("headers between {lower} and {upper} are missing"));
            }
        }
        Ok(())
    }
}

/// The header of a block among ascending headers.
pub(crate) fn header_of(headers: &[BlockRef], number: BlockNumber) -> Option<&BlockRef> {
    let at = headers.binary_search_by_key(&number, |header| header.number).ok()?;
    headers.get(at)
}

fn breach(detail: String) -> Result<(), ChainError> {
    Err(ChainError::transient("check a range", detail))
}
