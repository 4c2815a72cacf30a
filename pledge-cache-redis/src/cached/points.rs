//! The points' port.
//!
//! A page of standings costs the store no more than the state to look it up by: it is not kept.
//!
//! Totals and sums of windows are a function of the ledger, of the rule, and of how far each shard is:
//! [`ProgrammeState`] has all but the ledger. Two reads may see two states of that, but within an epoch
//! neither cursor nor progress goes back: so a pair of both that is kept did exist, and if it is read
//! again, it did so during the call.
//!
//! Statements are the exception: which rows were taken back is history, and no function of the state.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::points::{AccountEntry, Decided, Decision, DecisionRecord, Programme};
use pledge_core::ports::{
    BalanceStore, BatchFailure, LedgerReads, PointsReads, PointsStore, ProgrammeState, Seen,
    Settlement, SettlementBatch, SettlementsQuery, Standing, StatementRows, StatementsQuery,
};
use pledge_core::types::{Account, EntryNumber, ProgrammeId, RawPoints, Timestamp, TokenId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cached;
use super::ledger::LedgerState;

/// What a programme's answers depend on.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct PointsState {
    ledger: LedgerState,
    programme: ProgrammeState,
}

impl PointsState {
    /// Attempts go up and are reset to zero while all else stays the same, so a state with failed
    /// batches may come twice.
    fn has_failures(&self) -> bool {
        let mut runs = self.programme.shards.iter().filter_map(|shard| shard.run.as_ref());
        runs.any(|run| !run.failures.is_empty())
    }
}

impl<S: LedgerReads + PointsReads> Cached<S> {
    /// The programme's state; `None` if it is unknown or was rewound between the reads.
    async fn points_state(&self, id: &ProgrammeId) -> Result<Option<PointsState>, StoreError> {
        let Some(token) = self.store.token(id.token).await? else {
            return Ok(None);
        };
        let programmes = self.store.programmes(id.token).await?;
        let programme = programmes.into_iter().find(|state| state.programme.id == *id);
        let programme = programme.filter(|state| state.epoch == token.epoch);
        let ledger = LedgerState::of(&token);
        Ok(programme.map(|programme| PointsState { ledger, programme }))
    }

    /// The answer about the state that the programme is in now, or the one that `read` gives.
    async fn of_points<T: Serialize + DeserializeOwned>(
        &self,
        now: Option<PointsState>,
        question: impl Serialize,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(now) = now else {
            return read.await;
        };
        let id = &now.programme.programme.id;
        let place = self.answers.place(id.token, &question, &now);
        if let Some(answer) = self.answers.get(&place).await {
            return Ok(answer);
        }
        let answer = read.await?;
        // The answer names no progress. A state that is equal before and after was there in
        // between, since within an epoch nothing goes back.
        if self.points_state(id).await? == Some(now) {
            self.answers.put(&place, &answer).await;
        }
        Ok(answer)
    }
}

#[async_trait]
impl<S: LedgerReads + PointsReads> PointsReads for Cached<S> {
    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError> {
        self.store.programmes(token).await
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError> {
        let read = async { self.store.settlements(query).await };
        if !self.may_help(query.limit) {
            return read.await;
        }
        let now = self.points_state(&query.programme).await?;
        let now = now.filter(|state| !state.has_failures());
        self.of_points(now, ("settlements", query.before, query.limit), read).await
    }

    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError> {
        let read = async { self.store.totals(programme, accounts).await };
        if !self.may_help(accounts.len()) {
            return read.await;
        }
        let now = self.points_state(programme).await?;
        self.of_points(now, ("totals", accounts), read).await
    }

    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        self.store.standings(programme, after, limit).await
    }

    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        self.store.statements(query).await
    }

    async fn entries(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Vec<AccountEntry>, StoreError> {
        self.store.entries(programme, accounts).await
    }

    async fn decisions(
        &self,
        programme: &ProgrammeId,
        below: Option<EntryNumber>,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        self.store.decisions(programme, below, limit).await
    }
}

#[async_trait]
impl<S: BalanceStore + PointsStore> PointsStore for Cached<S> {
    async fn add_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.store.add_programme(programme, by).await
    }

    async fn put_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.store.put_programme(programme, by).await
    }

    async fn decide(&self, decision: &Decision, by: &Attribution) -> Result<Decided, StoreError> {
        self.store.decide(decision, by).await
    }

    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        self.store.commit_batch(batch).await
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        self.store.record_failure(failure).await
    }

    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
        by: &Attribution,
    ) -> Result<usize, StoreError> {
        self.store.reset_failures(programme, window_start, by).await
    }
}
