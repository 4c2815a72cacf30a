//! An operator's rewind, which may go further back than the held headers prove.

use super::facts::RangeFacts;
use super::poll::{Indexer, IndexerError};
use crate::error::StoreError;
use crate::event::{ReorgRecord, RewindCause};
use crate::ledger::{Change, Leg, TokenState, Transfer, erc20};
use crate::ports::{ChangesQuery, HeaderDetail, LogsRequest, Rewind};
use crate::types::{Account, BlockNumber, BlockRef, LogIndex, Timestamp, TokenId};

const OPERATION: &str = "rewind to a block";

impl Indexer {
    /// Takes every token above a block back to it, however deep it is: the way out for a chain that
    /// halted because a reorg was deeper than the held headers.
    ///
    /// No held header proves the ledger up to there. So the newest change of each token at or below
    /// the block is compared with the node's chain. `Invalid` means that they differ: name a lower
    /// block. A token that begins above the block has no ledger afterwards. `reason` is the
    /// operator's, kept with the event; the event is not a reorg.
    pub async fn rewind_to(
        &mut self,
        height: BlockNumber,
        reason: Option<String>,
    ) -> Result<ReorgRecord, IndexerError> {
        let to = self.source.headers(height, height).await?;
        let to = *to.first().ok_or_else(|| invalid(format!("the node has no block {height}")))?;
        let (mut tokens, mut above) = (Vec::new(), Vec::new());
        // Every token is compared before the one write, so that a refusal changes nothing.
        for state in self.store.tokens(self.chain).await? {
            if let Some(cursor) = state.cursor.filter(|cursor| cursor.number > height) {
                self.compare(&state, &to).await?;
                tokens.push((state.spec.id, cursor.id()));
                above.push(state);
            }
        }
        if tokens.is_empty() {
            return Err(invalid(format!("no token is above block {height}")).into());
        }
        let rewind = Rewind {
            chain: self.chain,
            to,
            tokens,
            contracts: Vec::new(),
            cause: RewindCause::Operator { reason },
        };
        let record = self.store.rewind(&rewind).await?;
        above.iter().for_each(|state| self.superseded.end(state));
        self.forget_branch();
        self.hold_nothing_above(&to).await?;
        Ok(record)
    }

    /// Checks that the newest change of a token up to a block is on the node's chain too.
    async fn compare(&self, token: &TokenState, to: &BlockRef) -> Result<(), IndexerError> {
        let id = token.spec.id;
        let Some(block) = self.last_change(token, to.number).await? else {
            return Ok(());
        };
        let tokens = [id.address];
        let (filters, detail) = ([erc20::transfers_of(&tokens)], HeaderDetail::All);
        let request = LogsRequest { from: block, to: block, filters: &filters, detail };
        let answer = self.source.logs(request).await?;
        answer.verify(&request)?;
        if self.is_ours(id, &RangeFacts::of(answer)).await? {
            return Ok(());
        }
        let detail = format!(
            "the changes of token {id} in block {block} are not those of the node's chain: the fork \
             is deeper than block {}, so name one below {block}",
            to.number
        );
        Err(invalid(detail).into())
    }

    /// The block of the token's newest change at or below a height.
    ///
    /// The search uses the ledger's own times, because the node's may be those of another branch. A
    /// change in the same second as one above the height is skipped for the one before.
    async fn last_change(
        &self,
        token: &TokenState,
        height: BlockNumber,
    ) -> Result<Option<BlockNumber>, StoreError> {
        let (Some(start), Some(cursor)) = (token.start_time, token.cursor) else {
            return Ok(None);
        };
        let (mut low, mut high) = (start.get(), cursor.time.get());
        let mut found = None;
        while low <= high {
            let middle = low + (high - low) / 2;
            let time = Timestamp::new(middle).map_err(|e| invalid(e.to_string()))?;
            match self.store.last_change_block(token.spec.id, time).await?.value {
                Some(block) if block > height => match middle.checked_sub(1) {
                    Some(below) => high = below,
                    None => break,
                },
                block => (found, low) = (block, middle + 1),
            }
        }
        Ok(found)
    }

    /// Whether the ledger's last change at a block is that of the block's last transfer. A transfer
    /// of amount zero may have no change.
    async fn is_ours(&self, token: TokenId, facts: &RangeFacts) -> Result<bool, StoreError> {
        let Some(header) = facts.last() else { return Ok(false) };
        let before = Some((header.number.next(), LogIndex::new(0), Leg::Out));
        for transfer in facts.transfers.iter().rev() {
            for account in [transfer.to, transfer.from].into_iter().filter_map(Account::new) {
                let query = ChangesQuery { token, account, before, limit: 1 };
                let ours = self.store.changes(&query).await?.value;
                let is_ours = ours.first().is_some_and(|ours| is_change_of(ours, transfer, header));
                if is_ours || !transfer.amount.is_zero() {
                    return Ok(is_ours);
                }
            }
        }
        Ok(false)
    }
}

fn is_change_of(change: &Change, transfer: &Transfer, header: &BlockRef) -> bool {
    (change.block, change.time) == (header.number, header.time)
        && (change.log_index, change.tx_hash) == (transfer.log_index, transfer.tx_hash)
        && change.amount == transfer.amount
}

fn invalid(detail: String) -> StoreError {
    StoreError::invalid(OPERATION, detail)
}
