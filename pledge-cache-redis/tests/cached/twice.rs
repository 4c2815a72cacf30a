//! A store that is asked everything twice, so that its second answer comes from the cache.

use async_trait::async_trait;
use pledge_core::audit::{Attribution, AuditRecord};
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, ReorgRecord, SequencedEvent};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, TokenStatus, UnreadableLog,
};
use pledge_core::points::{AccountEntry, Decided, Decision, DecisionRecord, Programme};
use pledge_core::ports::{
    AuditQuery, AuditReads, BalanceStore, BatchFailure, ChainReport, ChainState, ChangesQuery,
    EventReads, EventRetention, EventStore, HistoriesPage, HistoriesQuery, KeptEvents,
    LedgerCommit, LedgerReads, LedgerWrites, PointsReads, PointsStore, ProgrammeState, Pruning,
    Registry, Rewind, Seen, Settlement, SettlementBatch, SettlementsQuery, Standing, StatementRows,
    StatementsQuery,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, EntryNumber, Epoch, LogIndex,
    ProgrammeId, RawPoints, Timestamp, TokenId,
};

#[derive(Debug)]
pub(crate) struct Twice<S>(pub(crate) S);

/// Calls a method of the store twice and gives the second answer.
macro_rules! twice {
    ($self:ident.$method:ident($($argument:expr),*)) => {{
        $self.0.$method($($argument),*).await?;
        $self.0.$method($($argument),*).await
    }};
}

#[async_trait]
impl<S: BalanceStore> Registry for Twice<S> {
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError> {
        self.0.register_chain(chain, name).await
    }

    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError> {
        self.0.report_chain(report).await
    }

    async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError> {
        self.0.pause_chain(chain, by).await
    }

    async fn resume_chain(
        &self,
        chain: ChainId,
        found: &ChainStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.0.resume_chain(chain, found, by).await
    }

    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError> {
        self.0.register_token(spec).await
    }

    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.0.halt_token(token, base, reason).await
    }

    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        self.0.heal_token(token, base).await
    }

    async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError> {
        self.0.pause_token(token, by).await
    }

    async fn resume_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        found: &TokenStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.0.resume_token(token, base, found, by).await
    }

    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        self.0.record_supply(token, base, answer).await
    }
}

#[async_trait]
impl<S: BalanceStore> LedgerReads for Twice<S> {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        self.0.chains().await
    }

    async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError> {
        self.0.chain(chain).await
    }

    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        self.0.tokens(chain).await
    }

    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError> {
        self.0.token(token).await
    }

    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        self.0.headers(chain, at_most, limit).await
    }

    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        twice!(self.edges(chain, instants))
    }

    async fn states(
        &self,
        token: TokenId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        twice!(self.states(token, accounts))
    }

    async fn history(
        &self,
        token: TokenId,
        account: Account,
        times: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        twice!(self.history(token, account, times))
    }

    async fn last_change_block(
        &self,
        token: TokenId,
        at: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        twice!(self.last_change_block(token, at))
    }

    async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        twice!(self.changes(query))
    }

    async fn unreadable_logs(
        &self,
        token: TokenId,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        twice!(self.unreadable_logs(token, after, limit))
    }

    async fn change_time(
        &self,
        token: TokenId,
        from: Timestamp,
        number: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        twice!(self.change_time(token, from, number))
    }

    async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        twice!(self.histories(query))
    }

    async fn holders(
        &self,
        token: TokenId,
        after: Option<(Amount, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        twice!(self.holders(token, after, limit))
    }
}

#[async_trait]
impl<S: BalanceStore> LedgerWrites for Twice<S> {
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        self.0.record_edges(token, epoch, edges).await
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        self.0.commit(commit).await
    }

    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        self.0.rewind(rewind).await
    }
}

#[async_trait]
impl<S: PointsStore> PointsReads for Twice<S> {
    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError> {
        twice!(self.programmes(token))
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError> {
        twice!(self.settlements(query))
    }

    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError> {
        twice!(self.totals(programme, accounts))
    }

    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        twice!(self.standings(programme, after, limit))
    }

    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        twice!(self.statements(query))
    }

    async fn entries(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Vec<AccountEntry>, StoreError> {
        twice!(self.entries(programme, accounts))
    }

    async fn decisions(
        &self,
        programme: &ProgrammeId,
        below: Option<EntryNumber>,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        twice!(self.decisions(programme, below, limit))
    }
}

#[async_trait]
impl<S: PointsStore> PointsStore for Twice<S> {
    async fn add_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.0.add_programme(programme, by).await
    }

    async fn put_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.0.put_programme(programme, by).await
    }

    async fn decide(&self, decision: &Decision, by: &Attribution) -> Result<Decided, StoreError> {
        self.0.decide(decision, by).await
    }

    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        self.0.commit_batch(batch).await
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        self.0.record_failure(failure).await
    }

    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
        by: &Attribution,
    ) -> Result<usize, StoreError> {
        self.0.reset_failures(programme, window_start, by).await
    }
}

#[async_trait]
impl<S: AuditReads> AuditReads for Twice<S> {
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        twice!(self.audit(query))
    }
}

#[async_trait]
impl<S: EventReads> EventReads for Twice<S> {
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        twice!(self.events(after, limit))
    }

    async fn kept_events(&self) -> Result<KeptEvents, StoreError> {
        twice!(self.kept_events())
    }
}

#[async_trait]
impl<S: EventStore> EventStore for Twice<S> {
    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError> {
        self.0.delivered(consumer).await
    }

    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError> {
        self.0.record_delivered(consumer, from, to).await
    }

    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError> {
        self.0.prune_events(retention, now).await
    }
}
