//! An operator's rewind to a block that the ledger was not on, where nothing is kept near it.

use pledge_core::error::StoreErrorKind;
use pledge_core::types::Timestamp;

use super::*;

/// The block that the operator takes for one below the fork.
const NAMED: u64 = 100;
const BELOW: u64 = 50;
const ABOVE: u64 = 110;
/// Blocks around the named one of a single second.
const ONE_SECOND: [u64; 2] = [NAMED - 3, NAMED + 3];

/// What a block has besides its header.
#[derive(Debug, Clone, Copy)]
enum Found {
    Transfer(Address, u64),
    ToNobody,
    BetweenStrangers,
    Unreadable,
}

fn time_of(height: u64) -> Timestamp {
    let [first, last] = ONE_SECOND;
    at(60 * if (first..=last).contains(&height) { first } else { height })
}

/// Mines blocks up to a height that have nothing but what is named.
fn mine_quietly(chain: &ScriptedChain, height: u64, named: &[(u64, Found)]) {
    for next in chain.head().number.get() + 1..=height {
        let of = |token, from, to, whole| {
            let amount = tokens(whole);
            ScriptedTransfer { token, from, to, amount }
        };
        let (nobody, known) = (Address::ZERO, account(1).address());
        let [one, two] = [21, 22].map(|number| account(number).address());
        let (mut moves, mut garbled) = (Vec::new(), Vec::new());
        for (_, found) in named.iter().filter(|(height, _)| *height == next) {
            match found {
                Found::Transfer(address, whole) => moves.push(of(*address, nobody, known, *whole)),
                Found::ToNobody => moves.push(of(token().address, nobody, nobody, 7)),
                Found::BetweenStrangers => moves.push(of(token().address, one, two, 0)),
                Found::Unreadable => garbled.push(token().address),
            }
        }
        chain.mine_unreadable(time_of(next), &moves, &garbled);
    }
}

/// A token and a contract that were quiet from block 10 to 120 but for `ours`, and a fork above a block,
/// deeper than the retained headers, to a branch that was quiet but for `theirs`.
async fn forked(
    fork: u64,
    ours: &[(u64, Found)],
    theirs: &[(u64, Found)],
) -> (World, ContractSpec) {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 10);
    let late = [token().address, POOL].map(|address| (120, Found::Transfer(address, 3)));
    let ours: Vec<_> = ours.iter().chain(&late).copied().collect();
    mine_quietly(&world.chain, 300, &ours);
    world.index().await;
    world.chain.fork_at(fork);
    // Another time of one block makes it another branch.
    world.chain.mine(at(60 * (fork + 1) - 1), &[]);
    mine_quietly(&world.chain, 400, theirs);
    assert!(index_until_rest(&mut world.indexer).await.is_err(), "the chain is halted");
    (world, pool)
}

async fn assert_refused(world: &mut World, named: u64, below: u64) {
    let before = world.digest().await;
    let error = world.indexer.rewind_to(n(named), &operator()).await.unwrap_err();
    let IndexerError::Store(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.detail().contains(&format!("name one below {below}")), "{error:?}");
    assert_eq!(world.digest().await, before);
}

async fn assert_taken_back(world: &mut World, to: u64, pool: &ContractSpec) {
    world.indexer.rewind_to(n(to), &operator()).await.unwrap();
    resume_chain(&*world.fixture.balances, CHAIN).await.unwrap();
    world.index().await;
    assert_as_the_chain(world, &[pool]).await;
}

#[tokio::test]
async fn a_rewind_over_a_transfer_that_the_node_alone_has_is_refused() {
    let theirs = [(60, Found::Transfer(token().address, 5))];
    let (mut world, pool) = forked(BELOW, &[], &theirs).await;
    assert_refused(&mut world, NAMED, 60).await;
    assert_taken_back(&mut world, 59, &pool).await;
}

#[tokio::test]
async fn a_rewind_over_a_log_of_a_contract_that_the_node_alone_has_is_refused() {
    let (mut world, pool) = forked(BELOW, &[], &[(60, Found::Transfer(POOL, 5))]).await;
    assert_refused(&mut world, NAMED, 60).await;
    assert_taken_back(&mut world, 59, &pool).await;
}

#[tokio::test]
async fn a_rewind_over_a_transfer_of_nothing_to_an_account_of_the_ledger_is_refused() {
    let theirs = [(60, Found::Transfer(token().address, 0))];
    let (mut world, _) = forked(BELOW, &[], &theirs).await;
    assert_refused(&mut world, NAMED, 60).await;
}

#[tokio::test]
async fn a_rewind_over_an_unreadable_log_that_the_node_alone_has_is_refused() {
    let (mut world, _) = forked(BELOW, &[], &[(60, Found::Unreadable)]).await;
    assert_refused(&mut world, NAMED, 60).await;
}

#[tokio::test]
async fn a_rewind_over_an_unreadable_log_that_the_ledger_alone_has_is_refused() {
    let (mut world, _) =
        forked(BELOW, &[(70, Found::Unreadable)], &[(80, Found::Unreadable)]).await;
    assert_refused(&mut world, NAMED, 70).await;
}

/// By time alone the change is not distinguished from the one above the named block.
#[tokio::test]
async fn a_rewind_over_a_change_in_the_blocks_own_second_is_refused() {
    let change = Found::Transfer(token().address, 5);
    let (mut world, _) = forked(BELOW, &[(NAMED - 1, change), (NAMED + 2, change)], &[]).await;
    assert_refused(&mut world, NAMED, NAMED - 1).await;
}

#[tokio::test]
async fn a_rewind_over_what_both_branches_have_in_the_blocks_own_second_is_done() {
    let change = Found::Transfer(token().address, 5);
    let same = (NAMED - 1, change);
    let (mut world, pool) = forked(ABOVE, &[same, (NAMED + 2, change)], &[]).await;
    assert_taken_back(&mut world, NAMED, &pool).await;
}

#[tokio::test]
async fn a_rewind_over_transfers_that_leave_no_trace_is_done() {
    let theirs = [(60, Found::ToNobody), (70, Found::BetweenStrangers)];
    let (mut world, pool) = forked(BELOW, &[], &theirs).await;
    assert_taken_back(&mut world, NAMED, &pool).await;
}

#[tokio::test]
async fn a_rewind_over_an_unreadable_log_that_both_have_is_done() {
    let (mut world, pool) = forked(ABOVE, &[(60, Found::Unreadable)], &[]).await;
    assert_taken_back(&mut world, NAMED, &pool).await;
}

/// Held headers name the ledger's own block at the height.
#[tokio::test]
async fn a_rewind_to_a_block_that_held_headers_contradict_is_refused() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    world.chain.fork_at(270);
    mine_to(&world, 274);
    world.chain.mine(at(275 * 60), &[]);
    mine_to(&world, 310);
    assert_refused(&mut world, 280, 280).await;
}

/// Where held headers lead to the block, what is kept below it is not read again, however long ago it was.
#[tokio::test]
async fn a_rewind_that_held_headers_prove_asks_for_one_block() {
    let mut world = world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 10);
    mine_quietly(&world.chain, 300, &[]);
    world.index().await;
    let before = world.chain.calls();
    world.indexer.rewind_to(n(250), &operator()).await.unwrap();
    assert_eq!(world.chain.calls() - before, 1);
}
