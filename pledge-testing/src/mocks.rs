//! Mocks of the ports, for tests that need one answer and no store.
//!
//! ```
//! use pledge_core::ports::ChainSource;
//! use pledge_core::types::ChainId;
//! use pledge_testing::mocks::MockChainSource;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = MockChainSource::new();
//! source.expect_chain_id().returning(|| Ok(ChainId::new(1)));
//! assert_eq!(source.chain_id().await?, ChainId::new(1));
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use mockall::mock;
use pledge_core::audit::{Attribution, AuditRecord};
use pledge_core::error::{ChainError, StoreError};
use pledge_core::event::{Consumer, EventSeq, ReorgRecord, SequencedEvent};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, TokenStatus, UnreadableLog,
};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::points::{AccountEntry, Decided, Decision, DecisionRecord, Programme};
use pledge_core::ports::{
    Archive, AuditQuery, AuditReads, BatchFailure, ChainReport, ChainSource, ChainState,
    ChangesQuery, ContractLogsQuery, EventReads, EventRetention, EventStore, HistoriesPage,
    HistoriesQuery, KeptEvents, Leases, LedgerCommit, LedgerReads, LedgerWrites, LogReads,
    LogStore, LogsAnswer, LogsCommit, LogsRequest, Notifier, NotifyError, PendingCache,
    PendingSnapshot, PointsReads, PointsStore, Price, PriceError, PriceSource, ProgrammeState,
    Pruning, RecordSink, RecordSource, Registry, Rewind, Seen, Settlement, SettlementBatch,
    SettlementsQuery, Standing, StatementRows, StatementsQuery,
};
use pledge_core::sharing::{InstanceId, Lease};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId,
    ContractId, EntryNumber, Epoch, LogIndex, ProgrammeId, RawPoints, Timestamp, TokenId,
};

mock! {
    #[derive(Debug)]
    pub AuditReads {}

    #[async_trait]
    impl AuditReads for AuditReads {
        async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;
    }
}

