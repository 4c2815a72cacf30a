//! Headers by number and by tag, each in the form and at the height that it must have.

use std::sync::Arc;

use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, BlockSpan};
use serde_json::json;

use crate::asker::Asker;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::wire::{Header, WireHeader};

/// How often blocks are read whose headers contradict one another.
pub(crate) const READINGS_MAX: usize = 2;

/// The first block, which not every node has.
pub(crate) const GENESIS: BlockNumber = BlockNumber::new(0);

const READ_HEAD: &str = "read the head";
const READ_HEADERS: &str = "read headers";

/// The header of a block that the node should have.
pub(crate) fn header_call(number: BlockNumber) -> Call {
    header_if_there_call(number).expected()
}

/// The header of a block that the node may not have.
fn header_if_there_call(number: BlockNumber) -> Call {
    tagged_header_call(&format!("{:#x}", number.get()))
}

/// The header of a block that is named by its hash.
pub(crate) fn header_by_hash_call(block: BlockId) -> Call {
    Call::new("eth_getBlockByHash", json!([block.hash, false])).expected()
}

fn tagged_header_call(block: &str) -> Call {
    Call::new("eth_getBlockByNumber", json!([block, false]))
}

/// Reads headers of one node.
#[derive(Debug, Clone)]
pub(crate) struct HeaderReader {
    asker: Arc<Asker>,
}

impl HeaderReader {
    pub(crate) const fn new(asker: Arc<Asker>) -> Self {
        Self { asker }
    }

    /// The newest block.
    pub(crate) async fn head(&self) -> Result<BlockRef, ChainError> {
        let head = self.under_tag(READ_HEAD, "latest").await?;
        head.ok_or_else(|| self.no_head())
    }

