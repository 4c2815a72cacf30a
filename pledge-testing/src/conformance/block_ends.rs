//! The engine over a store: balances and supply are judged at the end of a block.

use pledge_core::ledger::{Change, TokenState};
use pledge_core::types::{Amount, BlockRef};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::Digest;
use crate::oracle::oracle;
use crate::world::{World, account, token};

laws! {
    __block_ends of block_ends(Fixture):
    an_account_may_pass_on_what_it_gets_later_in_the_block
    a_burn_may_come_before_its_mint
    a_transfer_to_oneself_needs_no_cover
    every_row_of_a_netted_account_carries_the_balance_at_the_blocks_end
    a_sum_may_pass_the_largest_amount_inside_a_block
    a_balance_below_zero_at_a_blocks_end_halts_with_its_figures
    a_supply_beyond_the_largest_amount_at_a_blocks_end_halts
    a_rewind_of_netted_rows_is_exact
    a_zero_amount_writes_rows_of_accounts_that_exist_and_makes_none
    pending_balances_are_judged_at_the_end_of_a_block
}

type Move = (Option<u64>, Option<u64>, u64);

const HOUR: u64 = 3_600;

async fn state(world: &World) -> TokenState {
    world.fixture.balances.token(token()).await.expect("read").expect("registered")
}

fn mine(world: &World, seconds: u64, moves: &[Move]) -> BlockRef {
    let wide = |(from, to, amount): &Move| (*from, *to, Amount::from(*amount));
    world.mine(seconds, &moves.iter().map(wide).collect::<Vec<_>>())
}

/// A world with a mint of 100 to account 1, then one block; its state equals the oracle's.
async fn after_one_block(fixture: Fixture, moves: &[Move]) -> (World, Vec<Change>) {
    let mut world = World::new(fixture).await;
    mine(&world, 0, &[(None, Some(1), 100)]);
    let block = mine(&world, 600, moves);
    world.confirm(2 * HOUR);
    world.run().await;
    assert!(state(&world).await.is_active(), "{:?}", state(&world).await.status);
    let digest = world.digest().await;
    assert_eq!(digest, world.oracle());
    let rows = digest.changes.into_iter().filter(|row| row.block == block.number).collect();
    (world, rows)
}

/// Balance after it, and whether it is netted, of each row of an account.
fn of(number: u64, rows: &[Change]) -> Vec<(u64, bool)> {
    let own = rows.iter().filter(|row| row.account == account(number));
    own.map(|row| (row.balance_after.get().to::<u64>(), row.netted)).collect()
}

/// A router passes on what it gets in a later log of the same transaction.
async fn an_account_may_pass_on_what_it_gets_later_in_the_block(fixture: Fixture) {
    let moves = [(Some(2), Some(3), 100), (Some(1), Some(2), 100)];
    let (_, rows) = after_one_block(fixture, &moves).await;
    assert_eq!(of(2, &rows), [(0, true), (0, true)]);
    assert_eq!((of(1, &rows), of(3, &rows)), (vec![(0, false)], vec![(100, false)]));
}

/// A burn whose mint comes later, of more than there is.
async fn a_burn_may_come_before_its_mint(fixture: Fixture) {
    let moves = [(Some(2), None, 150), (None, Some(2), 150), (None, Some(1), 1)];
    let (world, rows) = after_one_block(fixture, &moves).await;
    assert_eq!(of(2, &rows), [(0, true), (0, true)]);
    let totals = state(&world).await.totals;
    assert_eq!((totals.supply, totals.holders), (Amount::from(101), 1));
    assert_eq!(
        (totals.minted.to_string(), totals.burned.to_string()),
        ("251".into(), "150".into())
    );
}

/// With any amount, also by an account that holds nothing or was never seen.
async fn a_transfer_to_oneself_needs_no_cover(fixture: Fixture) {
    let moves = [
        (Some(1), Some(1), 250),
        (Some(4), Some(4), 7),
        (Some(1), Some(2), 30),
        (Some(2), Some(2), 30),
    ];
    let (_, rows) = after_one_block(fixture, &moves).await;
    assert_eq!(of(1, &rows), [(70, true), (70, true), (70, true)]);
    assert_eq!(of(4, &rows), [(0, true), (0, true)]);
    assert_eq!(of(2, &rows), [(30, false), (0, false), (30, false)], "this one is covered");
}

/// All rows of the account in that block, also those before it; none of another block.
async fn every_row_of_a_netted_account_carries_the_balance_at_the_blocks_end(fixture: Fixture) {
    let moves = [(Some(1), Some(2), 60), (Some(1), Some(3), 60), (Some(3), Some(1), 25)];
    let (world, rows) = after_one_block(fixture, &moves).await;
    assert_eq!(of(1, &rows), [(5, true), (5, true), (5, true)]);
    assert_eq!(of(3, &rows), [(60, false), (35, false)]);
    let all = world.digest().await.changes;
    assert!(all.iter().filter(|row| row.netted).all(|row| row.block == rows[0].block));
}