// Written as `async_trait` expands it: mockall accepts no `dyn` behind a reference otherwise.
mock! {
    #[derive(Debug)]
    pub Archive {}

    impl Archive for Archive {
        fn export<'a, 'b, 'c>(
            &'a self,
            sink: &'b mut dyn RecordSink,
        ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'c>>
        where
            'a: 'c,
            'b: 'c,
            Self: 'c;
        fn import<'a, 'b, 'c, 'd>(
            &'a self,
            source: &'b mut dyn RecordSource,
            by: &'c Attribution,
        ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'd>>
        where
            'a: 'd,
            'b: 'd,
            'c: 'd,
            Self: 'd;
    }
}

mock! {
    #[derive(Debug)]
    pub BalanceStore {}

    #[async_trait]
    impl Registry for BalanceStore {
        async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError>;
        async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError>;
        async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError>;
        async fn resume_chain(
            &self,
            chain: ChainId,
            found: &ChainStatus,
            by: &Attribution,
        ) -> Result<(), StoreError>;
        async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError>;
        async fn halt_token(
            &self,
            token: TokenId,
            base: Option<BlockId>,
            reason: &str,
        ) -> Result<(), StoreError>;
        async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError>;
        async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError>;
        async fn resume_token(
            &self,
            token: TokenId,
            base: Option<BlockId>,
            found: &TokenStatus,
            by: &Attribution,
        ) -> Result<(), StoreError>;
        async fn record_supply(
            &self,
            token: TokenId,
            base: BlockId,
            answer: &SupplyAnswer,
        ) -> Result<(), StoreError>;
    }

    #[async_trait]
    impl LedgerReads for BalanceStore {
        async fn chains(&self) -> Result<Vec<ChainState>, StoreError>;
        async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError>;
        async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError>;
        async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError>;
        async fn headers(
            &self,
            chain: ChainId,
            at_most: BlockNumber,
            limit: usize,
        ) -> Result<Vec<BlockRef>, StoreError>;
        async fn edges(
            &self,
            chain: ChainId,
            instants: &[Timestamp],
        ) -> Result<Vec<Option<BlockEdge>>, StoreError>;
        async fn states(
            &self,
            token: TokenId,
            accounts: &[Account],
        ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError>;
        async fn history(
            &self,
            token: TokenId,
            account: Account,
            times: &[Timestamp],
        ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError>;
        async fn last_change_block(
            &self,
            token: TokenId,
            at: Timestamp,
        ) -> Result<Seen<Option<BlockNumber>>, StoreError>;
        async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError>;
        async fn unreadable_logs(
            &self,
            token: TokenId,
            after: Option<(BlockNumber, LogIndex)>,
            limit: usize,
        ) -> Result<Seen<Vec<UnreadableLog>>, StoreError>;
        async fn change_time(
            &self,
            token: TokenId,
            from: Timestamp,
            number: usize,
        ) -> Result<Seen<Option<Timestamp>>, StoreError>;
        async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError>;
        async fn holders(
            &self,
            token: TokenId,
            after: Option<(Amount, Account)>,
            limit: usize,
        ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError>;
    }

    #[async_trait]
    impl LedgerWrites for BalanceStore {
        async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError>;
        async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError>;
        async fn record_edges(
            &self,
            token: TokenId,
            epoch: Epoch,
            edges: &[BlockEdge],
        ) -> Result<(), StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub ChainSource {}

    #[async_trait]
    impl ChainSource for ChainSource {
        async fn chain_id(&self) -> Result<ChainId, ChainError>;
        async fn head(&self) -> Result<BlockRef, ChainError>;
        async fn finalized(&self) -> Result<Option<BlockRef>, ChainError>;
        async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError>;
        async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError>;
        async fn calls(
            &self,
            calls: &[Call],
            at: BlockId,
        ) -> Result<Vec<CallOutcome>, ChainError>;
    }
}

mock! {
    #[derive(Debug)]
    pub EventStore {}

    #[async_trait]
    impl EventReads for EventStore {
        async fn events(
            &self,
            after: EventSeq,
            limit: usize,
        ) -> Result<Vec<SequencedEvent>, StoreError>;
        async fn kept_events(&self) -> Result<KeptEvents, StoreError>;
    }

    #[async_trait]
    impl EventStore for EventStore {
        async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError>;
        async fn record_delivered(
            &self,
            consumer: &Consumer,
            from: EventSeq,
            to: EventSeq,
        ) -> Result<(), StoreError>;
        async fn prune_events(
            &self,
            retention: &EventRetention,
            now: Timestamp,
        ) -> Result<Pruning, StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub Leases {}

    #[async_trait]
    impl Leases for Leases {
        async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError>;
        async fn release(&self, instance: InstanceId) -> Result<(), StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub LogReads {}

    #[async_trait]
    impl LogReads for LogReads {
        async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError>;
        async fn contract(&self, contract: &ContractId) -> Result<Option<ContractState>, StoreError>;
        async fn contract_logs(
            &self,
            query: &ContractLogsQuery,
        ) -> Result<Seen<Vec<ConfirmedLog>>, StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub LogStore {}

    #[async_trait]
    impl LogReads for LogStore {
        async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError>;
        async fn contract(&self, contract: &ContractId) -> Result<Option<ContractState>, StoreError>;
        async fn contract_logs(
            &self,
            query: &ContractLogsQuery,
        ) -> Result<Seen<Vec<ConfirmedLog>>, StoreError>;
    }

    #[async_trait]
    impl LogStore for LogStore {
        async fn register_contract(&self, spec: &ContractSpec) -> Result<ContractState, StoreError>;
        async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub Notifier {}

    #[async_trait]
    impl Notifier for Notifier {
        async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError>;
    }
}

mock! {
    #[derive(Debug)]
    pub PendingCache {}

    #[async_trait]
    impl PendingCache for PendingCache {
        async fn load(&self, chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError>;
        async fn store(&self, chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub PointsStore {}

    #[async_trait]
    impl PointsReads for PointsStore {
        async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError>;
        async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError>;
        async fn totals(
            &self,
            programme: &ProgrammeId,
            accounts: &[Account],
        ) -> Result<Seen<Vec<Option<Standing>>>, StoreError>;
        async fn standings(
            &self,
            programme: &ProgrammeId,
            after: Option<(RawPoints, Account)>,
            limit: usize,
        ) -> Result<Seen<Vec<Standing>>, StoreError>;
        async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError>;
        async fn entries(
            &self,
            programme: &ProgrammeId,
            accounts: &[Account],
        ) -> Result<Vec<AccountEntry>, StoreError>;
        async fn decisions(
            &self,
            programme: &ProgrammeId,
            below: Option<EntryNumber>,
            limit: usize,
        ) -> Result<Vec<DecisionRecord>, StoreError>;
    }

    #[async_trait]
    impl PointsStore for PointsStore {
        async fn add_programme(
            &self,
            programme: &Programme,
            by: &Attribution,
        ) -> Result<(), StoreError>;
        async fn put_programme(
            &self,
            programme: &Programme,
            by: &Attribution,
        ) -> Result<(), StoreError>;
        async fn decide(
            &self,
            decision: &Decision,
            by: &Attribution,
        ) -> Result<Decided, StoreError>;
        async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError>;
        async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError>;
        async fn reset_failures(
            &self,
            programme: &ProgrammeId,
            window_start: Timestamp,
            by: &Attribution,
        ) -> Result<usize, StoreError>;
    }
}

mock! {
    #[derive(Debug)]
    pub PriceSource {}

    #[async_trait]
    impl PriceSource for PriceSource {
        async fn price(&self, token: TokenId) -> Result<Price, PriceError>;
    }
}
