//! A store whose calls fail, or succeed and are reported as failed: a decorator over any other.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, ReorgRecord, RewindCause, SequencedEvent};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, TokenStatus, UnreadableLog,
};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::points::{AccountEntry, Decided, Decision, DecisionRecord, Programme};
use pledge_core::ports::{
    BalanceStore, BatchFailure, ChainReport, ChainState, ChangesQuery, ContractLogsQuery,
    EventReads, EventRetention, EventStore, HistoriesPage, HistoriesQuery, KeptEvents,
    LedgerCommit, LedgerReads, LedgerWrites, LogReads, LogStore, LogsCommit, NewBlocks,
    PendingCache, PendingSnapshot, PointsReads, PointsStore, ProgrammeState, Pruning, Registry,
    Rewind, Seen, Settlement, SettlementBatch, SettlementsQuery, Standing, StatementRows,
    StatementsQuery,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, ContractId, EntryNumber, Epoch,
    LogIndex, ProgrammeId, RawPoints, Timestamp, TokenId,
};

use super::control::Control;
use crate::Fixture;

#[derive(Debug)]
pub(super) struct Store {
    balances: Arc<dyn BalanceStore>,
    points: Arc<dyn PointsStore>,
    events: Arc<dyn EventStore>,
    logs: Arc<dyn LogStore>,
    control: Arc<Control>,
}

impl Store {
    pub(super) fn over(fixture: &Fixture, control: Arc<Control>) -> Self {
        let Fixture { balances, points, events, logs, .. } = fixture;
        let (balances, points) = (balances.clone(), points.clone());
        Self { balances, points, events: events.clone(), logs: logs.clone(), control }
    }
}

/// A port whose methods forward their call, as a read, a write or a batch.
macro_rules! handed_on {
    ($trait:ident by $port:ident:
        $($how:ident $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl $trait for Store {
            $(
                async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                    let call = self.$port.$method($($argument),*);
                    self.control.$how(stringify!($method), call).await
                }
            )+
        }
    };
}

handed_on! { Registry by balances:
    write register_chain(chain: ChainId, name: &str) -> ();
    write report_chain(report: &ChainReport) -> ();
    write pause_chain(chain: ChainId, by: &Attribution) -> ();
    write resume_chain(chain: ChainId, found: &ChainStatus, by: &Attribution) -> ();
    write register_token(spec: &TokenSpec) -> TokenState;
    write halt_token(token: TokenId, base: Option<BlockId>, reason: &str) -> ();
    write heal_token(token: TokenId, base: Option<BlockId>) -> ();
    write pause_token(token: TokenId, by: &Attribution) -> ();
    write resume_token(token: TokenId, base: Option<BlockId>, found: &TokenStatus, by: &Attribution) -> ();
    write record_supply(token: TokenId, base: BlockId, answer: &SupplyAnswer) -> ();
}

handed_on! { LedgerReads by balances:
    read chains() -> Vec<ChainState>;
    read chain(chain: ChainId) -> Option<ChainState>;
    read tokens(chain: ChainId) -> Vec<TokenState>;
    read token(token: TokenId) -> Option<TokenState>;
    read headers(chain: ChainId, at_most: BlockNumber, limit: usize) -> Vec<BlockRef>;
    read edges(chain: ChainId, instants: &[Timestamp]) -> Vec<Option<BlockEdge>>;
    read states(token: TokenId, accounts: &[Account]) -> Seen<Vec<Option<Checkpoint>>>;
    read history(token: TokenId, account: Account, times: &[Timestamp])
        -> Seen<Vec<Option<Checkpoint>>>;
    read last_change_block(token: TokenId, at: Timestamp) -> Seen<Option<BlockNumber>>;
    read changes(query: &ChangesQuery) -> Seen<Vec<Change>>;
    read unreadable_logs(token: TokenId, after: Option<(BlockNumber, LogIndex)>, limit: usize)
        -> Seen<Vec<UnreadableLog>>;
    read change_time(token: TokenId, from: Timestamp, number: usize) -> Seen<Option<Timestamp>>;
    read histories(query: &HistoriesQuery) -> Seen<HistoriesPage>;
    read holders(token: TokenId, after: Option<(Amount, Account)>, limit: usize)
        -> Seen<Vec<(Account, Checkpoint)>>;
}

impl Store {
    /// A write that adds blocks. What confirms them may be taken back just before, and must be held when
    /// they are added.
    async fn add(
        &self,
        label: &'static str,
        blocks: &NewBlocks,
        call: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let added = async {
            if let Some(by) = blocks.confirmed_by {
                self.take_back(blocks.chain, by).await?;
            }
            call.await?;
            if let Some(by) = blocks.confirmed_by {
                let held = self.balances.headers(blocks.chain, by.number, 1).await?;
                self.control.lock().added_behind.push((blocks.tip.id(), by));
                if held.first().is_none_or(|held| held.id() != by) {
                    let broken =
                        format!("{} was added, and {by}, which confirms it, is gone", blocks.tip);
                    self.control.lock().broken = Some(broken);
                }
            }
            Ok(())
        };
        self.control.write(label, added).await
    }

