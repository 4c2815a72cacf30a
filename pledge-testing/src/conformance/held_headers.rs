//! Laws of the headers that a chain holds: writes to tokens and to contracts agree on each block.

use alloy_primitives::{Address, B256};
use pledge_core::error::StoreErrorKind;
use pledge_core::ports::NewBlocks;
use pledge_core::types::{BlockId, BlockNumber, BlockRef, TokenId};

use super::contracts::{Contracts, vault};
use super::ledger::Ledger;
use crate::Fixture;
use crate::world::{CHAIN, at, spec, token};

laws! {
    __held_headers of held_headers(Fixture):
    a_commit_that_contradicts_a_held_header_is_refused
    a_commit_with_another_time_of_a_held_block_is_refused
    a_commit_with_another_parent_of_a_held_block_is_refused
    logs_with_another_time_of_a_held_block_are_refused
    logs_with_another_parent_of_a_held_block_are_refused
    a_commit_whose_confirming_block_is_not_held_is_refused
    logs_whose_confirming_block_is_not_held_are_refused
    held_headers_are_forgotten_below_the_retained_height
}

fn other_token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

/// Two tokens of one chain never stand on different branches.
async fn a_commit_that_contradicts_a_held_header_is_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.store().register_token(&spec(other_token())).await.expect("register");
    ledger.chain.fork_at(2);
    ledger.mine(700, &[]);
    let message = ledger.message(&[other_token()], 3).await;
    let error = ledger.store().commit(&message).await.expect_err("block 3 is another one");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    let state = ledger.store().token(other_token()).await.expect("read").expect("registered");
    assert_eq!(state.cursor, None);
}

/// The held hash with another time.
fn redate(blocks: &mut NewBlocks) {
    blocks.headers[1].time = at(599);
}

/// The held hash with another parent.
fn move_parent(blocks: &mut NewBlocks) {
    blocks.headers[1].parent_hash = B256::repeat_byte(9);
}

/// A second token at blocks 1 to 3, which the ledger holds.
async fn refuses_ledger(fixture: Fixture, alter: fn(&mut NewBlocks)) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.store().register_token(&spec(other_token())).await.expect("register");
    let held = async || -> Vec<BlockRef> {
        ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read")
    };
    let before = held().await;
    let message = ledger.message(&[other_token()], 3).await;
    let mut altered = message.clone();
    alter(&mut altered.blocks);
    let error = ledger.store().commit(&altered).await.expect_err("block 2 is held otherwise");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(held().await, before);
    ledger.store().commit(&message).await.expect("the blocks as they are held");
}

/// The tokens of a chain date each block alike, so that a time divides the changes of all as a height
/// does.
async fn a_commit_with_another_time_of_a_held_block_is_refused(fixture: Fixture) {
    refuses_ledger(fixture, redate).await;
}

/// A rewind goes to the parent of a held header.
async fn a_commit_with_another_parent_of_a_held_block_is_refused(fixture: Fixture) {
    refuses_ledger(fixture, move_parent).await;
}

/// A contract at blocks 1 to 3, which the ledger holds.
async fn refuses_logs(fixture: Fixture, alter: fn(&mut NewBlocks)) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let before = contracts.everything().await;
    let message = contracts.message(&[("vault", contracts.some_of(3))], 3).await;
    let mut altered = message.clone();
    alter(&mut altered.blocks);
    let error =
        contracts.store().commit_logs(&altered).await.expect_err("block 2 is held otherwise");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(contracts.everything().await, before);
    contracts.store().commit_logs(&message).await.expect("the blocks as they are held");
}

/// Contracts and tokens date each block alike.
async fn logs_with_another_time_of_a_held_block_are_refused(fixture: Fixture) {
    refuses_logs(fixture, redate).await;
}

/// Contracts and tokens are rewound together.
async fn logs_with_another_parent_of_a_held_block_are_refused(fixture: Fixture) {
    refuses_logs(fixture, move_parent).await;
}

/// A block further up than the ledger, which nothing holds.
fn confirm_by_what_is_not_held(blocks: &mut NewBlocks) {
    blocks.confirmed_by = Some(BlockId { number: BlockNumber::new(9), hash: B256::ZERO });
}

/// What is behind is confirmed by what is ahead of it, until a rewind takes that back.
async fn a_commit_whose_confirming_block_is_not_held_is_refused(fixture: Fixture) {
    refuses_ledger(fixture, confirm_by_what_is_not_held).await;
}

/// Contracts are confirmed as tokens are.
async fn logs_whose_confirming_block_is_not_held_are_refused(fixture: Fixture) {
    refuses_logs(fixture, confirm_by_what_is_not_held).await;
}

/// Headers come newest first, and go when they are too old.
async fn held_headers_are_forgotten_below_the_retained_height(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let numbers = |headers: Vec<pledge_core::types::BlockRef>| -> Vec<u64> {
        headers.iter().map(|header| header.number.get()).collect()
    };
    let (all, some) = (BlockNumber::new(u64::MAX >> 1), BlockNumber::new(4));
    let held = ledger.store().headers(CHAIN, all, 100).await.expect("read");
    assert_eq!(numbers(held), [5, 4, 3, 2, 1]);
    let held = ledger.store().headers(CHAIN, some, 2).await.expect("read");
    assert_eq!(held, [ledger.chain.block(4), ledger.chain.block(3)].map(|b| b.expect("mined")));
    ledger.mine(9_000, &[]);
    let mut message = ledger.message(&[token()], 6).await;
    message.blocks.retain_from = BlockNumber::new(4);
    ledger.store().commit(&message).await.expect("commit");
    let held = ledger.store().headers(CHAIN, all, 100).await.expect("read");
    assert_eq!(numbers(held), [6, 5, 4]);
}