    /// The finalized block, `None` if the node knows of none.
    pub(crate) async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.under_tag("read the finalized block", "finalized").await
    }

    /// The header under a tag, `None` if the node does not know the tag.
    async fn under_tag(
        &self,
        operation: &'static str,
        tag: &str,
    ) -> Result<Option<BlockRef>, ChainError> {
        let call = match tag {
            "latest" => tagged_header_call(tag).expected(),
            _ => tagged_header_call(tag).with_alternative(),
        };
        match self.asker.call::<Option<WireHeader>>(call).await {
            Ok(Some(header)) => self.placed(operation, header).map(|h| Some(h.block)),
            Ok(None) => Ok(None),
            // Nodes answer an unknown tag with null, as a missing block, or as bad parameters.
            Err(Failure { fault: Fault::BlockMissing | Fault::BadParams, .. }) => Ok(None),
            Err(failure) => Err(failure.during(operation)),
        }
    }

    /// A chain begins with a block: a node without one is not ready.
    fn no_head(&self) -> ChainError {
        let detail = format!("{} has no latest block", self.asker.endpoint());
        ChainError::transient(READ_HEAD, detail)
    }

    /// The head and the blocks at some heights, in one batch; `None` is no height, or no block there
    /// because the head is lower. Only the first block may be missing below the head.
    pub(crate) async fn head_and<const N: usize>(
        &self,
        heights: [Option<BlockNumber>; N],
    ) -> Result<(BlockRef, [Option<BlockRef>; N]), ChainError> {
        let asked = heights.iter().flatten().copied().map(header_if_there_call);
        let calls: Vec<Call> =
            [tagged_header_call("latest").expected()].into_iter().chain(asked).collect();
        let mut answers = self.asker.together(calls).await.into_iter();
        let head = self.latest(answers.next().expect("a batch has an answer for each call"))?;
        let mut blocks = [None; N];
        for (block, height) in blocks.iter_mut().zip(heights) {
            let Some(height) = height else { continue };
            let answer = answers.next().expect("a batch has an answer for each call");
            *block = match self.in_answer(READ_HEAD, height, answer) {
                Ok(header) => Some(header.block),
                // Not every node has the first blocks.
                Err(_) if height == GENESIS => None,
                Err(error) if error.kind() != ChainErrorKind::BlockGone => return Err(error),
                Err(_) if head.number < height => None,
                // Two machines may be behind the url: the one with the head is ahead of the one
                // asked for this.
                Err(_) => return Err(self.has_no_such_head(head.number, height)),
            };
        }
        Ok((head, blocks))
    }

    fn latest(&self, answer: Answer) -> Result<BlockRef, ChainError> {
        let header = self.parse(READ_HEAD, answer)?.ok_or_else(|| self.no_head())?;
        self.placed(READ_HEAD, header).map(|header| header.block)
    }

    fn has_no_such_head(&self, head: BlockNumber, missing: BlockNumber) -> ChainError {
        let endpoint = self.asker.endpoint();
        let detail =
            format!("{endpoint} names block {head} as its head, and has no block {missing}");
        ChainError::transient(READ_HEAD, detail)
    }

    /// Every header of the blocks, linked by parent hash.
    pub(crate) async fn linked(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        let numbers: Vec<BlockNumber> = blocks.numbers().collect();
        if numbers.is_empty() {
            let detail = format!("{blocks} is no range");
            return Err(ChainError::persistent(READ_HEADERS, detail));
        }
        let mut readings = 1;
        loop {
            let blocks = self.at(&numbers).await?;
            // A broken link is a change of the chain, which the caller resolves; a time that goes
            // back may be one wrong answer, so only that is read again.
            check_links(READ_HEADERS, &blocks)?;
            match self.check_times(&blocks) {
                Ok(()) => return Ok(blocks),
                Err(error) if readings == READINGS_MAX => return Err(error),
                Err(_) => readings += 1,
            }
        }
    }

    /// No block may be earlier than the one below it.
    fn check_times(&self, blocks: &[BlockRef]) -> Result<(), ChainError> {
        match blocks.array_windows().find(|[lower, upper]| upper.time < lower.time) {
            None => Ok(()),
            Some([lower, upper]) => {
                let detail = format!(
                    "{}: block {upper} has time {}, before that of block {lower} below it, {}",
                    self.asker.endpoint(),
                    upper.time,
                    lower.time
                );
                Err(ChainError::transient(READ_HEADERS, detail))
            }
        }
    }

    /// The blocks at these heights, in the order asked.
    pub(crate) async fn at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        let headers = self.each(READ_HEADERS, numbers).await;
        headers.into_iter().map(|header| header.map(|header| header.block)).collect()
    }

    /// The header of one block.
    pub(crate) async fn one(
        &self,
        operation: &'static str,
        number: BlockNumber,
    ) -> Result<Header, ChainError> {
        self.each(operation, &[number]).await.remove(0)
    }

    /// The header of each of these blocks, in the order asked.
    pub(crate) async fn each(
        &self,
        operation: &'static str,
        numbers: &[BlockNumber],
    ) -> Vec<Result<Header, ChainError>> {
        let calls = numbers.iter().copied().map(header_call).collect();
        let read = |answer| self.asker.parse::<Option<WireHeader>>(answer);
        let headers = self.asker.many_as(calls, read).await;
        let headers = numbers.iter().zip(headers).map(|(number, header)| {
            let header = header.map_err(|failure| failure.during(operation))?;
            self.of_block(operation, *number, header)
        });
        headers.collect()
    }

    /// The header of block `number` in an answer; `BlockGone` if there is none.
    pub(crate) fn in_answer(
        &self,
        operation: &'static str,
        number: BlockNumber,
        answer: Answer,
    ) -> Result<Header, ChainError> {
        self.of_block(operation, number, self.parse(operation, answer)?)
    }

    fn parse(
        &self,
        operation: &'static str,
        answer: Answer,
    ) -> Result<Option<WireHeader>, ChainError> {
        let header = answer.and_then(|answer| self.asker.parse(answer));
        header.map_err(|failure| failure.during(operation))
    }

    /// The header that a node returns for block `number`; `BlockGone` if it returns none.
    pub(crate) fn of_block(
        &self,
        operation: &'static str,
        number: BlockNumber,
        header: Option<WireHeader>,
    ) -> Result<Header, ChainError> {
        let header = header.ok_or_else(|| {
            let detail = format!("{} has no block {number}", self.asker.endpoint());
            ChainError::block_gone(operation, detail)
        })?;
        let header = self.placed(operation, header)?;
        if header.block.number != number {
            let detail = format!(
                "{} answers block {} when asked for block {number}",
                self.asker.endpoint(),
                header.block.number
            );
            return Err(ChainError::transient(operation, detail));
        }
        Ok(header)
    }

    /// A header in the form that it must have.
    fn placed(&self, operation: &'static str, header: WireHeader) -> Result<Header, ChainError> {
        Header::try_from(header).map_err(|error| {
            let detail = format!("{}: a header's {error}", self.asker.endpoint());
            ChainError::persistent(operation, detail)
        })
    }

    /// The error where the node has another block, or none, in the place of one that it had.
    pub(crate) fn lost(&self, operation: &'static str, block: BlockId) -> ChainError {
        let detail = format!("{} does not have block {block} any more", self.asker.endpoint());
        ChainError::block_gone(operation, detail)
    }
}

/// Each block must be a child of the one before it.
pub(crate) fn check_links(operation: &'static str, blocks: &[BlockRef]) -> Result<(), ChainError> {
    match blocks.windows(2).find(|pair| !pair[0].is_parent_of(&pair[1])) {
        None => Ok(()),
        Some(pair) => {
            let detail = format!(
                "block {} is no child of {}: the chain changed while it was read",
                pair[1], pair[0]
            );
            Err(ChainError::block_gone(operation, detail))
        }
    }
}
