//! The worked cases: points equal to a fraction, not close to it.

use std::sync::Arc;

use alloy_primitives::{Address, U512};
use pledge_core::indexer::{Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec, TokenStatus};
use pledge_core::points::{Decision, Measure, Programme, Scope};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{
    Amount, BlockNumber, ChainId, Decimals, ProgrammeId, Rate, RateSchedule, RawPoints, Scale,
    Step, TokenId, WeightBp,
};

use crate::Fixture;
use crate::digest::statement_rows;
use crate::world::{NOW, OnePending, World, account, at, operator, token, tokens};

laws! {
    __cases of cases(Fixture):
    case_1_the_seed_earns_twenty_thirds
    case_2_cutting_the_seed_changes_nothing
    case_3_selling_at_the_window_edge_costs_nothing
    case_4_receiving_at_the_window_edge_counts
    case_5_a_flash_balance_earns_nothing
    case_6_a_rate_change_inside_a_window_splits_exactly
    case_7_a_weight_of_two_from_the_middle_on_earns_exactly
    case_8_three_days_of_outage_earn_the_same
    case_9_a_reorg_changes_the_points_exactly
    case_13_three_hours_sum_without_rounding
    case_14_one_base_unit_over_a_year_is_not_lost
    case_15_two_chains_with_different_decimals_add_up
    case_16_the_largest_balance_earns_exactly
    case_17_an_overdraft_halts_the_token_and_writes_nothing
}

const HOUR: u64 = 3_600;

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

/// What account 1 has earned in settled windows.
async fn settled_raw(world: &World) -> RawPoints {
    let id = ProgrammeId::main(token());
    let seen = world.fixture.points.totals(&id, &[account(1)]).await.expect("read");
    seen.value[0].map(|standing| standing.raw).unwrap_or_default()
}

/// Asserts that raw points are exactly the fraction `numerator / denominator` of points.
fn assert_points(raw: RawPoints, numerator: u64, denominator: u64) {
    let scale = Scale::of(Decimals::new(18).expect("in range")).get();
    let (left, right) = (raw.get() * U512::from(denominator), scale * U512::from(numerator));
    assert_eq!(left, right, "not {numerator}/{denominator}");
}

/// 0 at 15:00, 100 at 15:10, 200 at 15:30.
pub(super) fn mine_seed(world: &World, hour: u64) {
    world.mine(hour, &[]);
    world.mine(hour + 600, &[(None, Some(1), tokens(100))]);
    world.mine(hour + 1_800, &[(None, Some(1), tokens(100))]);
}

/// 20/3, to the last digit, settled and as of any instant of the window's end or later.
async fn case_1_the_seed_earns_twenty_thirds(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.run().await;
    let raw = settled_raw(&world).await;
    assert_points(raw, 20, 3);
    let scale = Scale::of(Decimals::new(18).expect("in range"));
    assert_eq!(scale.points(raw), "6.666666666666666666");
    let id = ProgrammeId::main(token());
    let view = world.queries.account(token(), account(1), Some(&id), Some(at(HOUR))).await;
    let view = view.expect("the confirmed time");
    assert_eq!(view.points.expect("a programme").raw, raw);
    assert_eq!(view.balance, tokens(200));
    let rows = statement_rows(&world.fixture.points, &id, account(1)).await.expect("read");
    assert_eq!((rows.len(), rows[0].raw), (1, raw));
}

/// A change that changes nothing cuts the interval, and no more.
async fn case_2_cutting_the_seed_changes_nothing(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[]);
    world.mine(600, &[(None, Some(1), tokens(100))]);
    world.mine(1_200, &[(Some(1), Some(1), tokens(100))]);
    world.mine(1_800, &[(None, Some(1), tokens(100))]);
    world.mine(2_700, &[(Some(1), Some(2), Amount::ZERO)]);
    world.confirm(HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 20, 3);
}

/// 2x from 15:30: 35/3, in one row that names the decision.
async fn case_7_a_weight_of_two_from_the_middle_on_earns_exactly(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let id = ProgrammeId::main(token());
    let rows = vec![(account(1), WeightBp::new(20_000).expect("below 2^24"))];
    let measure = Measure::Weights { rows, until: None };
    let scope = Scope::Programme(id.clone());
    let double = Decision { scope, from: Some(at(1_800)), measure };
    let decided = world.decide(double).await.expect("nothing is settled");
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.run().await;
    let raw = settled_raw(&world).await;
    assert_points(raw, 35, 3);
    let rows = statement_rows(&world.fixture.points, &id, account(1)).await.expect("read");
    assert_eq!((rows.len(), rows[0].raw, Some(rows[0].entry)), (1, raw, decided.number));
    let view = world.queries.account(token(), account(1), Some(&id), Some(at(HOUR))).await;
    let points = view.expect("the confirmed time").points.expect("a programme");
    assert_eq!((points.raw, points.weight.get()), (raw, 20_000));
}

/// A change at the edge belongs to the next window.
async fn case_3_selling_at_the_window_edge_costs_nothing(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.mine(HOUR, &[(Some(1), None, tokens(200))]);
    world.confirm(2 * HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 20, 3);
}

/// A change at the edge belongs to the window that it opens.
async fn case_4_receiving_at_the_window_edge_counts(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(200))]);
    world.confirm(HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 10, 1);
}

/// In and out in one block has no width.
async fn case_5_a_flash_balance_earns_nothing(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    let million = tokens(1_000_000);
    world.mine(2_000, &[(None, Some(1), million), (Some(1), None, million)]);
    world.confirm(HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 20, 3);
}

