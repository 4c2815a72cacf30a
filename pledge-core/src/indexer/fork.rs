//! A fork that reaches the ledger: find the common ancestor and go back to it.

use alloy_primitives::B256;

use super::ancestor::Landing;
use super::followed::{Followed, FollowedId, Group};
use super::outcome::{IndexerError, Poll};
use super::poll::Indexer;
use super::revisit::{Revisited, Visit};
use crate::error::{ChainError, StoreError, StoreErrorKind};
use crate::event::{ReorgRecord, RewindCause};
use crate::ports::Rewind;
use crate::types::{BlockNumber, BlockRef};

impl Indexer {
    /// Tries the halted tokens again, and rewinds if one of them is on an abandoned branch.
    pub(super) async fn revisit(
        &mut self,
        head: &BlockRef,
        target: Option<BlockNumber>,
    ) -> Result<Option<Poll>, IndexerError> {
        // No block is linked to the head yet.
        self.claims.prove_head(&*self.fetcher.source, head).await?;
        // Each round after the first has one more group set aside.
        loop {
            let visit = Visit {
                fetcher: &self.fetcher,
                branches: &self.branches,
                config: &self.config,
                stranded: &self.stranded,
                head,
                target,
            };
            match self.revisits.run(&mut self.projections, &visit).await? {
                Revisited::Nothing | Revisited::Healed => return Ok(None),
                Revisited::Orphaned(ours, group) => {
                    match self.resolve_fork(head, &ours, &group).await? {
                        Poll::Idle => {}
                        rewound => return Ok(Some(rewound)),
                    }
                }
            }
        }
    }

    /// Finds the common ancestor and rewinds everything whose cursor is above it. Where there is none,
    /// [`no_ancestor`](Self::no_ancestor) decides.
    ///
    /// `ours` is a block of the ledger that the node's answer for the group contradicts.
    pub(super) async fn resolve_fork(
        &mut self,
        head: &BlockRef,
        ours: &BlockRef,
        group: &Group,
    ) -> Result<Poll, IndexerError> {
        // One answer that does not fit is no fork yet: the block itself is asked for once more.
        if self.branches.is_ours_still(head, ours).await? {
            return Err(no_fork(ours));
        }
        let followed = self.projections.followed();
        let ancestor = match self.branches.common_ancestor(head, ours, &followed).await? {
            Some(Landing::Ancestor(ancestor)) => ancestor,
            Some(Landing::NoFork) => return Err(no_fork(ours)),
            None => {
                self.require_still(&followed).await?;
                return self.no_ancestor(head, ours, group, &followed).await;
            }
        };
        if followed.iter().all(|one| !is_above(one, &ancestor)) {
            let detail = format!("the node no longer shows the fork above {ancestor}");
            return Err(ChainError::block_gone("resolve a fork", detail).into());
        }
        self.fetcher.cross_check_fork(ours).await?;
        let record = match self.rewind(&followed, ancestor, RewindCause::Reorg).await {
            Err(error) if error.kind() == StoreErrorKind::BeyondRetention => {
                // Another instance may have gone further back meanwhile and dropped the headers.
                self.require_still(&followed).await?;
                return Err(error.into());
            }
            rewound => rewound?,
        };
        tracing::debug!(chain = %self.chain, to = %ancestor, "ledger rewound after a reorg");
        self.after_rewind(&ancestor).await?;
        Ok(Poll::Rewound(record))
    }

    /// Decides what it means that no held header leads to a block of the node's chain: only what is
    /// in front halts its chain. While that is on the node's chain, what is behind on another one
    /// was read from there, and is set aside.
    async fn no_ancestor(
        &mut self,
        head: &BlockRef,
        ours: &BlockRef,
        group: &Group,
        followed: &[Followed],
    ) -> Result<Poll, IndexerError> {
        let Some(ahead) = self.ahead_of(head, group, followed).await? else {
            return Err(too_deep(ours));
        };
        if !self.branches.is_ours_still(head, &ahead).await? {
            let detail =
                format!("block {ours} has no ancestor, and block {ahead} ahead of it is gone too");
            return Err(ChainError::block_gone("resolve a fork", detail).into());
        }
        // Setting the group aside would not help: what is on another branch is not its own cursor.
        if group.base() != Some(ours.id()) {
            let detail = format!(
                "block {ours} is held and is not on the node's chain: what read it was read from another one. \
                 It is forgotten when the chain has grown"
            );
            return Err(ChainError::block_gone("resolve a fork", detail).into());
        }
        self.stranded.set_aside(group, followed);
        Ok(Poll::Idle)
    }

