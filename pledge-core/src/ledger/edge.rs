//! The last block before an instant.

use serde::{Deserialize, Serialize};

use super::TokenState;
use crate::types::{BlockNumber, Timestamp};

/// Where an instant cuts a chain: the highest block whose time is before it. The chain alone decides that,
/// and no token, node or range that was read.
///
/// It is known once a confirmed block has the instant's time or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockEdge {
    /// The instant at which a window begins or ends.
    pub instant: Timestamp,
    /// The last block before it; `None` if the chain begins at the instant or later.
    pub last: Option<BlockNumber>,
}

impl BlockEdge {
    /// The first block at or after the instant.
    pub fn first_after(&self) -> BlockNumber {
        self.last.map_or(BlockNumber::new(0), BlockNumber::next)
    }

    /// The text of the refusal where another block is kept for the instant.
    pub fn refuse(&self) -> String {
        let (instant, number) = (self.instant, self.first_after());
        format!("another block than {number} is kept as the first at or after {instant}")
    }

    /// Why no store may keep these edges by the word of a token's ledger: they are out of order, or not
    /// below its cursor.
    pub fn check(edges: &[Self], state: &TokenState) -> Result<(), String> {
        let is_ordered =
            edges.is_sorted_by(|a, b| a.instant < b.instant && a.first_after() <= b.first_after());
        if !is_ordered {
            return Err("the edges do not ascend".to_owned());
        }
        let Some(newest) = edges.last() else { return Ok(()) };
        let is_below = state.cursor.is_some_and(|cursor| {
            newest.instant <= cursor.time && newest.first_after() <= cursor.number
        });
        if is_below {
            return Ok(());
        }
        let (id, instant) = (state.spec.id, newest.instant);
        Err(format!("no block of the ledger of token {id} is known to be at or after {instant}"))
    }
}