/// A sum may pass 2^256-1 inside a block.
async fn a_sum_may_pass_the_largest_amount_inside_a_block(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let all = Amount::MAX;
    world.mine(0, &[(None, Some(1), all)]);
    world.mine(10, &[(None, Some(1), all), (Some(1), None, all)]);
    world.mine(20, &[(None, Some(2), all), (Some(2), Some(3), all), (Some(1), None, all)]);
    world.confirm(2 * HOUR);
    world.run().await;
    let digest = world.digest().await;
    assert_eq!(digest, world.oracle());
    let second = &digest.changes[1..3];
    assert!(second.iter().all(|row| row.netted && row.balance_after == all), "{second:?}");
    assert_eq!(state(&world).await.totals.supply, all);
}

/// For any account and any order, the reason names account, balance before, net sent and block.
async fn a_balance_below_zero_at_a_blocks_end_halts_with_its_figures(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine(&world, 0, &[(None, Some(1), 100)]);
    let moves = [(Some(1), Some(2), 40), (Some(1), Some(3), 90), (Some(2), Some(1), 10)];
    let bad = mine(&world, 600, &moves);
    world.confirm(HOUR);
    world.index().await;
    let state = state(&world).await;
    let reason = state.status.reason().expect("the token is halted");
    let who = account(1).to_string();
    let block = format!("block {}", bad.number);
    for part in [&*who, "below zero", "100 held", "120 more sent", &*block, "start_block"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(state.cursor, world.chain.block(1), "at the block before");
}

/// The supply, too, counts at the end.
async fn a_supply_beyond_the_largest_amount_at_a_blocks_end_halts(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), Amount::MAX)]);
    world.mine(10, &[(None, Some(2), Amount::from(2)), (Some(1), None, Amount::from(1))]);
    world.confirm(HOUR);
    world.index().await;
    let state = state(&world).await;
    let reason = state.status.reason().expect("the token is halted");
    assert!(reason.contains("2^256-1") && reason.contains("block 2"), "{reason}");
    assert_eq!(state.cursor, world.chain.block(1));
}

/// Through every height of a ledger with dips, mints behind burns and transfers to oneself.
async fn a_rewind_of_netted_rows_is_exact(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 100), (2, 2, 5)]);
    ledger.mine(600, &[(2, 3, 100), (1, 2, 100), (0, 0, 9)]);
    ledger.mine(600, &[(3, 0, 300), (0, 3, 250), (3, 3, 900)]);
    ledger.mine(4_000, &[(4, 0, 700), (0, 4, 700), (3, 1, 60), (1, 3, 20)]);
    let mut digests: Vec<Digest> = Vec::new();
    for height in 1..=4 {
        ledger.commit_to(height).await.expect("commit");
        digests.push(ledger.digest().await);
    }
    let cursor = ledger.chain.block(4).expect("mined");
    let (start, transfers) = (ledger.chain.block(1).expect("mined"), ledger.chain.transfers());
    assert_eq!(digests[3], oracle(token(), &start, &cursor, &transfers, &[]));
    assert!(digests[3].changes.iter().filter(|row| row.netted).count() > 6);
    for height in [3, 2, 1] {
        ledger.rewind_to(ledger.chain.block(height).expect("mined")).await.expect("rewind");
        let expected = &digests[usize::try_from(height).expect("small") - 1];
        assert_eq!(&ledger.digest().await, expected, "at block {height}");
    }
}

/// It makes no account; one that exists at the block's end has a row, wherever in the block it was
/// made.
async fn a_zero_amount_writes_rows_of_accounts_that_exist_and_makes_none(fixture: Fixture) {
    let moves = [
        (Some(1), Some(9), 0),
        (Some(2), Some(9), 0),
        (None, Some(8), 0),
        (Some(7), None, 0),
        (Some(6), Some(6), 0),
        (Some(1), Some(2), 40),
        (Some(2), Some(1), 0),
    ];
    let (world, rows) = after_one_block(fixture, &moves).await;
    assert_eq!(of(1, &rows), [(100, false), (60, false), (60, false)]);
    assert_eq!(of(2, &rows), [(0, false), (40, false), (40, false)]);
    assert_eq!(rows.len(), 6, "{rows:?}");
    for number in [6, 7, 8, 9] {
        let seen = world.queries.was_seen(token(), account(number)).await.expect("read");
        assert!(!seen, "account {number}");
    }
}

/// Nor does it show an account while it is pending; and a pending dip is no overdraft.
async fn pending_balances_are_judged_at_the_end_of_a_block(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine(&world, 0, &[(None, Some(1), 100)]);
    world.confirm(10);
    mine(&world, 20, &[(Some(2), Some(3), 60), (Some(1), Some(2), 80), (Some(1), Some(9), 0)]);
    mine(&world, 30, &[(Some(1), Some(1), 500), (Some(3), Some(1), 10)]);
    world.index().await;
    for (number, balance) in [(1, 30), (2, 20), (3, 50)] {
        let view = world.queries.account(token(), account(number), None, None).await;
        let pending = view.expect("seen").pending_balance;
        assert_eq!(pending, Some(Amount::from(balance)), "account {number}");
    }
    assert!(!world.queries.was_seen(token(), account(9)).await.expect("read"));
}
