//! The settler and the queries over a store: failures, reorgs in turn, late programmes, instants.

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{BatchSpan, Programme};
use pledge_core::ports::{BatchFailure, StatementKind};
use pledge_core::query::QueryError;
use pledge_core::sharing::{Assignment, InstanceId, Lease};
use pledge_core::stop::Stop;
use pledge_core::types::{
    Account, Amount, BlockNumber, ProgrammeId, Rate, RateSchedule, RawPoints, Step,
};

use crate::Fixture;
use crate::digest::statement_rows;
use crate::world::{CHAIN, World, account, at, operator, token, tokens};

laws! {
    __engine_settling of engine_settling(Fixture):
    a_batch_that_keeps_failing_waits_for_a_person
    an_account_of_a_failed_batch_is_settled_no_further
    a_settlement_under_way_ends_where_it_was_going
    shards_that_are_shared_out_are_settled_once_each
    at_a_rate_of_zero_nobody_earns
    statements_sum_to_the_state_through_reorgs_in_turn
    a_programme_added_late_is_settled_from_the_start
    an_answer_holds_from_the_instant_of_a_change
    an_instant_outside_the_ledger_is_refused_with_its_bound
}

const HOUR: u64 = 3_600;

fn id() -> ProgrammeId {
    ProgrammeId::main(token())
}

/// Twenty accounts with balances, two windows closed, nothing settled.
async fn open(fixture: Fixture) -> World {
    let mut world = World::new(fixture).await;
    let mints: Vec<_> = (1..=20).map(|n| (None, Some(n), tokens(n))).collect();
    world.mine(0, &mints);
    world.confirm(2 * HOUR);
    world.index().await;
    world
}

/// Account 1's whole shard, failed in both windows.
async fn whole_shard(world: &World) -> BatchFailure {
    let points = &world.fixture.points;
    let programmes = points.programmes(token()).await.expect("read");
    let shard = world.programme().shards.shard_of(account(1));
    BatchFailure {
        programme: id(),
        epoch: programmes[0].epoch,
        shard,
        from: at(0),
        to: at(2 * HOUR),
        span: BatchSpan { after: None, through: None },
        attempts: 1,
        reason: "why".to_owned(),
    }
}

async fn fail(world: &World, times: u32) {
    let (points, failure) = (&world.fixture.points, whole_shard(world).await);
    for _ in 0..times {
        points.record_failure(&failure).await.expect("record");
    }
}

/// The other shards are settled; the failed one is settled when an operator resets it.
async fn a_batch_that_keeps_failing_waits_for_a_person(fixture: Fixture) {
    let mut world = open(fixture).await;
    fail(&world, 3).await;
    world.confirm(9 * HOUR);
    world.index().await;
    world.settle().await.expect("settles");
    let points = &world.fixture.points;
    let programmes = points.programmes(token()).await.expect("read");
    let settled = |shard: &&pledge_core::ports::ShardProgress| shard.settled == Some(at(9 * HOUR));
    assert_eq!(programmes[0].shards.iter().filter(settled).count(), 15);
    let reset = points.reset_failures(&id(), at(HOUR), &operator()).await.expect("reset");
    assert_eq!(reset, 1);
    world.settle().await.expect("settles");
    assert_eq!(world.digest().await, world.oracle());
}

/// Settled before, failed now: the account stays at its last settled window.
async fn an_account_of_a_failed_batch_is_settled_no_further(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.settle().await.expect("settles");
    world.confirm(3 * HOUR);
    world.index().await;
    let points = &world.fixture.points;
    let failure =
        BatchFailure { from: at(2 * HOUR), to: at(3 * HOUR), ..whole_shard(&world).await };
    points.record_failure(&failure).await.expect("record");
    let seen = points.totals(&id(), &[account(1)]).await.expect("read");
    let settled = seen.value[0].map(|standing| standing.settled);
    assert_eq!(settled, Some(at(2 * HOUR)));
}

/// A settlement under way keeps the windows that it began with.
async fn a_settlement_under_way_ends_where_it_was_going(fixture: Fixture) {
    let world = open(fixture).await;
    fail(&world, 1).await;
    let shorter = BatchFailure { to: at(HOUR), ..whole_shard(&world).await };
    let refused = world.fixture.points.record_failure(&shorter).await;
    let error = refused.expect_err("it goes to 17:00");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
}

/// No account earns, so none is counted.
async fn at_a_rate_of_zero_nobody_earns(fixture: Fixture) {
    let step = Step { from: at(3 * HOUR), value: "0.05".parse().expect("a rate") };
    let programme = Programme {
        rates: RateSchedule::new(Rate::ZERO, vec![step]).expect("one step"),
        ..Programme::main(token(), Rate::ZERO)
    };
    let mut world = World::with_programme(fixture, programme).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(5 * HOUR);
    world.run().await;
    let earned = world.digest().await.programmes["main"].windows[&at(HOUR)].accounts;
    assert_eq!(earned, 0);
    assert_eq!(world.digest().await, world.oracle());
}

