//! Halted tokens, tried again while the chain may still change below their fault.

use super::branches::Branches;
use super::fetcher::Fetcher;
use super::followed::{Followed, Group, group_by_cursor};
use super::outcome::IndexerError;
use super::projection::Projections;
use super::stranded::Stranded;
use super::{IndexerConfig, Slice};
use crate::ports::HeaderDetail;
use crate::types::{BlockId, BlockNumber, BlockRef};

/// The result of trying the halted tokens again.
#[derive(Debug)]
pub(super) enum Revisited {
    /// All of them stay halted.
    Nothing,
    /// Some are active again.
    Healed,
    /// A block that contradicts what is next for a group of them is not on the node's chain.
    Orphaned(BlockRef, Group),
}

/// One attempt: what it asks, and under which head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) branches: &'a Branches,
    pub(super) config: &'a IndexerConfig,
    pub(super) stranded: &'a Stranded,
    /// Proven: its position decides what is tried.
    pub(super) head: &'a BlockRef,
    pub(super) target: Option<BlockNumber>,
}

/// When the halted tokens were tried.
#[derive(Debug, Default)]
pub(super) struct Revisits {
    /// The head at the last attempt.
    last: Option<BlockId>,
}

impl Revisits {
    /// Whether there are halted tokens to try at this head.
    pub(super) fn are_due(&self, followed: &[Followed], head: &BlockRef) -> bool {
        self.last != Some(head.id()) && followed.iter().any(|one| one.may_heal)
    }

    /// Makes each halted token active whose next block no longer has a fault.
    ///
    /// A block halts a token. While that block is near the head a reorg may replace it, so the
    /// token is checked at each new head. Blocks that were near the head at the last check may have
    /// been replaced since; before the first check, any block may have been.
    pub(super) async fn run(
        &mut self,
        projections: &mut Projections,
        visit: &Visit<'_>,
    ) -> Result<Revisited, IndexerError> {
        let Visit { fetcher, branches, config, stranded, head, target } = *visit;
        let mut revisited = Revisited::Nothing;
        let last = self.last.map(|last| last.number.min(head.number));
        let first_retained = last.map(|last| config.first_retained(last));
        let followed = projections.followed();
        for group in group_by_cursor(followed.iter().filter(|one| one.may_heal)) {
            let is_settled = Some(group.next) < first_retained || Some(group.next) > target;
            if is_settled || stranded.has(group.cursor.as_ref()) {
                continue;
            }
            let slice = Slice { from: group.next, to: group.next, detail: HeaderDetail::All };
            let facts = match fetcher.checked(slice, &projections.wanted(&group)).await {
                Ok(facts) => facts,
                // The token is halted already: an unreadable block must not hold up the others.
                Err(error) => {
                    tracing::debug!(%error, "a halted token cannot be tried again");
                    continue;
                }
            };
            if let Some(ours) = branches.orphaned_by(&group, &facts).await? {
                return Ok(Revisited::Orphaned(ours, group));
            }
            if projections.ledger.resume(&group, &facts).await? > 0 {
                revisited = Revisited::Healed;
            }
        }
        self.last = Some(head.id());
        Ok(revisited)
    }
}
