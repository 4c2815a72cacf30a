//! Two stores that receive the same writes and must return the same answers, whatever happens.

mod acts;
mod compare;
mod deciding;
mod logs;
mod ops;
mod settling;

use std::fmt::Debug;
use std::pin::Pin;

use alloy_primitives::{Address, B256};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::RewindCause;
use pledge_core::ledger::{
    AccountStates, BlockEdge, SupplyAnswer, TokenMetadata, TokenSpec, TokenState, Transfer,
    UnreadableLog, fold,
};
use pledge_core::logs::ContractState;
use pledge_core::points::Programme;
use pledge_core::ports::{
    LedgerCommit, LogsCommit, NewBlocks, Rewind, SettlementBatch, TokenCommit,
};
use pledge_core::types::{
    Amount, BlockNumber, BlockRef, ChainId, Decimals, Epoch, LogIndex, ProgrammeId, Rate,
    RateSchedule, ShardCount, Step, Timestamp, TokenId, WindowLength,
};

use self::ops::{Mined, Move, Op, account, address, ops};
use crate::conformance::engine_properties::{Fresh, check};
use crate::conformance::run;
use crate::world::{operator, operator_because};
use crate::{ArchiveFixture, Fixture};

const CHAIN: ChainId = ChainId::new(5);
const RETAINED: u64 = 12;

/// Plays random histories to a fresh store and to a fresh one that is known to be right, and
/// compares every answer.
pub fn any_history_gives_the_same_answers(
    cases: u32,
    store: impl Fn() -> Fresh,
    reference: impl Fn() -> Fresh,
) {
    check(cases, ops(1..60), |ops| {
        run(async {
            let mut twins = Twins::new(store().await, reference().await).await;
            for op in &ops {
                twins.apply(op).await;
                if matches!(op, Op::Rewind { .. }) {
                    compare(&twins).await;
                }
            }
            compare(&twins).await;
        });
    });
}

/// The same for one history of a thousand steps, with every answer compared now and then.
pub fn a_history_of_a_thousand_steps_gives_the_same_answers(
    store: impl Fn() -> Fresh,
    reference: impl Fn() -> Fresh,
) {
    const STEPS: usize = 1_000;
    const STEPS_PER_COMPARISON: usize = 100;
    check(1, ops(STEPS..STEPS + 1), |ops| {
        run(async {
            let mut twins = Twins::new(store().await, reference().await).await;
            for ops in ops.chunks(STEPS_PER_COMPARISON) {
                for op in ops {
                    twins.apply(op).await;
                }
                compare(&twins).await;
            }
        });
    });
}

/// A future of a fresh store that can be archived.
pub type FreshArchive = Pin<Box<dyn Future<Output = ArchiveFixture>>>;

/// Plays random histories to a fresh store and to a fresh one that is known to be right, and
/// compares their archives; then moves the archive of the first into a third store, and compares
/// again.
pub fn any_history_gives_the_same_archive(
    cases: u32,
    store: impl Fn() -> FreshArchive,
    reference: impl Fn() -> FreshArchive,
) {
    check(cases, ops(1..60), |ops| {
        run(async {
            let (store_of_case, reference) = (store().await, reference().await);
            let (one, other) = (store_of_case.fixture.clone(), reference.fixture.clone());
            let mut twins = Twins::new(one, other).await;
            for op in &ops {
                twins.apply(op).await;
            }
            let records = reference.export().await;
            assert_eq!(store_of_case.export().await, records);
            let copy = store().await;
            copy.import(records.clone()).await.expect("an archive of a sound store");
            assert_eq!(copy.export().await.without_imports(), records);
        });
    });
}

fn transfers(block: &BlockRef, moves: &[Move]) -> Vec<Transfer> {
    let transfer = |(index, (from, to, amount)): (u64, &Move)| Transfer {
        token: token().address,
        block: block.number,
        log_index: LogIndex::new(index),
        tx_hash: block.hash,
        from: address(*from),
        to: address(*to),
        amount: Amount::from(*amount),
    };
    (0..).zip(moves).map(transfer).collect()
}

/// Both stores, and the chain that they follow.
struct Twins {
    store: Fixture,
    reference: Fixture,
    /// The blocks that the ledger or a contract has taken.
    chain: Vec<BlockRef>,
    forks: u64,
    programme: Programme,
    next_shard: u16,
    last_commit: Option<LedgerCommit>,
    last_logs: Option<LogsCommit>,
    last_batch: Option<SettlementBatch>,
}

fn token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0xaa) }
}

fn before_the_start() -> BlockRef {
    BlockRef {
        number: BlockNumber::new(2),
        hash: B256::repeat_byte(2),
        parent_hash: B256::repeat_byte(1),
        time: Timestamp::new(100_000).expect("a valid step"),
    }
}

fn programme_id() -> ProgrammeId {
    ProgrammeId::main(token())
}

