//! Which answers are kept, and under which state.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::VecDeque;
use std::slice;

use pledge_cache_redis::{CacheCounts, Cached, Health, Redis};
use pledge_core::ledger::{Checkpoint, TokenState};
use pledge_core::ports::{LedgerReads, Seen};
use pledge_core::primitives::B256;
use pledge_core::types::{Account, BalanceSeconds, BlockNumber, BlockRef, Epoch};
use pledge_testing::OwnServer;
use pledge_testing::mocks::MockBalanceStore;
use pledge_testing::world::{account, at, spec, token, tokens};
use redis::AsyncCommands;
use support::{connect, healthy, outsider, restart, server};

const PAGE: usize = 100;

/// A block of one of several branches.
fn block(number: u64, branch: u8) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::repeat_byte(branch),
        parent_hash: B256::ZERO,
        time: at(number),
    }
}

fn state(cursor: BlockRef, epoch: Epoch) -> TokenState {
    TokenState { cursor: Some(cursor), epoch, ..TokenState::registered(spec(token())) }
}

fn holders(count: u64, cursor: BlockRef, epoch: Epoch) -> Seen<Vec<(Account, Checkpoint)>> {
    let checkpoint = Checkpoint {
        balance: tokens(count),
        balance_seconds: BalanceSeconds::ZERO,
        time: at(0),
        block: BlockNumber::new(1),
    };
    let value = (1..=count).map(|number| (account(number), checkpoint)).collect();
    Seen { cursor: Some(cursor), epoch, value }
}

/// Something that is asked of a store for the first page of holders; each call takes the next of the
/// states that the token is in, and of the answers.
async fn asked(
    redis: &Redis,
    states: &[TokenState],
    answers: &[Seen<Vec<(Account, Checkpoint)>>],
) -> (Vec<Seen<Vec<(Account, Checkpoint)>>>, CacheCounts) {
    let mut store = MockBalanceStore::new();
    let mut in_turn = VecDeque::from(states.to_vec());
    store.expect_token().times(states.len()).returning(move |_| {
        let state = in_turn.pop_front();
        Ok(state)
    });
    let mut in_turn = VecDeque::from(answers.to_vec());
    store.expect_holders().times(answers.len()).returning(move |_, _, _| {
        let answer = in_turn.pop_front().unwrap();
        Ok(answer)
    });
    let cached = Cached::new(store, redis.clone());
    let mut seen = Vec::new();
    for _ in states {
        seen.push(cached.holders(token(), None, PAGE).await.unwrap());
    }
    (seen, cached.counts())
}

#[tokio::test]
async fn an_answer_is_given_again_while_the_token_does_not_move() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let states = [state(cursor, epoch), state(cursor, epoch)];
    let answer = holders(3, cursor, epoch);
    let (seen, counts) = asked(&healthy().await, &states, slice::from_ref(&answer)).await;
    assert_eq!(seen, [answer.clone(), answer]);
    assert_eq!(counts, CacheCounts { hits: 1, misses: 1 });
}

#[tokio::test]
async fn an_answer_of_another_block_epoch_or_start_is_none() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let mut started_later = state(cursor, epoch);
    started_later.spec.start_block = BlockNumber::new(2);
    let states = [
        state(cursor, epoch),
        state(block(5, 2), epoch),
        state(block(6, 3), epoch),
        state(cursor, epoch.next()),
        started_later,
    ];
    let answers: Vec<_> = (1..=5)
        .zip(&states)
        .map(|(count, state)| holders(count, state.cursor.unwrap(), state.epoch))
        .collect();
    let (seen, counts) = asked(&healthy().await, &states, &answers).await;
    assert_eq!(seen, answers);
    assert_eq!(counts, CacheCounts { hits: 0, misses: 5 });
}

#[tokio::test]
async fn an_answer_is_kept_under_the_state_that_it_saw() {
    let (before, after, epoch) = (block(5, 1), block(6, 2), Epoch::FIRST);
    // The token moves on during the first call. The other calls find it back, and then moved on again.
    let states = [before, before, after].map(|cursor| state(cursor, epoch));
    let answers = [holders(2, after, epoch), holders(1, before, epoch)];
    let (seen, counts) = asked(&healthy().await, &states, &answers).await;
    assert_eq!(seen, [answers[0].clone(), answers[1].clone(), answers[0].clone()]);
    assert_eq!(counts, CacheCounts { hits: 1, misses: 2 });
}

#[tokio::test]
async fn an_answer_of_more_than_a_mebibyte_is_not_kept() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let states = [state(cursor, epoch), state(cursor, epoch)];
    let large = holders(10_000, cursor, epoch);
    assert!(serde_json::to_string(&large).unwrap().len() > 1024 * 1024);
    let (_, counts) = asked(&healthy().await, &states, &[large.clone(), large]).await;
    assert_eq!(counts, CacheCounts { hits: 0, misses: 2 });
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_no_answer() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let (redis, answer) = (healthy().await, holders(3, cursor, epoch));
    let states = [state(cursor, epoch)];
    asked(&redis, &states, slice::from_ref(&answer)).await;
    let mut outsider = outsider(&server()).await;
    let pattern = format!("{}:*:answer:*", redis.prefix());
    let keys: Vec<String> = outsider.keys(&pattern).await.unwrap();
    assert_eq!(keys.len(), 1);
    let () = outsider.set_ex(&keys[0], "[]", 60).await.unwrap();
    let (seen, counts) = asked(&redis, &states, slice::from_ref(&answer)).await;
    assert_eq!((seen, counts), (vec![answer], CacheCounts { hits: 0, misses: 1 }));
}

#[tokio::test]
async fn a_question_about_few_rows_is_asked_of_the_store_alone() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let mut store = MockBalanceStore::new();
    store.expect_holders().times(2).returning(move |_, _, _| {
        let answer = holders(1, cursor, epoch);
        Ok(answer)
    });
    let cached = Cached::new(store, healthy().await);
    for _ in 0..2 {
        cached.holders(token(), None, 1).await.unwrap();
    }
    assert_eq!(cached.counts(), CacheCounts::default());
}

#[tokio::test]
async fn without_a_server_nothing_but_the_question_itself_is_asked_of_the_store() {
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let mut store = MockBalanceStore::new();
    store.expect_holders().times(1).returning(move |_, _, _| {
        let answer = holders(1, cursor, epoch);
        Ok(answer)
    });
    let cached = Cached::new(store, support::absent().await);
    cached.holders(token(), None, PAGE).await.unwrap();
    assert_eq!(cached.counts(), CacheCounts::default());
}

#[tokio::test]
async fn a_server_that_fails_over_empty_is_used_again() {
    let mut server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    let (cursor, epoch) = (block(5, 1), Epoch::FIRST);
    let answer = holders(3, cursor, epoch);
    let (states, answers) = ([state(cursor, epoch), state(cursor, epoch)], [answer.clone()]);
    for _ in 0..2 {
        let (seen, counts) = asked(&redis, &states, &answers).await;
        assert_eq!(seen, [answer.clone(), answer.clone()]);
        assert_eq!(counts, CacheCounts { hits: 1, misses: 1 });
        server.kill();
        let (seen, _) = asked(&redis, &states[..1], &answers).await;
        assert_eq!(seen, answers);
        assert_ne!(redis.health(), Health::Up);
        restart(&mut server, &redis).await;
    }
}
