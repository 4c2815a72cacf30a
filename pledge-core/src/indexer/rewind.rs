//! An operator's rewind, which may go further back than the held headers prove.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use super::ancestor::lowered;
use super::facts::RangeFacts;
use super::followed::{Followed, FollowedId, Group};
use super::fork::is_above;
use super::outcome::IndexerError;
use super::planned::RewindPlan;
use super::poll::Indexer;
use super::quiet::{OPERATION, Quiet, QuietSearch, differs};
use crate::audit::Attribution;
use crate::error::StoreError;
use crate::event::{ReorgRecord, RewindCause};
use crate::ledger::{Change, Leg, TokenState, Transfer};
use crate::logs::ConfirmedLog;
use crate::ports::{BalanceStore, ChangesQuery, HistoriesPlace, HistoriesQuery};
use crate::types::{
    Account, BlockNumber, BlockRef, BlockSpan, ContractId, LogIndex, Timestamp, TokenId,
};

/// Number of accounts, and of their changes, that are read at a time.
const PAGE_ROWS: usize = 1_000;

/// The headers that are held of a chain.
type Held = BTreeMap<BlockNumber, BlockRef>;

impl Indexer {
    /// Takes every token and contract above a block back to it, however deep it is: the way out for
    /// a chain that halted because a reorg was deeper than the held headers.
    ///
    /// Each token and contract above the block is compared with the node's chain. `Invalid` means that
    /// one of them differs: name a lower block. Nothing is written then.
    ///
    /// - Where held headers lead from its cursor down to the height, their hash decides.
    /// - Otherwise the newest that is kept at or below the block decides: a change by its block, time,
    ///   place, transaction and amount, a log as a whole, with the hash of its block. From there up to the
    ///   block the node must have nothing of it, as the ledger has not. That reads as many blocks as
    ///   nothing is kept of, by ranges of `slice_blocks_max`.
    ///
    /// What is older than the newest change is not compared: two branches that have the same transaction at
    /// the same place of a block with the same height and time are taken for one. `pledge verify` compares
    /// balances.
    ///
    /// What begins above the block keeps nothing afterwards. The event has the operator's reason, and is
    /// not a reorg.
    pub async fn rewind_to(
        &mut self,
        height: BlockNumber,
        by: &Attribution,
    ) -> Result<ReorgRecord, IndexerError> {
        let to = self.block_at(height).await?;
        self.projections.read().await?;
        self.rewind_followed(to, by).await
    }

