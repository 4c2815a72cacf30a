//! Whether the node's chain has nothing where nothing is kept.

use super::facts::RangeFacts;
use super::fetcher::Fetcher;
use super::followed::{Followed, FollowedId, Group};
use super::outcome::IndexerError;
use super::projection::Projections;
use crate::error::{ChainError, StoreError};
use crate::ledger::{Leg, Transfer, UnreadableLog};
use crate::ports::BalanceStore;
use crate::ports::ChangesQuery;
use crate::types::{Account, BlockNumber, BlockRef, BlockSpan, LogIndex, TokenId};

/// What the caller does, as errors name it.
pub(super) const OPERATION: &str = "rewind to a block";

/// A token without changes, or a contract without logs, from a block on up to that of a rewind.
#[derive(Debug)]
pub(super) struct Quiet {
    pub(super) one: Followed,
    pub(super) from: BlockNumber,
}

/// Searches the blocks in which nothing is kept.
#[derive(Debug)]
pub(super) struct QuietSearch<'a> {
    pub(super) store: &'a dyn BalanceStore,
    pub(super) fetcher: &'a Fetcher,
    pub(super) projections: &'a Projections,
    pub(super) slice_blocks_max: u64,
}

impl QuietSearch<'_> {
    /// Checks that the node's chain, up to a block, has nothing of what is quiet either.
    ///
    /// Each block is read once, for everything that is quiet there.
    pub(super) async fn require(
        &self,
        mut quiet: Vec<Quiet>,
        to: &BlockRef,
    ) -> Result<(), IndexerError> {
        quiet.sort_by(|a, b| (a.from, &a.one.id).cmp(&(b.from, &b.one.id)));
        let mut group = Group { cursor: None, next: to.number, members: Vec::new() };
        let mut quiet = quiet.into_iter().peekable();
        while let Some(Quiet { one, from }) = quiet.next() {
            // A group is in the order of its ids.
            let at = group.members.partition_point(|member| member.id < one.id);
            group.members.insert(at, one);
            let last = quiet.peek().map_or(to.number.next(), |next| next.from).down(1);
            if quiet.peek().is_none_or(|next| next.from > from) {
                self.require_nothing_in(BlockSpan::new(from, last), &group, to).await?;
            }
        }
        Ok(())
    }

    async fn require_nothing_in(
        &self,
        blocks: BlockSpan,
        group: &Group,
        to: &BlockRef,
    ) -> Result<(), IndexerError> {
        let wanted = self.projections.wanted(group);
        let mut first = blocks.first;
        while first <= blocks.last {
            let end = first.up(self.slice_blocks_max.max(1) - 1).min(blocks.last);
            let facts = self.fetcher.compared(BlockSpan::new(first, end), &wanted).await?;
            let last = *facts.last().expect("verified: an answer has headers");
            // Of another branch than the named block: what was read below it decides nothing.
            if last.number == to.number && last != *to {
                let detail = format!("block {to} was replaced while the blocks below it were read");
                return Err(ChainError::block_gone(OPERATION, detail).into());
            }
            let read = BlockSpan::new(first, last.number);
            for one in &group.members {
                if let Some(block) = self.first_beyond(one, &facts, read).await? {
                    return Err(differs(one, block, to));
                }
            }
            first = last.number.next();
        }
        Ok(())
    }

    /// The first of these blocks of which the ledger would keep something of one thing, or keeps another
    /// log that cannot be read.
    async fn first_beyond(
        &self,
        one: &Followed,
        facts: &RangeFacts,
        read: BlockSpan,
    ) -> Result<Option<BlockNumber>, StoreError> {
        let token = match &one.id {
            FollowedId::Token(token) => *token,
            FollowedId::Contract(contract) => {
                let selected = |log: &&_| self.projections.selects(contract, log);
                return Ok(facts.logs.iter().find(selected).map(|log| log.block));
            }
        };
        for transfer in facts.transfers.iter().filter(|one| one.token == token.address) {
            if self.leaves_a_trace(token, transfer).await? {
                return Ok(Some(transfer.block));
            }
        }
        let theirs = facts.unreadable.iter().filter(|log| log.token == token.address);
        self.differing_unreadable(token, &theirs.copied().collect::<Vec<_>>(), read).await
    }

    /// Whether a transfer has a change. One of amount zero has none where no account existed before.
    async fn leaves_a_trace(
        &self,
        token: TokenId,
        transfer: &Transfer,
    ) -> Result<bool, StoreError> {
        for account in [transfer.from, transfer.to].into_iter().filter_map(Account::new) {
            let before = Some((transfer.block, transfer.log_index, Leg::Out));
            let query = ChangesQuery { token, account, before, limit: 1 };
            if !transfer.amount.is_zero() || !self.store.changes(&query).await?.value.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first of these blocks in which the ledger has other logs that cannot be read than the node.
    async fn differing_unreadable(
        &self,
        token: TokenId,
        theirs: &[UnreadableLog],
        read: BlockSpan,
    ) -> Result<Option<BlockNumber>, StoreError> {
        let state = self.projections.ledger.token(&token);
        if theirs.is_empty() && state.is_none_or(|state| state.unreadable_logs == 0) {
            return Ok(None);
        }
        let below = read.first.get().checked_sub(1).map(BlockNumber::new);
        let after = below.map(|below| (below, LogIndex::new(u64::MAX)));
        let ours = self.store.unreadable_logs(token, after, theirs.len() + 1).await?.value;
        let ours: Vec<_> = ours.into_iter().take_while(|log| read.contains(log.block)).collect();
        let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
        let rest = ours[same..].first().into_iter().chain(theirs[same..].first());
        Ok(rest.map(|log| log.block).min())
    }
}

/// Why a rewind to a block is refused: what is kept of one thing in another differs.
pub(super) fn differs(one: &Followed, block: BlockNumber, to: &BlockRef) -> IndexerError {
    let (id, to) = (&one.id, to.number);
    let detail = format!(
        "what is kept of {id} in block {block} is not what the node's chain has: the fork is deeper \
         than block {to}, so name one below {block}"
    );
    StoreError::invalid(OPERATION, detail).into()
}