/// The sum of the account's rows by window, without the reversed ones.
async fn live(world: &World, account: Account) -> (usize, RawPoints) {
    let rows = statement_rows(&world.fixture.points, &id(), account).await.expect("read");
    let sum = |kind| {
        let of_kind = rows.iter().filter(|row| row.kind == kind);
        of_kind.fold(RawPoints::ZERO, |sum, row| sum.try_add(row.raw).expect("fits"))
    };
    let left = sum(StatementKind::Earned).try_sub(sum(StatementKind::Reversed));
    (rows.len(), left.expect("never more taken back than given"))
}

/// Windows are settled and reversed repeatedly, also for an account of which nothing is left.
async fn statements_sum_to_the_state_through_reorgs_in_turn(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    for round in 1..=4_usize {
        let is_odd = round % 2 == 1;
        world.chain.fork_at(2);
        let receiver = if is_odd { 2 } else { 3 };
        world.mine(1_800, &[(Some(1), Some(receiver), tokens(40))]);
        world.confirm(HOUR);
        for _ in 0..round {
            world.mine(HOUR, &[]);
        }
        world.run().await;
        assert_eq!(world.digest().await, world.oracle());
        let digest = world.digest().await.programmes["main"].clone();
        for number in 1..=3 {
            let (_, sum) = live(&world, account(number)).await;
            let of_account = |((a, _), raw): (&(Account, _), &RawPoints)| {
                (*a == account(number)).then_some(*raw)
            };
            let expected = digest.statements.iter().find_map(of_account);
            assert_eq!(sum, expected.unwrap_or_default(), "{number} in {round}");
        }
    }
    let (rows, _) = live(&world, account(2)).await;
    assert_eq!(rows, 4, "earned and taken back, twice");
    assert_eq!(world.reorgs().await.expect("read"), 3);
}

/// It is settled from the token's first window on, as if it had been there from the start.
async fn a_programme_added_late_is_settled_from_the_start(fixture: Fixture) {
    let world = open(fixture).await;
    world.settle().await.expect("settles");
    let late = Programme {
        id: ProgrammeId::new(token(), "late").expect("a name"),
        ..world.programme().clone()
    };
    let put = world.fixture.points.put_programme(&late, &operator()).await;
    put.expect("put");
    world.settle().await.expect("settles");
    let programmes = world.digest().await.programmes;
    assert_eq!(programmes["late"], programmes["main"]);
}

/// A change counts from its own instant on, and its block is named from then on.
async fn an_answer_holds_from_the_instant_of_a_change(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(2), tokens(1))]);
    world.mine(600, &[(None, Some(1), tokens(100))]);
    world.mine(600, &[(None, Some(1), tokens(1))]);
    world.confirm(1_000);
    world.run().await;
    let id = id();
    let view = |seconds| {
        let instant = Some(at(seconds));
        world.queries.account(token(), account(1), Some(&id), instant)
    };
    for (seconds, balance, block) in [(599, Amount::ZERO, 1), (600, tokens(101), 3)] {
        let view = view(seconds).await.expect("inside the ledger");
        assert_eq!(view.balance, balance);
        assert_eq!(view.pending_balance, Some(balance));
        assert_eq!(view.at_block, Some(BlockNumber::new(block)));
        assert_eq!(view.at_time, at(seconds));
        assert_eq!(view.points.map(|p| p.raw), Some(RawPoints::ZERO));
    }
}

/// Beyond the confirmed time or before the first block the error has a bound.
async fn an_instant_outside_the_ledger_is_refused_with_its_bound(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(100, &[(None, Some(1), tokens(100))]);
    world.confirm(1_000);
    let queries = world.queries.clone();
    let view = |seconds| queries.account(token(), account(1), None, Some(at(seconds)));
    assert!(matches!(view(100).await, Err(QueryError::NotStarted(_))));
    world.index().await;
    for inside in [100, 1_000] {
        view(inside).await.expect("inside the ledger");
    }
    let Err(QueryError::TooEarly { bound, .. }) = view(99).await else {
        panic!("before the first block");
    };
    assert_eq!(bound, at(100));
    let Err(QueryError::TooLate { bound, .. }) = view(1_001).await else {
        panic!("not confirmed");
    };
    assert_eq!(bound, at(1_000));
}

/// Two instances settle at the same time, each its shards, and every shard once.
async fn shards_that_are_shared_out_are_settled_once_each(fixture: Fixture) {
    let world = open(fixture).await;
    let lease = |id| Lease::whole(InstanceId::new(id), [CHAIN]);
    let leases = [1, 2].map(lease);
    let settlers = leases.each_ref().map(|own| {
        let part = Assignment::of(own, &leases).settles(CHAIN).expect("both offer the chain");
        world.settler.clone().of_shards(part)
    });
    let stop = Stop::never();
    let [one, other] = settlers.each_ref().map(|settler| settler.run(token(), &stop, |_| {}));
    let (one, other) = tokio::join!(one, other);
    let reports = [one, other].map(|report| report.expect("nobody is in the way"));
    assert_eq!(reports.map(|report| report.shards), [8, 8]);
    assert!(world.settle_done().await);
    assert_eq!(world.settle().await.expect("settles").batches, 0);
    assert_eq!(world.digest().await, world.oracle());
}