    /// As [`Indexer::rewind_to`] the block of a plan, if exactly what the plan has is above it still:
    /// `Conflict` otherwise.
    pub async fn rewind_as_planned(
        &mut self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, IndexerError> {
        let to = self.block_at(plan.to).await?;
        self.projections.read().await?;
        if plan.chain != self.chain || !plan.fits(&self.projections.followed()) {
            return Err(
                StoreError::conflict(OPERATION, "what is above the block has changed").into()
            );
        }
        self.rewind_followed(to, by).await
    }

    /// The node's block at a height.
    async fn block_at(&self, height: BlockNumber) -> Result<BlockRef, IndexerError> {
        let found = self.fetcher.source.headers(BlockSpan::one(height)).await?;
        let found = found.first().copied().filter(|found| found.number == height);
        Ok(found.ok_or_else(|| invalid(format!("the node has no block {height}")))?)
    }

    /// Takes what was read back to a block, once all of it was compared with the node's chain.
    async fn rewind_followed(
        &mut self,
        to: BlockRef,
        by: &Attribution,
    ) -> Result<ReorgRecord, IndexerError> {
        let height = to.number;
        let followed = self.projections.followed();
        let above: Vec<_> = followed.iter().filter(|one| is_above(one, &to)).collect();
        if above.is_empty() {
            return Err(invalid(format!("nothing of the chain is above block {height}")).into());
        }
        // Everything is compared before the one write, so that a refusal changes nothing.
        let held = self.store.headers(self.chain, BlockNumber::new(u64::MAX), usize::MAX).await?;
        let held: Held = held.into_iter().map(|header| (header.number, header)).collect();
        let mut quiet = Vec::new();
        for one in above {
            quiet.extend(self.compare(one, &to, &held).await?);
        }
        let search = QuietSearch {
            store: &*self.store,
            fetcher: &self.fetcher,
            projections: &self.projections,
            slice_blocks_max: self.config.slice_blocks_max,
        };
        search.require(quiet, &to).await?;
        let cause = RewindCause::Operator { by: by.clone() };
        let record = self.rewind(&followed, to, cause).await?;
        self.after_rewind(&to).await?;
        Ok(record)
    }

    /// Checks that one thing is on the branch of a block, or that the newest that is kept of it up to
    /// there is on the node's chain. Returns above which block nothing is kept then, up to this one.
    async fn compare(
        &self,
        one: &Followed,
        to: &BlockRef,
        held: &Held,
    ) -> Result<Option<Quiet>, IndexerError> {
        let cursor = one.cursor.expect("above a block is only what has a cursor");
        if let Some(ours) = lowered(held, cursor.id(), to.number) {
            return if ours == to.id() { Ok(None) } else { Err(differs(one, to.number, to)) };
        }
        let newest = match &one.id {
            FollowedId::Token(token) => self.common_change(one, token, to).await?,
            FollowedId::Contract(contract) => self.common_log(one, contract, to).await?,
        };
        let from = newest.map_or(one.start_block, BlockNumber::next);
        Ok((from <= to.number).then(|| Quiet { one: one.clone(), from }))
    }

    /// The block of the token's newest change up to another, which the node's chain must have too.
    async fn common_change(
        &self,
        one: &Followed,
        token: &TokenId,
        to: &BlockRef,
    ) -> Result<Option<BlockNumber>, IndexerError> {
        let state = self.projections.ledger.token(token);
        let Some(block) = last_change(&*self.store, state, to).await? else {
            return Ok(None);
        };
        let facts = self.facts_of(one, block).await?;
        let is_ours = is_ours(&*self.store, *token, &facts).await?;
        if is_ours { Ok(Some(block)) } else { Err(differs(one, block, to)) }
    }

    /// The block of the contract's newest log up to another, which the node's chain must have too.
    async fn common_log(
        &self,
        one: &Followed,
        contract: &ContractId,
        to: &BlockRef,
    ) -> Result<Option<BlockNumber>, IndexerError> {
        let Some(kept) = self.projections.newest_log(contract, to.number).await? else {
            return Ok(None);
        };
        let block = kept.log.block;
        let facts = self.facts_of(one, block).await?;
        if is_kept(&kept, &facts) { Ok(Some(block)) } else { Err(differs(one, block, to)) }
    }

    async fn facts_of(
        &self,
        one: &Followed,
        block: BlockNumber,
    ) -> Result<RangeFacts, IndexerError> {
        let wanted = self.projections.wanted(&Group::of(one));
        Ok(self.fetcher.unconfirmed(BlockSpan::one(block), &wanted).await?)
    }
}

/// Whether the newest log that is kept of a block is the last that the node has of it.
fn is_kept(ours: &ConfirmedLog, facts: &RangeFacts) -> bool {
    let time = facts.header(ours.log.block).map(|header| header.time);
    facts.logs.last() == Some(&ours.log) && time == Some(ours.time)
}

/// The block of the token's newest change at or below a block.
///
/// The search uses the ledger's own times, because the node's may be those of another branch. It finds
/// the last second of which no change is above the block. Another change at or below it can only be in the
/// next second with changes, and only where that is the block's own: of every other time the store refuses
/// the rewind (`Rewind::check_times`).
async fn last_change(
    store: &dyn BalanceStore,
    token: Option<&TokenState>,
    to: &BlockRef,
) -> Result<Option<BlockNumber>, StoreError> {
    let Some((token, start, cursor)) =
        token.and_then(|token| Some((token.spec.id, token.start_time?, token.cursor?)))
    else {
        return Ok(None);
    };
    let (mut low, mut high) = (start.get(), cursor.time.get());
    let mut found = None;
    // A search by halves: there may be millions of changes, and the store finds the last by time.
    while low <= high {
        let middle = low + (high - low) / 2;
        let time = Timestamp::new(middle).map_err(|e| invalid(e.to_string()))?;
        match store.last_change_block(token, time).await?.value {
            Some(block) if block > to.number => match middle.checked_sub(1) {
                Some(below) => high = below,
                None => break,
            },
            block => (found, low) = (block, middle + 1),
        }
    }
    if low != to.time.get() || to.time > cursor.time {
        return Ok(found);
    }
    Ok(found.max(last_change_in_second(store, token, to).await?))
}

/// The block of the token's newest change in the second of a block, at or below it.
async fn last_change_in_second(
    store: &dyn BalanceStore,
    token: TokenId,
    to: &BlockRef,
) -> Result<Option<BlockNumber>, StoreError> {
    // A change without another in its second is the one above the block.
    if store.change_time(token, to.time, 2).await?.value != Some(to.time) {
        return Ok(None);
    }
    let end = to.time.checked_add(1);
    let end = end.ok_or_else(|| invalid(format!("no time is after that of block {to}")))?;
    let mut place = HistoriesPlace { first: Address::ZERO, after: None };
    let mut found = None;
    // Changes are in the order of time or of accounts, not of blocks alone, so all accounts are read.
    loop {
        let HistoriesPlace { first, after } = place;
        let query = HistoriesQuery {
            token,
            first,
            last: Address::repeat_byte(0xff),
            after,
            limit: PAGE_ROWS,
            changes_max: PAGE_ROWS,
            from: to.time,
            to: end,
        };
        let page = store.histories(&query).await?.value;
        let blocks = page.histories.iter().flat_map(|one| &one.changes).map(|state| state.block);
        found = found.max(blocks.filter(|block| *block <= to.number).max());
        match page.next {
            Some(next) if next > place => place = next,
            Some(_) => {
                return Err(StoreError::corrupt(OPERATION, "a page of accounts comes again"));
            }
            None => return Ok(found),
        }
    }
}

/// Whether the ledger's last change at a block is that of the block's last transfer. A transfer of
/// amount zero may have no change.
async fn is_ours(
    store: &dyn BalanceStore,
    token: TokenId,
    facts: &RangeFacts,
) -> Result<bool, StoreError> {
    let Some(header) = facts.last() else { return Ok(false) };
    let before = Some((header.number.next(), LogIndex::new(0), Leg::Out));
    for transfer in facts.transfers.iter().rev() {
        for account in [transfer.to, transfer.from].into_iter().filter_map(Account::new) {
            let query = ChangesQuery { token, account, before, limit: 1 };
            let ours = store.changes(&query).await?.value;
            let is_ours = ours.first().is_some_and(|ours| is_change_of(ours, transfer, header));
            if is_ours || !transfer.amount.is_zero() {
                return Ok(is_ours);
            }
        }
    }
    Ok(false)
}

fn is_change_of(change: &Change, transfer: &Transfer, header: &BlockRef) -> bool {
    (change.block, change.time) == (header.number, header.time)
        && (change.log_index, change.tx_hash) == (transfer.log_index, transfer.tx_hash)
        && change.amount == transfer.amount
}

fn invalid(detail: String) -> StoreError {
    StoreError::invalid(OPERATION, detail)
}
