//! One slice of confirmed blocks, from the source into the ledger.

use alloy_primitives::Address;

use super::driver::{Group, Indexer, IndexerError, Poll, Progress};
use super::{Observed, Slice, plan};
use crate::error::{ChainError, StoreError};
use crate::ledger::{AccountStates, TokenState, Transfer, fold};
use crate::ports::{
    HeaderDetail, LedgerCommit, PendingSnapshot, RangeFacts, RangeRequest, TokenCommit,
};
use crate::types::{Account, BlockNumber, BlockRef};

/// A slice fetched while the one before it was being committed.
#[derive(Debug)]
pub(super) struct Prefetched {
    slice: Slice,
    tokens: Vec<Address>,
    facts: RangeFacts,
}

impl Prefetched {
    /// Whether it is a prefix of what a slice asks for. Between two polls the head may go down and
    /// tokens may come and go.
    fn answers(&self, slice: Slice, tokens: &[Address]) -> bool {
        (self.slice.from, self.slice.detail) == (slice.from, slice.detail)
            && self.facts.last().is_some_and(|last| last.number <= slice.to)
            && self.tokens == tokens
    }
}

impl Indexer {
    /// Brings a group of tokens one slice further.
    pub(super) async fn advance(
        &mut self,
        group: &Group,
        observed: &Observed,
        target: Option<BlockNumber>,
        join_at: Option<BlockNumber>,
    ) -> Result<Poll, IndexerError> {
        let head = &observed.head;
        let is_front = join_at.is_none();
        let near_head = is_front && group.next >= self.config.first_retained(head.number);
        let mut seen = None;
        if let Some(cursor) = group.cursor.filter(|_| is_front) {
            if head.number <= cursor.number {
                return self.check_lower_head(&cursor, head).await;
            }
            if near_head {
                seen = self.refresh_pending(group, &cursor, head).await?;
                if seen.is_none() {
                    return self.resolve_fork(head, &cursor).await;
                }
            }
        }
        let slice = |next| plan(&self.config, head.number, target?, next, join_at);
        let (Some(target), Some(slice)) = (target, slice(group.next)) else {
            return Ok(Poll::Idle);
        };
        let facts = self.fetch(slice, group).await?;
        if let Some(ours) = self.orphaned_by(group, &facts).await? {
            return self.resolve_fork(head, &ours).await;
        }
        let tip = *facts.last().expect("a verified answer has headers");
        if near_head {
            self.check_on_branch(seen.as_ref(), &tip, head).await?;
        }
        let following = plan(&self.config, head.number, target, tip.number.next(), join_at)
            .filter(|slice| slice.detail == HeaderDetail::Sparse);
        let (committed, prefetched) =
            tokio::join!(self.commit(group, head.number, &facts), self.prefetch(following, group));
        self.prefetched = prefetched;
        let mut progress = committed?;
        progress.target = target;
        if let Some(snapshot) = seen {
            self.trim_pending(snapshot, &tip).await?;
        }
        Ok(Poll::Advanced(progress))
    }

    /// A block of ours that the facts leave on another branch: the cursor, if they do not stand on
    /// it, or a header that another token holds inside their range.
    async fn orphaned_by(
        &self,
        group: &Group,
        facts: &RangeFacts,
    ) -> Result<Option<BlockRef>, IndexerError> {
        let (Some(first), Some(last)) = (facts.headers.first(), facts.last()) else {
            return Ok(None);
        };
        if let Some(cursor) = group.cursor.filter(|cursor| !cursor.is_parent_of(first)) {
            return Ok(Some(cursor));
        }
        let held = self.store.headers(self.chain, last.number, 1).await?;
        let contradicts = |held: &BlockRef| {
            let theirs = facts.header(held.number);
            theirs.is_some_and(|theirs| theirs.hash != held.hash)
        };
        Ok(held.first().copied().filter(contradicts))
    }

    /// Near the head a block is confirmed only as part of the branch that the head stands on.
    async fn check_on_branch(
        &self,
        seen: Option<&PendingSnapshot>,
        tip: &BlockRef,
        head: &BlockRef,
    ) -> Result<(), IndexerError> {
        let is_on_branch = match seen {
            Some(snapshot) => {
                let mut pending = snapshot.blocks.iter();
                pending.any(|block| block.header.id() == tip.id())
            }
            None => {
                let branch = self.source.headers(tip.number, head.number).await?;
                let ends = branch.first().zip(branch.last());
                ends.is_some_and(|(first, last)| (first.id(), last.id()) == (tip.id(), head.id()))
            }
        };
        if is_on_branch {
            return Ok(());
        }
        let detail = format!("block {tip} is not on the branch of the head any more");
        Err(ChainError::block_gone("confirm blocks", detail).into())
    }