fn same<T: Debug + PartialEq>(
    what: impl Debug,
    store: Result<T, StoreError>,
    reference: Result<T, StoreError>,
) -> Result<T, StoreErrorKind> {
    let store = store.map_err(|error| (error.kind(), error.to_string()));
    match (store, reference) {
        (Ok(store), Ok(reference)) => {
            assert_eq!(store, reference, "{what:?}");
            Ok(reference)
        }
        (Err((kind, _)), Err(reference)) if kind == reference.kind() => Err(kind),
        (store, reference) => panic!("{what:?}: {store:?} and {reference:?}"),
    }
}

/// Calls both stores and compares their answers, or the kinds of their errors.
macro_rules! both {
    ($twins:expr, $port:ident.$method:ident($($argument:expr),*)) => {
        same(
            stringify!($method),
            $twins.store.$port.$method($($argument),*).await,
            $twins.reference.$port.$method($($argument),*).await,
        )
    };
}

use both;
use compare::compare;

impl Twins {
    async fn new(store: Fixture, reference: Fixture) -> Self {
        let rates = RateSchedule::constant(Rate::from_e18(7).expect("a valid step"));
        let programme = Programme {
            id: programme_id(),
            rates,
            window: WindowLength::HOUR,
            shards: ShardCount::new(2).expect("a valid step"),
        };
        let twins = Self {
            store,
            reference,
            chain: Vec::new(),
            forks: 0,
            programme,
            next_shard: 0,
            last_commit: None,
            last_logs: None,
            last_batch: None,
        };
        let decimals = Decimals::new(18).expect("a valid step");
        let metadata = TokenMetadata { symbol: "T".into(), decimals };
        let spec = TokenSpec { id: token(), metadata, start_block: BlockNumber::new(3) };
        both!(twins, balances.register_chain(CHAIN, "five")).expect("a valid step");
        both!(twins, balances.register_token(&spec)).expect("a valid step");
        both!(twins, points.add_programme(&twins.programme, &operator())).expect("a valid step");
        twins.register_contracts().await;
        twins
    }

    fn tip(&self) -> BlockRef {
        self.chain.last().copied().unwrap_or_else(before_the_start)
    }

    fn child(&self, parent: &BlockRef, seconds: u64) -> BlockRef {
        let number = parent.number.next();
        let mut hash = B256::with_last_byte(7);
        hash.0[..8].copy_from_slice(&number.get().to_be_bytes());
        hash.0[8..16].copy_from_slice(&self.forks.to_be_bytes());
        let time = parent.time.checked_add(seconds).expect("a valid step");
        hash.0[16..24].copy_from_slice(&time.get().to_be_bytes());
        BlockRef { number, hash, parent_hash: parent.hash, time }
    }

    async fn apply(&mut self, op: &Op) {
        match op {
            Op::Commit(blocks) => self.commit(blocks).await,
            Op::CommitAgain => {
                if let Some(commit) = self.last_commit.take() {
                    self.offer(commit).await;
                }
            }
            Op::Logs { of, blocks, all } => self.commit_logs(*of, blocks, *all).await,
            Op::LogsAgain => {
                if let Some(commit) = self.last_logs.take() {
                    self.offer_logs(commit).await;
                }
            }
            Op::Rewind { depth, forgets, by } => self.rewind(*depth, *forgets, *by).await,
            Op::Act { act, reason } => self.act(*act, *reason).await,
            Op::Settle { limit, fails } => self.settle(*limit, *fails).await,
            Op::Retry { fails } => self.retry(*fails).await,
            Op::SettleAgain => {
                if let Some(batch) = &self.last_batch {
                    let refused = both!(self, points.commit_batch(batch));
                    assert_eq!(refused, Err(StoreErrorKind::Conflict));
                }
            }
            Op::Schedule { after, rate } => self.schedule(*after, *rate).await,
            Op::Decide(choice) => self.decide(choice).await,
            Op::ResetFailures => {
                let start = WindowLength::HOUR.floor(self.tip().time);
                let by = operator();
                both!(self, points.reset_failures(&programme_id(), start, &by))
                    .expect("a valid step");
            }
            Op::Halt(halts) => {
                let base = self.ledger().await.cursor.map(|cursor| cursor.id());
                let set = if *halts {
                    both!(self, balances.halt_token(token(), base, "a test"))
                } else {
                    both!(self, balances.heal_token(token(), base))
                };
                set.expect("a valid step");
            }
            Op::HaltChain => self.halt_chain().await,
            Op::Supply { on_chain, stale } => self.supply(*on_chain, *stale).await,
            Op::Edge { below, later, is_wrong, is_late } => {
                self.edge((*below, *later), *is_wrong, *is_late).await;
            }
        }
    }

    async fn edge(&self, (below, later): (usize, u64), is_wrong: bool, is_late: bool) {
        let Some(block) = self.chain.iter().rev().nth(below) else { return };
        let instant = block.time.checked_add(later).expect("a valid step");
        let before = self.chain.iter().rfind(|block| block.time < instant);
        let last = before.map(|before| before.number.up(u64::from(is_wrong)));
        let epoch = self.epoch().await.get().saturating_sub(u64::from(is_late));
        let edges = [BlockEdge { instant, last }];
        // Whether it is refused depends on what is kept: both do the same.
        let _ = both!(self, balances.record_edges(token(), Epoch::new(epoch), &edges));
    }

