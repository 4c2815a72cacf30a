//! Headers by number and by tag.

use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, BlockNumber, BlockRef};
use serde_json::json;

use crate::chain::EvmChain;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::range::READINGS_MAX;
use crate::wire::{Header, WireHeader};

/// The header of a block that the node should have.
pub(crate) fn header_call(number: BlockNumber) -> Call {
    header_if_there_call(number).expected()
}

/// The header of a block that the node may not have.
pub(crate) fn header_if_there_call(number: BlockNumber) -> Call {
    tagged_header_call(&format!("{:#x}", number.get()))
}

/// The header of a block that is named by its hash.
pub(crate) fn header_by_hash_call(block: BlockId) -> Call {
    Call::new("eth_getBlockByHash", json!([block.hash, false])).expected()
}

pub(crate) fn tagged_header_call(block: &str) -> Call {
    Call::new("eth_getBlockByNumber", json!([block, false]))
}

impl EvmChain {
    /// The header under a tag, `None` if the node does not know the tag.
    pub(crate) async fn tagged_header(
        &self,
        operation: &'static str,
        tag: &str,
    ) -> Result<Option<BlockRef>, ChainError> {
        let call = match tag {
            "latest" => tagged_header_call(tag).expected(),
            _ => tagged_header_call(tag).with_alternative(),
        };
        match self.rpc().call::<Option<WireHeader>>(call).await {
            Ok(Some(header)) => self.placed_header(operation, header).map(|h| Some(h.block)),
            Ok(None) => Ok(None),
            Err(Failure { fault: Fault::BlockMissing | Fault::BadParams, .. }) => Ok(None),
            Err(failure) => Err(failure.during(operation)),
        }
    }

    /// A chain begins with a block: a node without one is not ready.
    pub(crate) fn no_head(&self, operation: &'static str) -> ChainError {
        ChainError::transient(operation, format!("{} has no latest block", self.endpoint()))
    }

    /// Every header of `from..=to`, linked by parent hash.
    pub(crate) async fn linked_headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        let operation = "read headers";
        if from > to {
            let detail = format!("{from}..={to} is no range");
            return Err(ChainError::persistent(operation, detail));
        }
        let numbers: Vec<BlockNumber> = (from.get()..=to.get()).map(BlockNumber::new).collect();
        let mut readings = 1;
        loop {
            let headers = self.headers_of(operation, &numbers).await;
            let blocks = headers.into_iter().map(|header| header.map(|header| header.block));
            let blocks: Vec<BlockRef> = blocks.collect::<Result<_, _>>()?;
            check_links(operation, &blocks)?;
            match self.check_times(operation, &blocks) {
                Ok(()) => return Ok(blocks),
                Err(error) if readings == READINGS_MAX => return Err(error),
                Err(_) => readings += 1,
            }
        }
    }

    /// No block may be earlier than the one below it.
    fn check_times(&self, operation: &'static str, blocks: &[BlockRef]) -> Result<(), ChainError> {
        match blocks.array_windows().find(|[lower, upper]| upper.time < lower.time) {
            None => Ok(()),
            Some([lower, upper]) => {
                let detail = format!(
                    "{}: block {upper} has time {}, before that of block {lower} below it, {}",
                    self.endpoint(),
                    upper.time,
                    lower.time
                );
                Err(ChainError::transient(operation, detail))
            }
        }
    }

    /// The header of each of these blocks, in the order asked.
    pub(crate) async fn headers_of(
        &self,
        operation: &'static str,
        numbers: &[BlockNumber],
    ) -> Vec<Result<Header, ChainError>> {
        let calls = numbers.iter().copied().map(header_call).collect();
        let read = |answer| self.rpc().parse::<Option<WireHeader>>(answer);
        let headers = self.rpc().many_as(calls, read).await;
        let headers = numbers.iter().zip(headers).map(|(number, header)| {
            let header = header.map_err(|failure| failure.during(operation))?;
            self.header_of(operation, *number, header)
        });
        headers.collect()
    }

    /// The header of block `number` in an answer; `BlockGone` if there is none.
    pub(crate) fn header(
        &self,
        operation: &'static str,
        number: BlockNumber,
        answer: Answer,
    ) -> Result<Header, ChainError> {
        let header = answer.and_then(|answer| self.rpc().parse(answer));
        self.header_of(operation, number, header.map_err(|failure| failure.during(operation))?)
    }

    /// The header that a node returns for block `number`; `BlockGone` if it returns none.
    pub(crate) fn header_of(
        &self,
        operation: &'static str,
        number: BlockNumber,
        header: Option<WireHeader>,
    ) -> Result<Header, ChainError> {
        let header = header.ok_or_else(|| {
            let detail = format!("{} has no block {number}", self.endpoint());
            ChainError::block_gone(operation, detail)
        })?;
        let header = self.placed_header(operation, header)?;
        if header.block.number != number {
            let detail = format!(
                "{} answers block {} when asked for block {number}",
                self.endpoint(),
                header.block.number
            );
            return Err(ChainError::transient(operation, detail));
        }
        Ok(header)
    }

    /// A header in the form that it must have.
    pub(crate) fn placed_header(
        &self,
        operation: &'static str,
        header: WireHeader,
    ) -> Result<Header, ChainError> {
        Header::try_from(header).map_err(|error| {
            let detail = format!("{}: a header's {error}", self.endpoint());
            ChainError::persistent(operation, detail)
        })
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