    async fn fetch(&mut self, slice: Slice, group: &Group) -> Result<RangeFacts, IndexerError> {
        let tokens = addresses(group);
        match self.prefetched.take() {
            Some(ready) if ready.answers(slice, &tokens) => Ok(ready.facts),
            _ => Ok(self.fetch_range(slice.from, slice.to, &tokens, slice.detail).await?),
        }
    }

    /// A failure to prefetch is no failure: the slice is asked for again when its turn comes.
    async fn prefetch(&self, slice: Option<Slice>, group: &Group) -> Option<Prefetched> {
        let slice = slice?;
        let tokens = addresses(group);
        let facts = self.fetch_range(slice.from, slice.to, &tokens, slice.detail).await.ok()?;
        Some(Prefetched { slice, tokens, facts })
    }

    /// Fetches and verifies a range.
    pub(super) async fn fetch_range(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        tokens: &[Address],
        detail: HeaderDetail,
    ) -> Result<RangeFacts, ChainError> {
        let request = RangeRequest { from, to, tokens, detail };
        let facts = self.source.range(request).await?;
        facts.verify(&request)?;
        Ok(facts)
    }

    async fn commit(
        &self,
        group: &Group,
        head: BlockNumber,
        facts: &RangeFacts,
    ) -> Result<Progress, IndexerError> {
        let first = *facts.headers.first().expect("a verified answer has headers");
        let tip = *facts.last().expect("a verified answer has headers");
        check_times(group.cursor.as_ref(), &facts.headers)?;
        let mut tokens = Vec::with_capacity(group.tokens.len());
        for token in &group.tokens {
            tokens.extend(self.fold_token(token, facts).await?);
        }
        let first_retained = self.config.first_retained(head);
        let held = facts.headers.iter().filter(|header| header.number >= first_retained);
        let commit = LedgerCommit {
            chain: self.chain,
            base: group.cursor.map(|cursor| cursor.id()),
            first,
            tip,
            headers: held.copied().collect(),
            retain_from: first_retained,
            tokens,
        };
        if !commit.tokens.is_empty() {
            self.store.commit(&commit).await?;
        }
        Ok(Progress {
            from: first.number,
            to: tip.number,
            target: tip.number,
            transfers: facts.transfers.len() as u64,
            set_aside: facts.set_aside,
        })
    }

    /// Folds one token's part of a slice. A token that cannot go on is halted and left out.
    async fn fold_token(
        &self,
        token: &TokenState,
        facts: &RangeFacts,
    ) -> Result<Option<TokenCommit>, IndexerError> {
        let id = token.spec.id;
        let of_token = facts.transfers.iter().filter(|transfer| transfer.token == id.address);
        let transfers: Vec<Transfer> = of_token.cloned().collect();
        let mut accounts: Vec<_> =
            transfers.iter().flat_map(|t| [t.from, t.to]).filter_map(Account::new).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let seen = self.store.states(id, &accounts).await?;
        if seen.cursor != token.cursor {
            return Err(StoreError::conflict("read balances", "the token moved meanwhile").into());
        }
        let known = accounts.into_iter().zip(seen.value);
        let mut states: AccountStates =
            known.filter_map(|(account, state)| Some((account, state?))).collect();
        let time_of = |transfer: &Transfer| {
            facts.header(transfer.block).expect("verified: a transfer's header is there").time
        };
        match fold(token.totals, &mut states, &transfers, time_of) {
            Ok(folded) => {
                Ok(Some(TokenCommit { token: id, changes: folded.changes, totals: folded.totals }))
            }
            Err(error) => {
                let base = token.cursor.map(|cursor| cursor.id());
                self.store.halt_token(id, base, Some(&error.to_string())).await?;
                tracing::error!(token = %id, %error, "token halted");
                Ok(None)
            }
        }
    }
}

/// Points need a time that never goes back: a chain that breaks this cannot be followed.
fn check_times(cursor: Option<&BlockRef>, headers: &[BlockRef]) -> Result<(), IndexerError> {
    let mut previous = cursor;
    for header in headers {
        if let Some(earlier) = previous.filter(|earlier| header.time < earlier.time) {
            return Err(IndexerError::Halt(format!(
                "block {header} has time {} but block {earlier} before it has {}: the chain's time \
                 goes back",
                header.time, earlier.time
            )));
        }
        previous = Some(header);
    }
    Ok(())
}

pub(super) fn addresses(group: &Group) -> Vec<Address> {
    group.tokens.iter().map(|token| token.spec.id.address).collect()
}
