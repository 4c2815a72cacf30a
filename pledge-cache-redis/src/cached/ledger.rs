//! The ledger's port.
//!
//! A token's ledger is a function of its chain up to the cursor and of the block it is followed from, so
//! these and the epoch, which answers carry, name its state.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, TokenStatus, UnreadableLog,
};
use pledge_core::ports::{
    BalanceStore, ChainReport, ChainState, ChangesQuery, HistoriesPage, HistoriesQuery,
    LedgerCommit, LedgerReads, LedgerWrites, Registry, Rewind, Seen,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, Timestamp, TokenId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cached, INSTANT_ROWS};

/// What a token's answers depend on.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct LedgerState {
    start_block: BlockNumber,
    cursor: Option<BlockId>,
    epoch: Epoch,
}

impl LedgerState {
    pub(super) fn of(token: &TokenState) -> Self {
        Self::seen(token, token.cursor, token.epoch)
    }

    /// The state that an answer was read from.
    fn seen(token: &TokenState, cursor: Option<BlockRef>, epoch: Epoch) -> Self {
        let start_block = token.spec.start_block;
        Self { start_block, cursor: cursor.map(|cursor| cursor.id()), epoch }
    }
}

impl<S: LedgerReads> Cached<S> {
    /// The answer about the state that the token is in now, or the one that `read` gives.
    async fn of_ledger<T: Serialize + DeserializeOwned>(
        &self,
        token: TokenId,
        question: impl Serialize,
        read: impl Future<Output = Result<Seen<T>, StoreError>>,
    ) -> Result<Seen<T>, StoreError> {
        let Some(now) = self.store.token(token).await? else {
            return read.await;
        };
        let place = |state| self.answers.place(token, &question, &state);
        if let Some(answer) = self.answers.get(&place(LedgerState::of(&now))).await {
            return Ok(answer);
        }
        let answer = read.await?;
        // The read may have met a newer block than `now`: the answer is kept under the state that
        // it names itself.
        let state = LedgerState::seen(&now, answer.cursor, answer.epoch);
        self.answers.put(&place(state), &answer).await;
        Ok(answer)
    }
}

#[async_trait]
impl<S: BalanceStore> Registry for Cached<S> {
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError> {
        self.store.register_chain(chain, name).await
    }

    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError> {
        self.store.report_chain(report).await
    }

    async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError> {
        self.store.pause_chain(chain, by).await
    }

    async fn resume_chain(
        &self,
        chain: ChainId,
        found: &ChainStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.store.resume_chain(chain, found, by).await
    }

    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError> {
        self.store.register_token(spec).await
    }

    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.store.halt_token(token, base, reason).await
    }

    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        self.store.heal_token(token, base).await
    }

    async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError> {
        self.store.pause_token(token, by).await
    }

    async fn resume_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        found: &TokenStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.store.resume_token(token, base, found, by).await
    }

    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        self.store.record_supply(token, base, answer).await
    }
}

#[async_trait]
impl<S: LedgerReads> LedgerReads for Cached<S> {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        self.store.chains().await
    }

    async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError> {
        self.store.chain(chain).await
    }

    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        self.store.tokens(chain).await
    }

    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError> {
        self.store.token(token).await
    }

    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        self.store.headers(chain, at_most, limit).await
    }

    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        self.store.edges(chain, instants).await
    }

    async fn states(
        &self,
        token: TokenId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let read = async { self.store.states(token, accounts).await };
        if !self.may_help(accounts.len()) {
            return read.await;
        }
        self.of_ledger(token, ("states", accounts), read).await
    }

    async fn history(
        &self,
        token: TokenId,
        account: Account,
        times: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let read = async { self.store.history(token, account, times).await };
        if !self.may_help(times.len().saturating_mul(INSTANT_ROWS)) {
            return read.await;
        }
        self.of_ledger(token, ("history", account, times), read).await
    }

    async fn last_change_block(
        &self,
        token: TokenId,
        at: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        self.store.last_change_block(token, at).await
    }

    async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        let read = async { self.store.changes(query).await };
        if !self.may_help(query.limit) {
            return read.await;
        }
        let question = ("changes", query.account, query.before, query.limit);
        self.of_ledger(query.token, question, read).await
    }

    async fn unreadable_logs(
        &self,
        token: TokenId,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        self.store.unreadable_logs(token, after, limit).await
    }

    async fn change_time(
        &self,
        token: TokenId,
        from: Timestamp,
        number: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        self.store.change_time(token, from, number).await
    }

    async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        self.store.histories(query).await
    }

    async fn holders(
        &self,
        token: TokenId,
        after: Option<(Amount, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        let read = async { self.store.holders(token, after, limit).await };
        if !self.may_help(limit) {
            return read.await;
        }
        self.of_ledger(token, ("holders", after, limit), read).await
    }
}

#[async_trait]
impl<S: BalanceStore> LedgerWrites for Cached<S> {
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        self.store.record_edges(token, epoch, edges).await
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        self.store.commit(commit).await
    }

    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        self.store.rewind(rewind).await
    }
}
