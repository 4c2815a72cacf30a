//! Both stores, and one chain that both follow.

use std::fmt::Debug;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::ledger::{AccountStates, TokenMetadata, TokenSpec, TokenTotals, Transfer, fold};
use pledge_core::points::{BatchSpan, Programme, plan_target, settle};
use pledge_core::ports::{
    AccountHistory, BalanceStore, BatchFailure, HistoriesQuery, LedgerCommit, PointsStore, Rewind,
    SettlementBatch, TokenCommit,
};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{
    Account, Amount, BlockNumber, BlockRef, ChainId, Decimals, Epoch, LogIndex, ProgrammeId, Rate,
    RateSchedule, ShardCount, ShardId, Step, Timestamp, TokenId, WindowLength,
};
use pledge_storage_memory::MemoryStore;
use pledge_storage_sqlite::SqliteStore;

pub(crate) const CHAIN: ChainId = ChainId::new(5);
const RETAINED: u64 = 12;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Blocks, each some seconds after the last, with transfers among accounts.
    Commit(Vec<(u64, Vec<Move>)>),
    /// The last commit once more.
    CommitAgain,
    /// So many blocks down.
    Rewind(u64),
    /// One batch in the next shard; or its failure.
    Settle {
        limit: usize,
        fails: bool,
    },
    /// A shard's first failed batch again; or its next failure.
    Retry {
        fails: bool,
    },
    /// The last batch once more.
    SettleAgain,
    /// Another rate some seconds after the newest block.
    Schedule {
        after: u64,
        rate: u128,
    },
    ResetFailures,
    Halt(bool),
}

pub(crate) type Move = (u8, u8, u64);

pub(crate) fn account(number: u8) -> Account {
    let mut bytes = [number; 20];
    bytes[0] = number.wrapping_mul(37).wrapping_add(1);
    Account::new(Address::from(bytes)).unwrap()
}

fn address(number: u8) -> Address {
    if number == 0 { Address::ZERO } else { account(number).address() }
}

/// Both stores, and the chain that they follow.
pub(crate) struct Pair {
    pub(crate) sqlite: SqliteStore,
    pub(crate) memory: MemoryStore,
    pub(crate) chain: Vec<BlockRef>,
    forks: u64,
    programme: Programme,
    next_shard: u16,
    last_commit: Option<LedgerCommit>,
    last_batch: Option<SettlementBatch>,
}

pub(crate) fn token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0xaa) }
}

pub(crate) fn programme_id() -> ProgrammeId {
    ProgrammeId::main(token())
}

pub(crate) fn same<T: Debug + PartialEq>(
    what: impl Debug,
    sqlite: Result<T, StoreError>,
    memory: Result<T, StoreError>,
) -> Result<T, StoreErrorKind> {
    let sqlite = sqlite.map_err(|error| (error.kind(), error.to_string()));
    match (sqlite, memory) {
        (Ok(sqlite), Ok(memory)) => {
            assert_eq!(sqlite, memory, "{what:?}");
            Ok(memory)
        }
        (Err((kind, _)), Err(memory)) if kind == memory.kind() => Err(kind),
        (sqlite, memory) => panic!("{what:?}: {sqlite:?} and {memory:?}"),
    }
}

/// Calls both stores and compares their answers, or the kinds of their errors.
macro_rules! both {
    ($pair:expr, $method:ident($($argument:expr),*)) => {
        same(
            stringify!($method),
            $pair.sqlite.$method($($argument),*).await,
            $pair.memory.$method($($argument),*).await,
        )
    };
}

pub(crate) use both;

impl Pair {
    pub(crate) async fn new(sqlite: SqliteStore) -> Self {
        let rates = RateSchedule::constant(Rate::from_e18(7).unwrap());
        let programme = Programme {
            id: programme_id(),
            rates,
            window: WindowLength::HOUR,
            shards: ShardCount::new(2).unwrap(),
        };
        let pair = Self {
            sqlite,
            memory: MemoryStore::new(),
            chain: Vec::new(),
            forks: 0,
            programme,
            next_shard: 0,
            last_commit: None,
            last_batch: None,
        };
        let decimals = Decimals::new(18).unwrap();
        let metadata = TokenMetadata { symbol: "T".into(), decimals };
        let spec = TokenSpec { id: token(), metadata, start_block: BlockNumber::new(3) };
        both!(pair, register_chain(CHAIN, "five")).unwrap();
        both!(pair, register_token(&spec)).unwrap();
        both!(pair, put_programme(&pair.programme)).unwrap();
        pair
    }