/// 0.1 from 15:45.
async fn case_6_a_rate_change_inside_a_window_splits_exactly(fixture: Fixture) {
    let step = Step { from: at(2_700), value: rate("0.1") };
    let rates = RateSchedule::new(rate("0.05"), vec![step]).expect("one step");
    let programme = Programme { rates, ..Programme::main(token(), rate("0.05")) };
    let mut world = World::with_programme(fixture, programme).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 55, 6);
    assert_eq!(world.digest().await, world.oracle());
}

/// 200 held for 72 hours, settled once at the end.
async fn case_8_three_days_of_outage_earn_the_same(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(200))]);
    world.confirm(72 * HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 720, 1);
    assert_eq!(world.digest().await.programmes["main"].windows.len(), 72);
    assert_eq!(world.digest().await, world.oracle());
}

/// The 15:30 block becomes +50 after its hour was settled.
async fn case_9_a_reorg_changes_the_points_exactly(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 20, 3);
    world.chain.fork_at(2);
    world.mine(1_800, &[(None, Some(1), tokens(50))]);
    world.confirm(HOUR);
    world.mine(HOUR, &[]);
    world.run().await;
    assert_points(settled_raw(&world).await, 65, 12);
    assert_eq!(world.reorgs().await.expect("read"), 1);
    assert_eq!(world.digest().await, world.oracle());
}

/// Thirds do not get lost hour by hour.
async fn case_13_three_hours_sum_without_rounding(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    for hour in [0, HOUR, 2 * HOUR] {
        mine_seed(&world, hour);
        world.mine(hour + HOUR, &[(Some(1), None, tokens(200))]);
        world.run().await;
    }
    world.confirm(3 * HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 20, 1);
}

/// One base unit held for 365 days.
async fn case_14_one_base_unit_over_a_year_is_not_lost(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), Amount::from(1))]);
    world.confirm(365 * 24 * HOUR);
    world.run().await;
    assert_points(settled_raw(&world).await, 219, 500_000_000_000_000_000);
}

/// 1000 of a token with 6 decimals for 30 minutes, 2 of one with 18 for 45 minutes elsewhere.
async fn case_15_two_chains_with_different_decimals_add_up(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let id = TokenId { chain: ChainId::new(84_532), address: Address::repeat_byte(0x71) };
    let elsewhere = ScriptedChain::new(id.chain, at(0));
    let (from, to) = (Address::ZERO, account(1).address());
    let amount = Amount::from(1_000_000_000);
    elsewhere.mine(at(1_800), &[ScriptedTransfer { token: id.address, from, to, amount }]);
    for _ in 0..=6 {
        elsewhere.mine(at(HOUR), &[]);
    }
    let six = Decimals::new(6).expect("in range");
    let metadata = TokenMetadata { symbol: "SIX".to_owned(), decimals: six };
    let six_spec = TokenSpec { id, metadata, start_block: BlockNumber::new(0) };
    let (balances, points) = (world.fixture.balances.clone(), world.fixture.points.clone());
    balances.register_chain(id.chain, "elsewhere").await.expect("register");
    balances.register_token(&six_spec).await.expect("register");
    points.put_programme(&Programme::main(id, rate("0.05")), &operator()).await.expect("put");
    let (source, pending) = (Arc::new(elsewhere), Arc::new(OnePending::default()));
    let config = IndexerConfig { clock_slack: None, ..IndexerConfig::default() };
    let mut indexer = Indexer::new(id.chain, source, balances, pending, config);
    assert!(matches!(indexer.poll(NOW).await, Poll::Advanced(_)), "one slice holds all of it");
    world.settler.run(id, &Stop::never(), |_| {}).await.expect("settles");

    world.mine(0, &[]);
    world.mine(900, &[(None, Some(1), tokens(2))]);
    world.confirm(HOUR);
    world.run().await;
    let totals = points.totals(&ProgrammeId::main(id), &[account(1)]).await.expect("read");
    let there = totals.value[0].expect("it earned").raw;
    let here = settled_raw(&world).await;
    let factor = Scale::of(Decimals::new(18).expect("in range")).get() / Scale::of(six).get();
    let sum = RawPoints::from_be_bytes((there.get() * factor + here.get()).to_be_bytes());
    assert_points(sum, 1_003, 40);
}

/// 2^256 - 1 base units held for an hour.
async fn case_16_the_largest_balance_earns_exactly(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), Amount::MAX)]);
    world.confirm(HOUR);
    world.run().await;
    let scale = Scale::of(Decimals::new(18).expect("in range"));
    let points = scale.points(settled_raw(&world).await);
    let digits = "5789604461865809771178549250434395392663499233282028201972.879200395656481996";
    assert_eq!(points, digits);
    assert_eq!(world.digest().await, world.oracle());
}

/// 201 sent of 200 held.
async fn case_17_an_overdraft_halts_the_token_and_writes_nothing(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(200))]);
    world.confirm(10);
    world.run().await;
    let before = world.digest().await;
    world.mine(20, &[(Some(1), Some(2), tokens(201))]);
    world.confirm(30);
    world.index().await;
    let state = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    let TokenStatus::Halted(reason) = &state.status else { panic!("not halted") };
    assert!(reason.contains("below zero") && reason.contains("start_block"), "{reason}");
    let after = world.digest().await;
    assert_eq!(after.changes, before.changes);
    assert_eq!(after.balances, before.balances);
}