    /// Another instance, whose node has left the branch of a block, rewinds to below it now and then.
    async fn take_back(&self, chain: ChainId, block: BlockId) -> Result<(), StoreError> {
        {
            let mut state = self.control.lock();
            let often = state.faults.taken_back;
            if !state.dice.chance(often) {
                return Ok(());
            }
        }
        let below = self.balances.headers(chain, block.number.down(1), 1).await?;
        let Some(to) = below.first().copied() else { return Ok(()) };
        let above = |cursor: Option<BlockRef>| cursor.filter(|cursor| cursor.number > to.number);
        let tokens = self.balances.tokens(chain).await?.into_iter();
        let tokens = tokens.filter_map(|state| Some((state.spec.id, above(state.cursor)?.id())));
        let contracts = self.logs.contracts(chain).await?.into_iter();
        let contracts =
            contracts.filter_map(|state| Some((state.spec.id, above(state.cursor)?.id())));
        let (tokens, contracts) = (tokens.collect(), contracts.collect());
        let rewind = Rewind { chain, to, tokens, contracts, cause: RewindCause::Reorg };
        // It is refused where the ledger has a false time, as an instance's would be.
        let taken_back = self.balances.rewind(&rewind).await.is_ok();
        let mut state = self.control.lock();
        state.wrote |= taken_back;
        state.counters.taken_back_meanwhile += u64::from(taken_back);
        Ok(())
    }
}

#[async_trait]
impl LedgerWrites for Store {
    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        self.add("commit", &commit.blocks, self.balances.commit(commit)).await
    }

    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        self.control.write("rewind", self.balances.rewind(rewind)).await
    }

    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        let call = self.balances.record_edges(token, epoch, edges);
        self.control.write("record_edges", call).await
    }
}

handed_on! { PointsReads by points:
    read programmes(token: TokenId) -> Vec<ProgrammeState>;
    read settlements(query: &SettlementsQuery) -> Vec<Settlement>;
    read totals(programme: &ProgrammeId, accounts: &[Account])
        -> Seen<Vec<Option<Standing>>>;
    read standings(
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize
    ) -> Seen<Vec<Standing>>;
    read statements(query: &StatementsQuery) -> Seen<StatementRows>;
    read entries(programme: &ProgrammeId, accounts: &[Account]) -> Vec<AccountEntry>;
    read decisions(programme: &ProgrammeId, below: Option<EntryNumber>, limit: usize)
        -> Vec<DecisionRecord>;
}

handed_on! { PointsStore by points:
    write add_programme(programme: &Programme, by: &Attribution) -> ();
    write put_programme(programme: &Programme, by: &Attribution) -> ();
    write decide(decision: &Decision, by: &Attribution) -> Decided;
    batch commit_batch(batch: &SettlementBatch) -> ();
    write record_failure(failure: &BatchFailure) -> ();
    write reset_failures(programme: &ProgrammeId, window_start: Timestamp, by: &Attribution)
        -> usize;
}

handed_on! { EventReads by events:
    read events(after: EventSeq, limit: usize) -> Vec<SequencedEvent>;
    read kept_events() -> KeptEvents;
}

handed_on! { EventStore by events:
    read delivered(consumer: &Consumer) -> EventSeq;
    write record_delivered(consumer: &Consumer, from: EventSeq, to: EventSeq) -> ();
    write prune_events(retention: &EventRetention, now: Timestamp) -> Pruning;
}

handed_on! { LogReads by logs:
    read contracts(chain: ChainId) -> Vec<ContractState>;
    read contract(contract: &ContractId) -> Option<ContractState>;
    read contract_logs(query: &ContractLogsQuery) -> Seen<Vec<ConfirmedLog>>;
}

#[async_trait]
impl LogStore for Store {
    async fn register_contract(&self, spec: &ContractSpec) -> Result<ContractState, StoreError> {
        self.control.write("register_contract", self.logs.register_contract(spec)).await
    }

    async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError> {
        self.add("commit_logs", &commit.blocks, self.logs.commit_logs(commit)).await
    }
}

/// What a snapshot has that readers may not be shown.
fn broken(snapshot: &PendingSnapshot) -> Option<String> {
    if !snapshot.is_linked() {
        return Some(format!("pending blocks are not linked: {snapshot:?}"));
    }
    let mut transfers = snapshot.blocks.iter().flat_map(|block| &block.transfers);
    let stray = transfers.find(|transfer| !snapshot.tokens.contains(&transfer.token));
    stray.map(|stray| format!("pending blocks of {:?} have {stray:?}", snapshot.tokens))
}

/// Pending blocks that are forgotten, or return to an earlier state.
#[derive(Debug)]
pub(super) struct Pending {
    control: Arc<Control>,
    held: Mutex<[Option<PendingSnapshot>; 2]>,
}

impl Pending {
    pub(super) const fn new(control: Arc<Control>) -> Self {
        Self { control, held: Mutex::new([None, None]) }
    }
}

#[async_trait]
impl PendingCache for Pending {
    async fn load(&self, _chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError> {
        let [newest, stale] = self.held.lock().expect("no holder panics").clone();
        let mut state = self.control.lock();
        let (forgets, returns) = (state.faults.forget_pending, state.faults.stale_pending);
        if state.dice.chance(forgets) {
            state.counters.forgotten_pending += 1;
            return Ok(None);
        }
        if state.dice.chance(returns) {
            state.counters.forgotten_pending += 1;
            return Ok(stale);
        }
        Ok(newest)
    }

    async fn store(&self, _chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError> {
        let broken = broken(snapshot);
        if broken.is_some() {
            self.control.lock().broken = broken;
        }
        self.control
            .read("store_pending", async {
                let mut held = self.held.lock().expect("no holder panics");
                held[1] = held[0].replace(snapshot.clone());
                Ok(())
            })
            .await
    }
}