    pub(crate) fn tip(&self) -> BlockRef {
        let start = Timestamp::new(100_000).unwrap();
        let before = BlockRef {
            number: BlockNumber::new(2),
            hash: B256::repeat_byte(2),
            parent_hash: B256::repeat_byte(1),
            time: start,
        };
        self.chain.last().copied().unwrap_or(before)
    }

    fn child(&self, parent: &BlockRef, seconds: u64) -> BlockRef {
        let number = parent.number.next();
        let mut hash = B256::with_last_byte(7);
        hash.0[..8].copy_from_slice(&number.get().to_be_bytes());
        hash.0[8..16].copy_from_slice(&self.forks.to_be_bytes());
        let time = parent.time.checked_add(seconds).unwrap();
        BlockRef { number, hash, parent_hash: parent.hash, time }
    }

    pub(crate) async fn apply(&mut self, op: &Op) {
        match op {
            Op::Commit(blocks) => self.commit(blocks).await,
            Op::CommitAgain => {
                if let Some(commit) = self.last_commit.take() {
                    self.offer(commit).await;
                }
            }
            Op::Rewind(depth) => self.rewind(*depth).await,
            Op::Settle { limit, fails } => self.settle(*limit, *fails).await,
            Op::Retry { fails } => self.retry(*fails).await,
            Op::SettleAgain => {
                if let Some(batch) = &self.last_batch {
                    let refused = both!(self, commit_batch(batch));
                    assert_eq!(refused, Err(StoreErrorKind::Conflict));
                }
            }
            Op::Schedule { after, rate } => self.schedule(*after, *rate).await,
            Op::ResetFailures => {
                let start = WindowLength::HOUR.floor(self.tip().time);
                both!(self, reset_failures(&programme_id(), start)).unwrap();
            }
            Op::Halt(halts) => {
                let base = self.chain.last().map(BlockRef::id);
                let reason = halts.then_some("a test");
                both!(self, halt_token(token(), base, reason)).unwrap();
            }
        }
    }

    async fn commit(&mut self, blocks: &[(u64, Vec<Move>)]) {
        let base = self.tip();
        let state = self.memory.token(token()).await.unwrap().unwrap();
        let mut states = self.newest_states().await;
        let (mut totals, mut changes) = (state.totals, Vec::new());
        let mut headers = Vec::new();
        let mut parent = base;
        for (seconds, moves) in blocks {
            let block = self.child(&parent, *seconds);
            for (index, (from, to, amount)) in moves.iter().enumerate() {
                let transfer = Transfer {
                    token: token().address,
                    block: block.number,
                    log_index: LogIndex::new(index as u64),
                    tx_hash: block.hash,
                    from: address(*from),
                    to: address(*to),
                    amount: Amount::from(*amount),
                };
                let mut tried: (TokenTotals, AccountStates) = (totals, states.clone());
                let folded = fold(tried.0, &mut tried.1, &[transfer], |_| block.time);
                // A transfer of more than is held does not happen.
                let Ok(folded) = folded else { continue };
                (totals, states) = (folded.totals, tried.1);
                changes.extend(folded.changes);
            }
            headers.push(block);
            parent = block;
        }
        let commit = LedgerCommit {
            chain: CHAIN,
            base: state.cursor.map(|cursor| cursor.id()),
            first: headers[0],
            tip: parent,
            headers,
            retain_from: parent.number.down(RETAINED),
            tokens: vec![TokenCommit { token: token(), changes, totals }],
        };
        self.offer(commit).await;
    }

    /// A commit, which is refused unless the ledger stands at its base and is not halted.
    async fn offer(&mut self, commit: LedgerCommit) {
        if both!(self, commit(&commit)).is_ok() {
            self.chain.extend(&commit.headers);
        }
        self.last_commit = Some(commit);
    }

    async fn newest_states(&self) -> AccountStates {
        let accounts: Vec<_> = (1..8).map(account).collect();
        let seen = self.memory.states(token(), &accounts).await.unwrap();
        let known = accounts.into_iter().zip(seen.value);
        known.filter_map(|(account, state)| Some((account, state?))).collect()
    }

