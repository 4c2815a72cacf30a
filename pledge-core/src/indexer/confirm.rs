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

impl Indexer {
    /// Brings a group of tokens one slice further.
    pub(super) async fn advance(
        &mut self,
        group: &Group,
        observed: &Observed,
        target: Option<BlockNumber>,
        join_at: Option<BlockNumber>,
    ) -> Result<Poll, IndexerError> {
        let head = observed.head.number;
        let mut seen = None;
        if let Some(cursor) = group.cursor.filter(|_| join_at.is_none()) {
            if head <= cursor.number {
                return self.check_lower_head(&cursor, &observed.head).await;
            }
            if head.above(cursor.number) <= Some(self.config.retained_headers) {
                match self.refresh_pending(group, &cursor, &observed.head).await? {
                    Some(snapshot) => seen = Some(snapshot),
                    None => return self.resolve_fork(&observed.head).await,
                }
            }
        }
        let Some(target) = target else {
            return Ok(Poll::Idle);
        };
        let Some(slice) = plan(&self.config, head, target, group.next, join_at) else {
            return Ok(Poll::Idle);
        };
        let facts = self.fetch(slice, group).await?;
        if let Some(cursor) = &group.cursor {
            let first = facts
                .headers
                .first()
                .expect("a verified answer has headers");
            if !cursor.is_parent_of(first) {
                return self.resolve_fork(&observed.head).await;
            }
        }
        check_against_pending(seen.as_ref(), &facts)?;
        let next = facts
            .last()
            .expect("a verified answer has headers")
            .number
            .next();
        let following = plan(&self.config, head, target, next, join_at)
            .filter(|slice| slice.detail == HeaderDetail::Sparse);
        let (committed, prefetched) = tokio::join!(
            self.commit(group, head, &facts),
            self.prefetch(following, group)
        );
        self.prefetched = prefetched;
        let mut progress = committed?;
        progress.target = target;
        if let Some(snapshot) = seen {
            self.trim_pending(
                snapshot,
                facts.last().expect("a verified answer has headers"),
            )
            .await?;
        }
        Ok(Poll::Advanced(progress))
    }

    async fn fetch(&mut self, slice: Slice, group: &Group) -> Result<RangeFacts, IndexerError> {
        let tokens = addresses(group);
        match self.prefetched.take() {
            Some(ready) if ready.slice.from == slice.from && ready.tokens == tokens => {
                Ok(ready.facts)
            }
            _ => Ok(self
                .fetch_range(slice.from, slice.to, &tokens, slice.detail)
                .await?),
        }
    }

    /// A failure to prefetch is no failure: the slice is asked for again when its turn comes.
    async fn prefetch(&self, slice: Option<Slice>, group: &Group) -> Option<Prefetched> {
        let slice = slice?;
        let tokens = addresses(group);
        let facts = self
            .fetch_range(slice.from, slice.to, &tokens, slice.detail)
            .await
            .ok()?;
        Some(Prefetched {
            slice,
            tokens,
            facts,
        })
    }

    /// Fetches and verifies a range.
    pub(super) async fn fetch_range(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        tokens: &[Address],
        detail: HeaderDetail,
    ) -> Result<RangeFacts, ChainError> {
        let request = RangeRequest {
            from,
            to,
            tokens,
            detail,
        };
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
        let first = *facts
            .headers
            .first()
            .expect("a verified answer has headers");
        let tip = *facts.last().expect("a verified answer has headers");
        check_times(group.cursor.as_ref(), &facts.headers)?;
        let mut tokens = Vec::with_capacity(group.tokens.len());
        for token in &group.tokens {
            tokens.extend(self.fold_token(token, facts).await?);
        }
        let first_retained = head.down(self.config.retained_headers);
        let held = facts
            .headers
            .iter()
            .filter(|header| header.number >= first_retained);
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
        let of_token = facts
            .transfers
            .iter()
            .filter(|transfer| transfer.token == id.address);
        let transfers: Vec<Transfer> = of_token.cloned().collect();
        let mut accounts: Vec<_> = transfers
            .iter()
            .flat_map(|t| [t.from, t.to])
            .filter_map(Account::new)
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        let seen = self.store.states(id, &accounts).await?;
        if seen.cursor != token.cursor {
            return Err(StoreError::conflict("read balances", "the token moved meanwhile").into());
        }
        let known = accounts.into_iter().zip(seen.value);
        let mut states: AccountStates = known
            .filter_map(|(account, state)| Some((account, state?)))
            .collect();
        let time_of = |transfer: &Transfer| {
            facts
                .header(transfer.block)
                .expect("verified: a transfer's header is there")
                .time
        };
        match fold(token.totals, &mut states, &transfers, time_of) {
            Ok(folded) => Ok(Some(TokenCommit {
                token: id,
                changes: folded.changes,
                totals: folded.totals,
            })),
            Err(error) => {
                let base = token.cursor.map(|cursor| cursor.id());
                self.store
                    .halt_token(id, base, Some(&error.to_string()))
                    .await?;
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
    group
        .tokens
        .iter()
        .map(|token| token.spec.id.address)
        .collect()
}

/// Near the head a block is confirmed only as part of the branch that the head stands on.
fn check_against_pending(
    seen: Option<&PendingSnapshot>,
    facts: &RangeFacts,
) -> Result<(), IndexerError> {
    let Some(snapshot) = seen else { return Ok(()) };
    let last = facts.last().expect("a verified answer has headers");
    let on_branch = |header: &BlockRef| header.id() == last.id();
    if snapshot.blocks.iter().any(|block| on_branch(&block.header)) {
        return Ok(());
    }
    let detail = format!("block {last} is not on the branch of the head any more");
    Err(ChainError::block_gone("confirm blocks", detail).into())
}
