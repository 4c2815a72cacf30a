//! A decorator over any store: a port is implemented by counting, then asking the store below.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use pledge_core::event::ReorgRecord;
use pledge_core::ledger::{Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, UnreadableLog};
use pledge_core::ports::{
    BatchFailure, ChainReport, ChainState, ChangesQuery, HistoriesPage, HistoriesQuery,
    LedgerCommit, LedgerReads, LedgerWrites, PointsReads, PointsStore, ProgrammeState, Registry,
    Rewind, Seen, Settlement, SettlementBatch, SettlementsQuery, Standing, StatementRows,
    StatementsQuery,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, ProgrammeId,
    RawPoints, Timestamp, TokenId,
};
use pledge_core::{
    audit::Attribution, error::StoreError, indexer::ChainStatus, ledger, points::Programme,
};
/// Counts the calls of every operation.
#[derive(Debug, Default)]
pub(crate) struct Metered<S> {
    pub(crate) store: S,
    pub(crate) calls: Mutex<BTreeMap<&'static str, u64>>,
}

macro_rules! metered {
    ($($port:ident { $($operation:ident($($name:ident: $type:ty),*) -> $answer:ty;)* })*) => {$(
        #[async_trait]
        impl<S: $port> $port for Metered<S> {
            $(async fn $operation(&self, $($name: $type),*) -> Result<$answer, StoreError> {
                *self.calls.lock().expect("no panic").entry(stringify!($operation)).or_default() += 1;
                self.store.$operation($($name),*).await
            })*
        }
    )*};
}

metered! { Registry {
    register_chain(chain: ChainId, name: &str) -> ();
    report_chain(report: &ChainReport) -> ();
    pause_chain(chain: ChainId, by: &Attribution) -> ();
    resume_chain(chain: ChainId, found: &ChainStatus, by: &Attribution) -> ();
    register_token(spec: &TokenSpec) -> TokenState;
    halt_token(token: TokenId, base: Option<BlockId>, reason: &str) -> ();
    heal_token(token: TokenId, base: Option<BlockId>) -> ();
    pause_token(token: TokenId, by: &Attribution) -> ();
    resume_token(token: TokenId, base: Option<BlockId>, found: &ledger::TokenStatus, by: &Attribution) -> ();
    record_supply(token: TokenId, base: BlockId, answer: &SupplyAnswer) -> ();
} LedgerReads {
    chains() -> Vec<ChainState>;
    chain(chain: ChainId) -> Option<ChainState>;
    tokens(chain: ChainId) -> Vec<TokenState>;
    token(token: TokenId) -> Option<TokenState>;
    headers(chain: ChainId, at_most: BlockNumber, limit: usize) -> Vec<BlockRef>;
    edges(chain: ChainId, instants: &[Timestamp]) -> Vec<Option<ledger::BlockEdge>>;
    states(token: TokenId, accounts: &[Account]) -> Seen<Vec<Option<Checkpoint>>>;
    history(token: TokenId, who: Account, at: &[Timestamp]) -> Seen<Vec<Option<Checkpoint>>>;
    last_change_block(token: TokenId, at: Timestamp) -> Seen<Option<BlockNumber>>;
    changes(query: &ChangesQuery) -> Seen<Vec<Change>>;
    unreadable_logs(id: TokenId, after: Option<(BlockNumber, LogIndex)>, n: usize) -> Seen<Vec<UnreadableLog>>;
    change_time(token: TokenId, from: Timestamp, number: usize) -> Seen<Option<Timestamp>>;
    histories(query: &HistoriesQuery) -> Seen<HistoriesPage>;
    holders(id: TokenId, after: Option<(Amount, Account)>, n: usize) -> Seen<Vec<(Account, Checkpoint)>>;
} LedgerWrites {
    commit(commit: &LedgerCommit) -> ();
    rewind(rewind: &Rewind) -> ReorgRecord;
    record_edges(token: TokenId, epoch: Epoch, edges: &[ledger::BlockEdge]) -> ();
} PointsReads {
    programmes(token: TokenId) -> Vec<ProgrammeState>;
    settlements(query: &SettlementsQuery) -> Vec<Settlement>;
    totals(id: &ProgrammeId, accounts: &[Account]) -> Seen<Vec<Option<Standing>>>;
    standings(id: &ProgrammeId, after: Option<(RawPoints, Account)>, n: usize) -> Seen<Vec<Standing>>;
    statements(query: &StatementsQuery) -> Seen<StatementRows>;
} PointsStore {
    put_programme(programme: &Programme, by: &Attribution) -> ();
    commit_batch(batch: &SettlementBatch) -> ();
    record_failure(failure: &BatchFailure) -> ();
    reset_failures(programme: &ProgrammeId, start: Timestamp, by: &Attribution) -> usize;
}}