    /// The cursor that is furthest ahead of a group and decides for it; `None` if the group is in front.
    async fn ahead_of(
        &self,
        head: &BlockRef,
        group: &Group,
        followed: &[Followed],
    ) -> Result<Option<BlockRef>, IndexerError> {
        let furthest = |is_active: bool| {
            let cursors = followed.iter().filter(|one| one.is_active == is_active);
            let top =
                cursors.filter_map(|one| one.cursor).filter(|at| !self.stranded.has(Some(at)));
            let top = top.max_by_key(order);
            top.filter(|top| Some(order(top)) > group.cursor.as_ref().map(order))
        };
        if let Some(ahead) = furthest(true) {
            return Ok(Some(ahead));
        }
        // One that a person or a fault stopped shows which chain this is only while the node has its
        // block: it may be at the block that stopped it.
        let Some(stopped) = furthest(false) else { return Ok(None) };
        Ok(self.branches.is_ours_still(head, &stopped).await?.then_some(stopped))
    }

    /// Takes everything above a block back to it, in one write.
    pub(super) async fn rewind(
        &mut self,
        followed: &[Followed],
        to: BlockRef,
        cause: RewindCause,
    ) -> Result<ReorgRecord, StoreError> {
        let (mut tokens, mut contracts) = (Vec::new(), Vec::new());
        let above: Vec<_> = followed.iter().filter(|one| is_above(one, &to)).collect();
        for Followed { id, cursor, .. } in &above {
            let cursor = cursor.expect("above a block is only what has a cursor").id();
            match id {
                FollowedId::Token(token) => tokens.push((*token, cursor)),
                FollowedId::Contract(contract) => contracts.push((contract.clone(), cursor)),
            }
        }
        let rewind = Rewind { chain: self.chain, to, tokens, contracts, cause };
        let record = self.store.rewind(&rewind).await?;
        above.into_iter().for_each(|before| self.superseded.end(before));
        Ok(record)
    }

    /// Forgets what was learned about the branch that was left.
    pub(super) async fn after_rewind(&mut self, to: &BlockRef) -> Result<(), IndexerError> {
        self.fetcher.forget_branch();
        self.claims = Default::default();
        self.revisits = Default::default();
        self.stranded = Default::default();
        self.pending.show_nothing_above(to).await
    }

    /// `Conflict` unless everything is still where it was read.
    async fn require_still(&mut self, followed: &[Followed]) -> Result<(), StoreError> {
        self.projections.read().await?;
        let place = |one: &Followed| (one.id.clone(), one.cursor, one.epoch);
        if self.projections.followed().iter().map(place).eq(followed.iter().map(place)) {
            return Ok(());
        }
        Err(StoreError::conflict("resolve a fork", "a cursor moved meanwhile"))
    }
}

/// Whether a rewind to the block takes something back.
pub(super) fn is_above(one: &Followed, block: &BlockRef) -> bool {
    one.cursor.is_some_and(|cursor| cursor.number > block.number)
}

/// The order of cursors, as of the groups at them: the last is in front.
fn order(cursor: &BlockRef) -> (BlockNumber, B256) {
    (cursor.number, cursor.hash)
}

fn too_deep(ours: &BlockRef) -> IndexerError {
    IndexerError::Halt(format!(
        "block {ours} is not on the node's chain, and the headers held do not lead every token above to a \
         block that is: the reorg is deeper than retained_headers, or the node \
         follows another chain. If the node is wrong, use another, then resume the chain. If it is \
         right, take the ledger back to a block before the fork (`pledge rewind`), then resume the \
         chain: resumed without that, it halts again. If the chain began again from its first \
         block, delete the database or name a new one"
    ))
}

fn no_fork(ours: &BlockRef) -> IndexerError {
    let detail = format!("an answer did not fit block {ours}, but the node still has it");
    ChainError::block_gone("resolve a fork", detail).into()
}