    async fn supply(&self, on_chain: Option<u64>, stale: bool) {
        let Some(cursor) = self.ledger().await.cursor else { return };
        let parent = self.chain.iter().find(|block| block.is_parent_of(&cursor)).copied();
        let Some(place) = (if stale { parent } else { Some(cursor) }) else { return };
        let answer = match on_chain {
            Some(supply) => SupplyAnswer::Total(Amount::from(supply)),
            None => SupplyAnswer::Missing(format!("asked at {place}")),
        };
        let recorded = both!(self, balances.record_supply(token(), place.id(), &answer));
        assert_eq!(recorded.is_err(), stale, "it is of the cursor or of none");
    }

    async fn commit(&mut self, blocks: &[Mined]) {
        let state = self.ledger().await;
        let mut states = self.newest_states().await;
        let (mut totals, mut changes) = (state.totals, Vec::new());
        let (mut headers, mut unreadable_logs) = (Vec::new(), Vec::new());
        let mut parent = state.cursor.unwrap_or_else(before_the_start);
        for Mined { later, moves, unreadable } in blocks {
            // A contract may have taken the next block before.
            let known = self.chain.iter().find(|block| parent.is_parent_of(block)).copied();
            let block = known.unwrap_or_else(|| self.child(&parent, *later));
            let mut transfers = transfers(&block, moves);
            // The steps never send more than is held.
            let (folded, after) = loop {
                let mut tried: AccountStates = states.clone();
                match fold(totals, &mut tried, &transfers, |_| block.time) {
                    Ok(folded) => break (folded, tried),
                    Err(_) => drop(transfers.pop()),
                }
            };
            (totals, states) = (folded.totals, after);
            changes.extend(folded.changes);
            unreadable_logs.extend((0..*unreadable).map(|index| UnreadableLog {
                token: token().address,
                block: block.number,
                log_index: LogIndex::new(moves.len() as u64 + index),
                tx_hash: block.hash,
            }));
            headers.push(block);
            parent = block;
        }
        let commit = LedgerCommit {
            blocks: NewBlocks {
                chain: CHAIN,
                base: state.cursor.map(|cursor| cursor.id()),
                confirmed_by: None,
                first: headers[0],
                tip: parent,
                headers,
                retain_from: parent.number.down(RETAINED),
            },
            tokens: vec![TokenCommit { token: token(), changes, unreadable_logs, totals }],
        };
        self.offer(commit).await;
    }

    /// Offers a commit, which is refused unless the ledger is at its base and is not halted.
    async fn offer(&mut self, commit: LedgerCommit) {
        if both!(self, balances.commit(&commit)).is_ok() {
            self.extend(&commit.blocks);
        }
        self.last_commit = Some(commit);
    }

    async fn newest_states(&self) -> AccountStates {
        let accounts: Vec<_> = (1..8).map(account).collect();
        let seen = self.reference.balances.states(token(), &accounts).await.expect("a valid step");
        let known = accounts.into_iter().zip(seen.value);
        known.filter_map(|(account, state)| Some((account, state?))).collect()
    }

    async fn rewind(&mut self, depth: u64, forgets: bool, by: Option<u8>) {
        if self.chain.is_empty() {
            return;
        }
        let keep = self.chain.len().saturating_sub(usize::try_from(depth).expect("a valid step"));
        let to = self.chain[..keep].last().copied().unwrap_or_else(before_the_start);
        let is_above = |cursor: &BlockRef| cursor.number > to.number || cursor.id() == to.id();
        let of_token = self.ledger().await.cursor.filter(is_above);
        let mut tokens: Vec<_> =
            of_token.map(|cursor| (token(), cursor.id())).into_iter().collect();
        let mut contracts = Vec::new();
        for ContractState { spec, cursor, .. } in self.contracts().await {
            let cursor = cursor.filter(is_above);
            contracts.extend(cursor.map(|cursor| (spec.id, cursor.id())));
        }
        if forgets && contracts.pop().is_none() {
            tokens.clear();
        }
        let operators =
            |reason| RewindCause::Operator { by: operator_because(&format!("reason {reason}")) };
        let cause = by.map_or(RewindCause::Reorg, operators);
        let rewind = Rewind { chain: CHAIN, to, tokens, contracts, cause };
        if both!(self, balances.rewind(&rewind)).is_ok() {
            self.forks += 1;
            self.chain.truncate(keep);
        }
    }

    async fn ledger(&self) -> TokenState {
        let read = self.reference.balances.token(token()).await.expect("a valid step");
        read.expect("a valid step")
    }

    async fn epoch(&self) -> Epoch {
        self.ledger().await.epoch
    }

    async fn schedule(&mut self, after: u64, rate: u128) {
        let from = self.tip().time.checked_add(after).expect("a valid step");
        let value = Rate::from_e18(rate).expect("a valid step");
        let initial = self.programme.rates.at(Timestamp::ZERO);
        let rates = RateSchedule::new(initial, vec![Step { from, value }]).expect("a valid step");
        let programme = Programme { rates, ..self.programme.clone() };
        if both!(self, points.put_programme(&programme, &operator())).is_ok() {
            self.programme = programme;
        }
    }
}
