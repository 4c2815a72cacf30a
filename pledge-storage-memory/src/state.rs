//! What is kept, and its indexes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use pledge_core::audit::AuditRecord;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, Event, EventSeq, SequencedEvent};
use pledge_core::ledger::{BlockEdge, Change, Checkpoint, Leg, TokenState, UnreadableLog};
use pledge_core::points::{Programme, WindowRow};
use pledge_core::ports::{
    ChainState, ConsumerState, NewBlocks, ProgrammeState, Seen, ShardProgress, Statement,
    StatementKind, StatementPlace,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, ContractId, Epoch, LogIndex,
    ProgrammeId, RawPoints, ShardId, Timestamp, TokenId, Window,
};

use crate::contract::Contract;
use crate::decisions::Decisions;

/// The ledger and the points of any number of chains, in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) chains: BTreeMap<ChainId, Chain>,
    pub(crate) tokens: BTreeMap<TokenId, Token>,
    pub(crate) contracts: BTreeMap<ContractId, Contract>,
    pub(crate) events: Vec<SequencedEvent>,
    pub(crate) consumers: BTreeMap<Consumer, ConsumerState>,
    pub(crate) audit: Vec<AuditRecord>,
    pub(crate) decisions: Decisions,
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) state: ChainState,
    pub(crate) headers: BTreeMap<BlockNumber, BlockRef>,
    pub(crate) edges: BTreeMap<Timestamp, BlockEdge>,
}

impl Chain {
    /// Holds the headers of new blocks, and drops those that may be forgotten.
    pub(crate) fn hold(&mut self, blocks: &NewBlocks) {
        self.headers.extend(blocks.headers.iter().map(|header| (header.number, *header)));
        self.headers = self.headers.split_off(&blocks.retain_from);
    }
}

/// A change's place on the chain, then the account that it concerns.
pub(crate) type Place = (Timestamp, BlockNumber, LogIndex, Leg);

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) state: TokenState,
    /// Each account's changes in the order of the chain; never an empty list.
    pub(crate) accounts: BTreeMap<Account, Vec<Change>>,
    pub(crate) by_balance: BTreeSet<(Reverse<Amount>, Account)>,
    pub(crate) by_place: BTreeMap<Place, Account>,
    pub(crate) unreadable: BTreeMap<(BlockNumber, LogIndex), UnreadableLog>,
    pub(crate) programmes: BTreeMap<String, ProgrammeEntry>,
}

#[derive(Debug, Clone)]
pub(crate) struct ProgrammeEntry {
    pub(crate) programme: Programme,
    pub(crate) shards: Vec<ShardProgress>,
    pub(crate) windows: BTreeMap<(ShardId, Timestamp), WindowRow>,
    pub(crate) totals: BTreeMap<Account, RawPoints>,
    pub(crate) by_points: BTreeSet<(Reverse<RawPoints>, Account)>,
    pub(crate) statements: BTreeMap<(Account, StatementPlace), Statement>,
}

impl State {
    pub(crate) fn chain(&self, chain: ChainId) -> Result<&Chain, StoreError> {
        self.chains.get(&chain).ok_or_else(|| unknown("chain", chain))
    }

    pub(crate) fn chain_mut(&mut self, chain: ChainId) -> Result<&mut Chain, StoreError> {
        self.chains.get_mut(&chain).ok_or_else(|| unknown("chain", chain))
    }

    pub(crate) fn token(&self, token: TokenId) -> Result<&Token, StoreError> {
        self.tokens.get(&token).ok_or_else(|| unknown("token", token))
    }

    pub(crate) fn token_mut(&mut self, token: TokenId) -> Result<&mut Token, StoreError> {
        self.tokens.get_mut(&token).ok_or_else(|| unknown("token", token))
    }

    pub(crate) fn contract(&self, contract: &ContractId) -> Result<&Contract, StoreError> {
        self.contracts.get(contract).ok_or_else(|| unknown("contract", contract))
    }

    pub(crate) fn contract_mut(
        &mut self,
        contract: &ContractId,
    ) -> Result<&mut Contract, StoreError> {
        self.contracts.get_mut(contract).ok_or_else(|| unknown("contract", contract))
    }

    /// `Conflict` if a person or a fault has stopped the chain.
    pub(crate) fn require_followed(
        &self,
        operation: &'static str,
        chain: ChainId,
    ) -> Result<(), StoreError> {
        let followed = self.chain(chain)?.state.require_followed();
        followed.map_err(|detail| StoreError::conflict(operation, detail))
    }

    /// `Conflict` if a held header contradicts one of the blocks.
    pub(crate) fn check_headers(
        &self,
        operation: &'static str,
        blocks: &NewBlocks,
    ) -> Result<(), StoreError> {
        let held = &self.chain(blocks.chain)?.headers;
        let checked = blocks.check_held(|number| held.get(&number).copied());
        checked.map_err(|detail| StoreError::conflict(operation, detail))
    }

    pub(crate) fn programme(
        &self,
        id: &ProgrammeId,
    ) -> Result<(&Token, &ProgrammeEntry), StoreError> {
        let token = self.token(id.token)?;
        let entry = token.programmes.get(id.name()).ok_or_else(|| unknown("programme", id))?;
        Ok((token, entry))
    }

