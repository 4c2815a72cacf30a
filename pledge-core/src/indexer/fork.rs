//! A fork that reaches the ledger: find the common ancestor and go back to it.

use super::ancestor::{Descent, Landing};
use super::poll::{Indexer, IndexerError, Poll};
use crate::error::{ChainError, StoreError, StoreErrorKind};
use crate::event::RewindCause;
use crate::ledger::TokenState;
use crate::ports::Rewind;
use crate::types::{BlockNumber, BlockRef};

/// Number of node headers read at a time.
const PAGE_HEADERS: u64 = 64;

impl Indexer {
    /// Handles a head at or below the cursor: the node lags if we hold that very block, and has
    /// forked if we hold another one at its height.
    pub(super) async fn check_lower_head(&mut self, head: &BlockRef) -> Result<Poll, IndexerError> {
        let held = self.store.headers(self.chain, head.number, 1).await?;
        match held.first().filter(|held| held.number == head.number) {
            Some(held) if held.hash == head.hash => Ok(Poll::Idle),
            Some(held) => self.resolve_fork(head, held).await,
            // Too far below to compare: the node is syncing, so we wait.
            None => Err(ChainError::transient(
                "compare the head",
                format!(
                    "the node's head {head} is below every header held: it is syncing, was reset, \
                     or serves another chain. We wait until it has caught up; if it never will, \
                     use another node; for a chain that began again from its first block, delete the \
                     database or name a new one"
                ),
            )
            .into()),
        }
    }

    /// Finds the common ancestor and rewinds every token whose cursor is above it.
    ///
    /// `ours` is a block of the ledger that the node's answer contradicts.
    pub(super) async fn resolve_fork(
        &mut self,
        head: &BlockRef,
        ours: &BlockRef,
    ) -> Result<Poll, IndexerError> {
        if ours.number <= head.number {
            let theirs = self.source.headers(ours.number, ours.number).await?;
            if theirs.first() == Some(ours) {
                return Err(no_fork(ours));
            }
        }
        let states = self.store.tokens(self.chain).await?;
        let ancestor = self.common_ancestor(head, ours, &states).await?;
        let is_above = |state: &TokenState| {
            let cursor = state.cursor.filter(|cursor| cursor.number > ancestor.number)?;
            Some((state.spec.id, cursor.id()))
        };
        let tokens: Vec<_> = states.iter().filter_map(is_above).collect();
        if tokens.is_empty() {
            let detail = format!("the node no longer shows the fork above {ancestor}");
            return Err(ChainError::block_gone("resolve a fork", detail).into());
        }
        self.cross_check_fork(ours).await?;
        let rewind = Rewind {
            chain: self.chain,
            to: ancestor,
            tokens,
            contracts: Vec::new(),
            cause: RewindCause::Reorg,
        };
        let record = match self.store.rewind(&rewind).await {
            Err(error) if error.kind() == StoreErrorKind::BeyondRetention => {
                // Another instance may have gone further back meanwhile and dropped the headers.
                self.require_still(&states).await?;
                return Err(error.into());
            }
            rewound => rewound?,
        };
        states
            .iter()
            .filter(|state| is_above(state).is_some())
            .for_each(|state| self.superseded.end(state));
        tracing::debug!(chain = %self.chain, to = %ancestor, "ledger rewound after a reorg");
        self.forget_branch();
        self.hold_nothing_above(&ancestor).await?;
        Ok(Poll::Rewound(record))
    }

    /// Descends the node's chain to the common ancestor: see [`Descent`].
    async fn common_ancestor(
        &self,
        head: &BlockRef,
        ours: &BlockRef,
        tokens: &[TokenState],
    ) -> Result<BlockRef, IndexerError> {
        let every = BlockNumber::new(u64::MAX);
        let held = self.store.headers(self.chain, every, usize::MAX).await?;
        if held.is_empty() {
            return Err(self.too_deep(ours, tokens).await?);
        }
        let mut descent = Descent::new(*ours, tokens, &held);
        let (mut at_most, bottom) = descent.bounds(head.number);
        let mut above: Option<BlockRef> = None;
        loop {
            let from = at_most.down(PAGE_HEADERS - 1).max(bottom);
            let page = self.source.headers(from, at_most).await?;
            // Pages must link, or the descent would step from one branch to another and find a
            // false ancestor.
            let follows = |top: &BlockRef| match &above {
                Some(above) => top.is_parent_of(above),
                None => top.number == at_most,
            };
            if !page.last().is_some_and(follows) {
                let detail = format!("the chain moved while headers below {at_most} were read");
                return Err(ChainError::block_gone("find the common ancestor", detail).into());
            }
            match page.iter().rev().find_map(|theirs| descent.step(theirs)) {
                Some(Landing::Ancestor(ancestor)) => return Ok(ancestor),
                Some(Landing::NoFork) => return Err(no_fork(ours)),
                None if from > bottom => (above, at_most) = (page.first().copied(), from.down(1)),
                None => return Err(self.too_deep(ours, tokens).await?),
            }
        }
    }

    /// `Conflict` unless the tokens are still where they were read.
    async fn require_still(&self, tokens: &[TokenState]) -> Result<(), StoreError> {
        let now = self.store.tokens(self.chain).await?;
        let place = |token: &TokenState| (token.spec.id, token.cursor, token.epoch);
        if now.iter().map(place).eq(tokens.iter().map(place)) {
            return Ok(());
        }
        Err(StoreError::conflict("resolve a fork", "a token moved meanwhile"))
    }

    /// The error for a search without a common ancestor, if the tokens are still where it began.
    async fn too_deep(
        &self,
        ours: &BlockRef,
        tokens: &[TokenState],
    ) -> Result<IndexerError, StoreError> {
        self.require_still(tokens).await?;
        Ok(IndexerError::Halt(format!(
            "block {ours} is not on the node's chain, and the headers held do not lead every token above to a \
             block that is: the reorg is deeper than retained_headers, or the node \
             follows another chain. If the node is wrong, use another, then resume the chain. If it is \
             right, take the ledger back to a block before the fork (`pledge rewind`), then resume the \
             chain: resumed without that, it halts again. If the chain began again from its first \
             block, delete the database or name a new one"
        )))
    }
}

fn no_fork(ours: &BlockRef) -> IndexerError {
    let detail = format!("an answer did not fit block {ours}, but the node still has it");
    ChainError::block_gone("resolve a fork", detail).into()
}