    async fn rewind(&mut self, depth: u64) {
        let Some(tip) = self.chain.last().copied() else {
            return;
        };
        let keep = self.chain.len().saturating_sub(usize::try_from(depth).unwrap());
        let kept = self.chain[..keep].to_vec();
        let removed = std::mem::replace(&mut self.chain, kept);
        let rewind = Rewind { chain: CHAIN, to: self.tip(), tokens: vec![(token(), tip.id())] };
        let done = both!(self, rewind(&rewind));
        match done {
            Ok(_) => self.forks += 1,
            Err(_) => self.chain = removed,
        }
    }

    async fn settle(&mut self, limit: usize, fails: bool) {
        let shard = usize::from(self.next_shard);
        self.next_shard = (self.next_shard + 1) % 2;
        let state = self.memory.programmes(token()).await.unwrap().remove(0);
        let ledger = self.memory.token(token()).await.unwrap().unwrap();
        let (Some(cursor), Some(start)) = (ledger.cursor, ledger.start_time) else {
            return;
        };
        let progress = &state.shards[shard];
        let window = state.programme.window;
        let (from, to, after) = match &progress.run {
            Some(run) if run.scanned => return,
            Some(run) => (run.from, Some(run.to), run.through),
            None => {
                let from = progress.settled.unwrap_or_else(|| window.floor(start));
                (from, plan_target(window, from, cursor.time, 3), None)
            }
        };
        let Some(to) = to else { return };
        let histories = self.histories(progress.shard, (after, None), (from, to), limit).await;
        let full = histories.len() == limit;
        let through = histories.last().map(|last| last.account).filter(|_| full);
        self.finish_batch(progress.shard, BatchSpan { after, through }, (from, to), fails).await;
    }

    async fn retry(&mut self, fails: bool) {
        let state = self.memory.programmes(token()).await.unwrap().remove(0);
        let failed = state.shards.iter().find_map(|shard| {
            let failure = shard.run.as_ref()?.failures.first()?;
            Some((shard.shard, failure.clone()))
        });
        if let Some((shard, failure)) = failed {
            self.finish_batch(shard, failure.span, (failure.from, failure.to), fails).await;
        }
    }

    async fn histories(
        &self,
        shard: ShardId,
        (after, through): (Option<Account>, Option<Account>),
        (from, to): (Timestamp, Timestamp),
        limit: usize,
    ) -> Vec<AccountHistory> {
        let (low, high) = self.programme.shards.bounds(shard);
        let query = HistoriesQuery {
            token: token(),
            first: after.map_or(low, Account::address),
            last: through.map_or(high, Account::address),
            limit: limit.saturating_add(1),
            from,
            to,
        };
        let mut histories = both!(self, histories(&query)).unwrap().value;
        histories.retain(|history| Some(history.account) != after);
        histories.truncate(limit);
        histories
    }

    async fn finish_batch(
        &mut self,
        shard: ShardId,
        span: BatchSpan,
        (from, to): (Timestamp, Timestamp),
        fails: bool,
    ) {
        let (programme, epoch) = (programme_id(), self.epoch().await);
        if fails {
            let (attempts, reason) = (0, format!("attempt after {from}"));
            let failure =
                BatchFailure { programme, epoch, shard, from, to, span, attempts, reason };
            both!(self, record_failure(&failure)).unwrap();
            return;
        }
        let bounds = (span.after, span.through);
        let histories = self.histories(shard, bounds, (from, to), usize::MAX).await;
        let settled = settle(&self.programme, epoch, from, to, &histories).unwrap();
        let batch = SettlementBatch {
            programme,
            epoch,
            rates: self.programme.rates.clone(),
            shard,
            from,
            to,
            span,
            earned: settled.earned,
            statements: settled.statements,
            windows: settled.windows,
        };
        both!(self, commit_batch(&batch)).unwrap();
        self.last_batch = Some(batch);
    }

    async fn epoch(&self) -> Epoch {
        self.memory.token(token()).await.unwrap().unwrap().epoch
    }

    async fn schedule(&mut self, after: u64, rate: u128) {
        let from = self.tip().time.checked_add(after).unwrap();
        let value = Rate::from_e18(rate).unwrap();
        let initial = self.programme.rates.at(Timestamp::ZERO);
        let rates = RateSchedule::new(initial, vec![Step { from, value }]).unwrap();
        let programme = Programme { rates, ..self.programme.clone() };
        if both!(self, put_programme(&programme)).is_ok() {
            self.programme = programme;
        }
    }
}
