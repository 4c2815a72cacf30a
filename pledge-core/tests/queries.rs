//! Answers made of several reads while the ledger moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::B256;
use pledge_core::ledger::{Checkpoint, TokenState, Transfer};
use pledge_core::ports::{PendingBlock, PendingSnapshot, Seen};
use pledge_core::query::Queries;
use pledge_core::types::{BalanceSeconds, BlockNumber, BlockRef, Epoch, LogIndex};
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
