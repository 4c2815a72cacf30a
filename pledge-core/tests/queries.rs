//! Answers made of several reads while the ledger moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use alloy_primitives::B256;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{Checkpoint, TokenState, Transfer};
use pledge_core::points::{AccountRule, Programme};
use pledge_core::ports::{
    ChainState, PendingBlock, PendingSnapshot, ProgrammeState, Seen, Settlement, ShardProgress,
    Standing, WindowTotal,
};
use pledge_core::query::{PageQuery, Queries, SettlementFilter, SettlementView};
use pledge_core::types::{
    BalanceSeconds, BlockNumber, BlockRef, Epoch, LogIndex, Overflow, ProgrammeId, Rate,
};
use pledge_testing::mocks::{MockBalanceStore, MockLogStore, MockPendingCache, MockPointsStore};
use pledge_testing::world::{account, at, spec, token, tokens};

fn block(number: u64) -> BlockRef {
    let hash = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    BlockRef {
        number: BlockNumber::new(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: at(0),
    }
}

/// Block 6 has the time of block 5 and takes 40 of 100. It is pending when the answer begins, and
/// confirmed before the second read.
fn confirmed_meanwhile() -> Queries {
    let mut balances = MockBalanceStore::new();
    let reads = AtomicU64::new(0);
    balances.expect_token().returning(move |_| {
        let cursor = block(5 + reads.fetch_add(1, Ordering::Relaxed).min(1));
        let state = TokenState {
            cursor: Some(cursor),
            start_time: Some(at(0)),
            ..TokenState::registered(spec(token()))
        };
        Ok(Some(state))
    });
    fn seen<T>(value: T) -> Seen<T> {
        Seen { cursor: Some(block(6)), epoch: Epoch::FIRST, value }
    }
    balances.expect_history().returning(|_, _, times| {
        let checkpoint = Checkpoint {
            balance: tokens(60),
            balance_seconds: BalanceSeconds::ZERO,
            time: at(0),
            block: BlockNumber::new(6),
        };
        let states = vec![Some(checkpoint); times.len()];
        Ok(seen(states))
    });
    balances.expect_last_change_block().returning(|_, _| Ok(seen(Some(BlockNumber::new(6)))));
    let mut pending = MockPendingCache::new();
    pending.expect_load().returning(|_| {
        let transfer = Transfer {
            token: token().address,
            block: BlockNumber::new(6),
            log_index: LogIndex::new(0),
            tx_hash: B256::ZERO,
            from: account(1).address(),
            to: account(2).address(),
            amount: tokens(40),
        };
        let block_6 = PendingBlock { header: block(6), transfers: vec![transfer] };
        let snapshot = PendingSnapshot {
            base: block(5).id(),
            tokens: vec![token().address],
            blocks: vec![block_6],
        };
        Ok(Some(snapshot))
    });
    let points = Arc::new(MockPointsStore::new());
    Queries::new(Arc::new(balances), points, Arc::new(MockLogStore::new()), Arc::new(pending))
}

#[tokio::test]
async fn a_block_of_the_same_second_is_not_counted_twice() {
    let queries = confirmed_meanwhile();
    let view = queries.account(token(), account(1), None, None).await;
    let view = view.unwrap();
    assert_eq!((view.balance, view.pending_balance), (tokens(60), None), "not known yet");
}

/// A token with a block at 15:00 and one an hour later, where the account has held 60 from the first
/// on.
fn an_hour_of_sixty() -> MockBalanceStore {
    let (first, last) = (block(5), BlockRef { time: at(3_600), ..block(6) });
    let mut balances = MockBalanceStore::new();
    balances.expect_token().returning(move |_| {
        let state = TokenState {
            cursor: Some(last),
            start_time: Some(first.time),
            ..TokenState::registered(spec(token()))
        };
        Ok(Some(state))
    });
    balances.expect_history().returning(move |_, _, times| {
        let since = held_since(first);
        let value = times.iter().map(|time| (*time >= first.time).then_some(since)).collect();
        Ok(Seen { cursor: Some(last), epoch: Epoch::FIRST, value })
    });
    balances.expect_last_change_block().returning(move |_, _| {
        Ok(Seen { cursor: Some(last), epoch: Epoch::FIRST, value: Some(first.number) })
    });
    balances
}

fn held_since(first: BlockRef) -> Checkpoint {
    Checkpoint {
        balance: tokens(60),
        balance_seconds: BalanceSeconds::ZERO,
        time: first.time,
        block: first.number,
    }
}

/// The rate is 1 when the answer begins. Before the total is read it becomes 2 for the whole hour,
/// and the hour is settled.
#[tokio::test]
async fn a_rate_that_is_changed_and_settled_meanwhile_is_the_one_of_the_answer() {
    let rule = |rate: &str| Programme::main(token(), rate.parse::<Rate>().expect("a rate"));
    let is_changed = Arc::new(AtomicBool::new(false));
    let earned = rule("2")
        .accrual(&AccountRule::default())
        .accrue(at(0), at(3_600), |_| Ok::<_, Overflow>(Some(held_since(block(5)))));
    let earned = earned.unwrap();

    let mut points = MockPointsStore::new();
    let changed = is_changed.clone();
    points.expect_totals().returning(move |_, _| {
        changed.store(true, Ordering::Relaxed);
        let standing = Standing { account: account(1), raw: earned, settled: at(3_600) };
        Ok(Seen { cursor: None, epoch: Epoch::FIRST, value: vec![Some(standing)] })
    });
    points.expect_programmes().returning(move |_| {
        let programme = rule(if is_changed.load(Ordering::Relaxed) { "2" } else { "1" });
        let shards = programme.shards.shards().map(ShardProgress::fresh).collect();
        Ok(vec![ProgrammeState::undecided(programme, Epoch::FIRST, shards)])
    });
    let mut pending = MockPendingCache::new();
    pending.expect_load().returning(|_| Ok(None));
    let (balances, logs) = (Arc::new(an_hour_of_sixty()), Arc::new(MockLogStore::new()));
    let queries = Queries::new(balances, Arc::new(points), logs, Arc::new(pending));

    let main = ProgrammeId::main(token());
    let view = queries.account(token(), account(1), Some(&main), None).await.unwrap();
    let points = view.points.unwrap();
    assert_eq!((points.raw, points.settled_raw), (earned, earned));
}

/// A window is listed, then the ledger is rewound to before it.
#[tokio::test]
async fn a_list_of_settlements_that_meets_a_rewind_shows_what_is_settled_after_it() {
    let programme = Programme::main(token(), Rate::ZERO);
    let epoch = Arc::new(AtomicU64::new(0));
    let epoch_now = |epoch: &AtomicU64| match epoch.load(Ordering::Relaxed) {
        0 => Epoch::FIRST,
        _ => Epoch::FIRST.next(),
    };
    let state = move |epoch| TokenState { epoch, ..TokenState::registered(spec(token())) };
    let mut balances = MockBalanceStore::new();
    balances.expect_chains().returning(|| {
        let (chain, name, status) = (token().chain, "example".to_owned(), ChainStatus::Live);
        Ok(vec![ChainState { chain, name, status, head: None, head_time: None, processed: None }])
    });
    let now = epoch.clone();
    balances.expect_tokens().returning(move |_| Ok(vec![state(epoch_now(&now))]));
    let now = epoch.clone();
    balances.expect_token().returning(move |_| Ok(Some(state(epoch_now(&now)))));
    balances.expect_edges().returning(|_, instants| Ok(vec![None; instants.len()]));

    let mut points = MockPointsStore::new();
    let (now, rule) = (epoch.clone(), programme.clone());
    points.expect_programmes().returning(move |_| {
        let (programme, epoch) = (rule.clone(), epoch_now(&now));
        let shards = programme.shards.shards().map(ShardProgress::fresh).collect();
        Ok(vec![ProgrammeState::undecided(programme, epoch, shards)])
    });
    points.expect_settlements().returning(move |_| {
        let row = Settlement::begin(&programme, &[], WindowTotal::empty(at(0)));
        Ok(if epoch.fetch_add(1, Ordering::Relaxed) == 0 { vec![row] } else { Vec::new() })
    });
    let (points, logs) = (Arc::new(points), Arc::new(MockLogStore::new()));
    let queries = Queries::new(Arc::new(balances), points, logs, Arc::new(MockPendingCache::new()));

    let all = PageQuery { after: None, limit: 10 };
    let listed = SettlementView::list(&queries, &SettlementFilter::default(), &all).await.unwrap();
    assert_eq!(listed.items, []);
}
