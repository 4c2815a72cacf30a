//! Halted tokens, tried again while the chain may still change under their fault.

use super::Observed;
use super::poll::{Indexer, IndexerError, Poll, group_by_cursor};
use super::{Slice, slice::addresses};
use crate::ledger::TokenState;
use crate::ports::HeaderDetail;
use crate::types::BlockNumber;

/// What came of it.
#[derive(Debug)]
pub(super) enum Revisited {
    /// They stay halted.
    Nothing,
    /// Some are followed again.
    Healed,
    /// They stood on a branch that was left.
    Rewound(Poll),
}

impl Indexer {
    /// Sets going again each halted token whose next block has no fault any more, and rewinds those that
    /// stand on a branch that was left.
    ///
    /// A token is halted by a block. While that block is near the head a reorg may replace it, so each
    /// new head is a reason to look at it again. What was near when this value looked last may have been
    /// replaced since, and when it never looked, anything may.
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
        // No block is linked to the head yet, and what is near it decides here.
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
                // The token is halted already: what cannot be read for it holds up no other.
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
