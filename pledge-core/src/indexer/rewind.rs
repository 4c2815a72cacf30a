//! An operator's rewind, which may go further back than the held headers prove.

use super::facts::RangeFacts;
use super::followed::{Followed, FollowedId, Group};
use super::fork::is_above;
use super::outcome::IndexerError;
use super::poll::Indexer;
use crate::audit::Attribution;
use crate::error::StoreError;
use crate::event::{ReorgRecord, RewindCause};
use crate::ledger::{Change, Leg, TokenState, Transfer};
use crate::logs::ConfirmedLog;
use crate::ports::{BalanceStore, ChangesQuery};
use crate::types::{
    Account, BlockNumber, BlockRef, BlockSpan, ContractId, LogIndex, Timestamp, TokenId,
};

const OPERATION: &str = "rewind to a block";

impl Indexer {
    /// Takes every token and contract above a block back to it, however deep it is: the way out for
    /// a chain that halted because a reorg was deeper than the held headers.
    ///
    /// No held header proves the ledger up to there. So the newest change of each token, and the
    /// newest log of each contract, at or below the block is compared with the node's chain.
    /// `Invalid` means that they differ: name a lower block. What begins above the block keeps
    /// nothing afterwards. The event has the operator's reason, and is not a reorg.
    pub async fn rewind_to(
        &mut self,
        height: BlockNumber,
        by: &Attribution,
    ) -> Result<ReorgRecord, IndexerError> {
        let found = self.fetcher.source.headers(BlockSpan::one(height)).await?;
        let to = found.first().copied().filter(|found| found.number == height);
        let to = to.ok_or_else(|| invalid(format!("the node has no block {height}")))?;
        self.projections.read().await?;
        let followed = self.projections.followed();
        let above: Vec<_> = followed.iter().filter(|one| is_above(one, &to)).collect();
        if above.is_empty() {
            return Err(invalid(format!("nothing of the chain is above block {height}")).into());
        }
        // Everything is compared before the one write, so that a refusal changes nothing.
        for one in above {
            self.compare(one, &to).await?;
        }
        let cause = RewindCause::Operator { by: by.clone() };
        let record = self.rewind(&followed, to, cause).await?;
        self.after_rewind(&to).await?;
        Ok(record)
    }

    /// Checks that the newest that is kept up to a block is on the node's chain too.
    async fn compare(&self, one: &Followed, to: &BlockRef) -> Result<(), IndexerError> {
        let differs = match &one.id {
            FollowedId::Token(token) => self.differing_changes(one, token, to.number).await?,
            FollowedId::Contract(contract) => self.differing_logs(one, contract, to.number).await?,
        };
        let Some(block) = differs else { return Ok(()) };
        let (id, to) = (&one.id, to.number);
        let detail = format!(
            "what is kept of {id} in block {block} is not what the node's chain has: the fork is deeper \
             than block {to}, so name one below {block}"
        );
        Err(invalid(detail).into())
    }

    /// The block of the token's newest change up to a height, if the node's chain has another there.
    async fn differing_changes(
        &self,
        one: &Followed,
        token: &TokenId,
        height: BlockNumber,
    ) -> Result<Option<BlockNumber>, IndexerError> {
        let state = self.projections.ledger.token(token);
        let Some(block) = last_change(&*self.store, state, height).await? else {
            return Ok(None);
        };
        let facts = self.facts_of(one, block).await?;
        let is_ours = is_ours(&*self.store, *token, &facts).await?;
        Ok((!is_ours).then_some(block))
    }

    /// The block of the contract's newest log up to a height, if the node's chain has another there.
    async fn differing_logs(
        &self,
        one: &Followed,
        contract: &ContractId,
        height: BlockNumber,
    ) -> Result<Option<BlockNumber>, IndexerError> {
        let Some(kept) = self.projections.newest_log(contract, height).await? else {
            return Ok(None);
        };
        let block = kept.log.block;
        let facts = self.facts_of(one, block).await?;
        Ok((!is_kept(&kept, &facts)).then_some(block))
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

/// The block of the token's newest change at or below a height.
///
/// The search uses the ledger's own times, because the node's may be those of another branch. A
/// change in the same second as one above the height is skipped for the one before.
async fn last_change(
    store: &dyn BalanceStore,
    token: Option<&TokenState>,
    height: BlockNumber,
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
            Some(block) if block > height => match middle.checked_sub(1) {
                Some(below) => high = below,
                None => break,
            },
            block => (found, low) = (block, middle + 1),
        }
    }
    Ok(found)
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
