//! What is asked for in a search, and one request of it.

use std::collections::BTreeSet;

use super::inquiry::{Inquiry, Outcome};
use crate::error::ChainError;
use crate::ledger::BlockEdge;
use crate::ports::ChainSource;
use crate::types::{BlockNumber, BlockRef};

pub(super) const OPERATION: &str = "find the blocks at the edges of windows";

/// A question for headers, and what they are for.
#[derive(Debug)]
pub(super) enum Question {
    /// Narrows the search.
    Narrowing(Inquiry),
    /// Reads the blocks at edges again.
    Proving(Vec<BlockEdge>, Inquiry),
}

/// What one request brought.
pub(super) enum Asked {
    /// Every block was given or is withheld.
    Whole(Outcome),
    /// The rest can be asked for at once.
    InPart,
    /// The rest can be asked for later.
    Refused(ChainError),
}

impl Question {
    pub(super) fn narrowing(numbers: Vec<BlockNumber>) -> Self {
        Self::Narrowing(Inquiry::new(numbers))
    }

    pub(super) fn proving(edges: Vec<BlockEdge>) -> Self {
        let numbers: BTreeSet<BlockNumber> = edges.iter().flat_map(blocks_at).collect();
        Self::Proving(edges, Inquiry::new(numbers.into_iter().collect()))
    }

    pub(super) const fn is_proof(&self) -> bool {
        matches!(self, Self::Proving(..))
    }

    /// Asks for the next headers, and for that of the ledger's cursor, which must be on their branch. An error is
    /// a wrong answer, not a refusal.
    pub(super) async fn ask(
        &mut self,
        source: &dyn ChainSource,
        cursor: &BlockRef,
    ) -> Result<Asked, ChainError> {
        let (Self::Narrowing(inquiry) | Self::Proving(_, inquiry)) = self;
        let mut numbers = inquiry.next();
        numbers.push(cursor.number);
        match source.headers_at(&numbers).await {
            Ok(headers) => {
                check(&headers, numbers, cursor)?;
                inquiry.answered(headers);
            }
            Err(refusal) => {
                if !inquiry.refused(refusal.is_block_gone()) {
                    return Ok(Asked::Refused(refusal));
                }
            }
        }
        Ok(inquiry.outcome().map_or(Asked::InPart, Asked::Whole))
    }
}

/// Checks that headers are those asked for, and on the branch of the ledger's cursor, the last of them.
fn check(
    headers: &[BlockRef],
    numbers: Vec<BlockNumber>,
    cursor: &BlockRef,
) -> Result<(), ChainError> {
    if !headers.iter().map(|header| header.number).eq(numbers) {
        return Err(ChainError::transient(OPERATION, "the headers are not those asked for"));
    }
    if headers.last().map(BlockRef::id) == Some(cursor.id()) {
        return Ok(());
    }
    let detail = format!("block {cursor} of the ledger is not on the node's branch");
    Err(ChainError::block_gone(OPERATION, detail))
}

/// The blocks next to an edge.
pub(super) fn blocks_at(edge: &BlockEdge) -> impl Iterator<Item = BlockNumber> {
    edge.last.into_iter().chain([edge.first_after()])
}
