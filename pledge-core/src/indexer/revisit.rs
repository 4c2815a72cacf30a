//! Halted tokens, tried again while the chain may still change below their fault.

use super::Observed;
use super::poll::{Indexer, IndexerError, Poll, group_by_cursor};
use super::{Slice, slice::addresses};
use crate::ledger::TokenState;
use crate::ports::HeaderDetail;
use crate::types::BlockNumber;

/// The result of trying the halted tokens again.
#[derive(Debug)]
pub(super) enum Revisited {
    /// All of them stay halted.
    Nothing,
    /// Some are active again.
    Healed,
    /// Their branch was abandoned, and the ledger rewound.
    Rewound(Poll),
}

impl Indexer {
    /// Makes each halted token active whose next block no longer has a fault, and rewinds those on
    /// an abandoned branch.
    ///
    /// A block halts a token. While that block is near the head a reorg may replace it, so the
    /// token is checked at each new head. Blocks that were near the head at the last check may have
    /// been replaced since; before the first check, any block may have been.
    pub(super) async fn revisit(
        &mut self,
        halted: Vec<TokenState>,
        observed: &Observed,
        target: Option<BlockNumber>,
    ) -> Result<Revisited, IndexerError> {
        let head = &observed.head;
        if halted.is_empty() || self.revisited == Some(head.id()) {
            return Ok(Revisited::Nothing);
        }
        // No block is linked to the head yet, and its position decides what is checked.
        self.head.prove(&*self.source, head).await?;
        let mut revisited = Revisited::Nothing;
        let last = self.revisited.map(|last| last.number.min(head.number));
        let first_retained = last.map(|last| self.config.first_retained(last));
        for group in group_by_cursor(halted) {
            if Some(group.next) < first_retained || Some(group.next) > target {
                continue;
            }
            let slice = Slice { from: group.next, to: group.next, detail: HeaderDetail::All };
            let facts = match self.fetch_checked(slice, &addresses(&group)).await {
                Ok(facts) => facts,
                // The token is halted already: an unreadable block must not hold up the others.
                Err(error) => {
                    tracing::debug!(chain = %self.chain, %error, "a halted token cannot be tried again");
                    continue;
                }
            };
            if let Some(ours) = self.orphaned_by(&group, &facts).await? {
                return self.resolve_fork(head, &ours).await.map(Revisited::Rewound);
            }
            let base = group.cursor.map(|cursor| cursor.id());
            let folded = self.fold_group(&group, &facts).await?;
            let takes_it = |token: &&TokenState| folded.takes(token.spec.id);
            for healed in group.tokens.iter().filter(takes_it) {
                let token = healed.spec.id;
                self.store.resume_token(token, base).await?;
                tracing::info!(%token, block = %group.next, "the fault is gone, following the token again");
                revisited = Revisited::Healed;
            }
        }
        self.revisited = Some(head.id());
        Ok(revisited)
    }
}