    pub(crate) fn programme_mut(
        &mut self,
        id: &ProgrammeId,
    ) -> Result<&mut ProgrammeEntry, StoreError> {
        let entry = self.token_mut(id.token)?.programmes.get_mut(id.name());
        entry.ok_or_else(|| unknown("programme", id))
    }

    pub(crate) fn record(&mut self, event: Event) {
        let sequence = self.newest_event().next();
        self.events.push(SequencedEvent { sequence, event: event.into() });
    }

    pub(crate) fn set_delivered(&mut self, consumer: &Consumer, delivered: EventSeq) {
        let known = ConsumerState { consumer: consumer.clone(), delivered, silent_since: None };
        self.consumers.insert(consumer.clone(), known);
    }

    pub(crate) fn newest_event(&self) -> EventSeq {
        self.events.last().map_or(EventSeq::START, |last| last.sequence)
    }
}

impl Token {
    /// `Conflict` unless the token is at `base`.
    pub(crate) fn require_cursor(
        &self,
        operation: &'static str,
        base: Option<BlockId>,
    ) -> Result<(), StoreError> {
        let required = self.state.require_cursor(base);
        required.map_err(|detail| StoreError::conflict(operation, detail))
    }

    pub(crate) fn new(state: TokenState) -> Self {
        Self {
            state,
            accounts: BTreeMap::new(),
            by_balance: BTreeSet::new(),
            by_place: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            programmes: BTreeMap::new(),
        }
    }

    pub(crate) fn seen<T>(&self, value: T) -> Seen<T> {
        Seen { cursor: self.state.cursor, epoch: self.state.epoch, value }
    }

    pub(crate) fn newest(&self, account: Account) -> Option<Checkpoint> {
        self.accounts.get(&account)?.last().map(Change::checkpoint)
    }

    /// The account's state after its last change that `is_before` accepts.
    pub(crate) fn last_where(
        &self,
        account: Account,
        is_before: impl Fn(&Change) -> bool,
    ) -> Option<Checkpoint> {
        let changes = self.accounts.get(&account)?;
        let passed = changes.partition_point(is_before);
        changes[..passed].last().map(Change::checkpoint)
    }

    /// Appends a change and moves the account in the index of balances.
    pub(crate) fn push(&mut self, change: Change) {
        let account = change.account;
        self.unindex_balance(account);
        let (block, log_index, leg) = change.place();
        self.by_place.insert((change.time, block, log_index, leg), account);
        self.accounts.entry(account).or_default().push(change);
        self.index_balance(account);
    }

    pub(crate) fn unindex_balance(&mut self, account: Account) {
        if let Some(state) = self.newest(account) {
            self.by_balance.remove(&(Reverse(state.balance), account));
        }
    }

    pub(crate) fn index_balance(&mut self, account: Account) {
        if let Some(state) = self.newest(account) {
            self.by_balance.insert((Reverse(state.balance), account));
        }
    }

    /// The edge before the first window of a programme, which the start time falls into.
    pub(crate) fn first_edge(&self, programme: &Programme) -> Option<Timestamp> {
        self.state.start_time.map(|start| programme.window.floor(start))
    }
}

impl ProgrammeEntry {
    /// As it is seen from outside.
    pub(crate) fn state(&self, token: &Token, decisions: &Decisions) -> ProgrammeState {
        let id = &self.programme.id;
        ProgrammeState {
            programme: self.programme.clone(),
            epoch: token.state.epoch,
            version: decisions.version(id),
            versions: decisions.versions(id),
            shards: self.shards.clone(),
        }
    }

    pub(crate) fn new(programme: Programme) -> Self {
        let shards = programme.shards.shards().map(ShardProgress::fresh).collect();
        Self {
            programme,
            shards,
            windows: BTreeMap::new(),
            totals: BTreeMap::new(),
            by_points: BTreeSet::new(),
            statements: BTreeMap::new(),
        }
    }

    pub(crate) fn settled(&self) -> Option<Timestamp> {
        self.shards.iter().map(|shard| shard.settled).min().flatten()
    }

    /// The statement rows of an account, in the order of their places.
    pub(crate) fn statements_of(
        &self,
        account: Account,
    ) -> impl DoubleEndedIterator<Item = &Statement> {
        let place = |epoch, kind, window_start| StatementPlace { epoch, kind, window_start };
        let first = place(Epoch::FIRST, StatementKind::Earned, Timestamp::ZERO);
        let last = place(Epoch::new(u64::MAX), StatementKind::Reversed, Timestamp::MAX);
        self.statements.range((account, first)..=(account, last)).map(|(_, row)| row)
    }

    /// A shard's window rows that start in an interval, and the last one before it.
    pub(crate) fn windows_of(&self, shard: ShardId, over: Window) -> Vec<WindowRow> {
        let before = self.windows.range((shard, Timestamp::ZERO)..(shard, over.start)).next_back();
        let inside = self.windows.range((shard, over.start)..(shard, over.end));
        before.into_iter().chain(inside).map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn set_total(&mut self, account: Account, raw: RawPoints) {
        if let Some(before) = self.totals.remove(&account) {
            self.by_points.remove(&(Reverse(before), account));
        }
        if raw != RawPoints::ZERO {
            self.totals.insert(account, raw);
            self.by_points.insert((Reverse(raw), account));
        }
    }
}

pub(crate) fn unknown(what: &str, id: impl std::fmt::Display) -> StoreError {
    StoreError::invalid("look up", format!("{what} {id} is not registered"))
}
