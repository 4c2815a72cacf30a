//! Settlements whose batches fail: what is recorded, what goes on, what another attempt gives.

use std::sync::Arc;

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{Programme, SettleReport, Settler, SettlerConfig, SettlerError};
use pledge_core::ports::{Settlement, SettlementsQuery};
use pledge_core::stop::Stop;
use pledge_core::types::ProgrammeId;

use super::engine::{mint_other, other};
use crate::world::{CHAIN, World, account, at, operator, spec, token, tokens};
use crate::{FailingPoints, Fixture};

laws! {
    __failures of failures(Fixture):
    a_batch_that_fails_does_not_stop_the_others
    the_next_run_mends_a_failed_batch
    a_batch_is_given_up_after_its_attempts_until_it_is_reset
    a_store_that_is_away_is_no_failure_of_the_batch
    a_conflict_that_passes_is_settled_by_the_same_call
    a_conflict_that_stays_is_an_error_of_the_call
    one_tokens_failure_keeps_no_other_from_being_settled
}

const HOUR: u64 = 3_600;
const CONFIG: SettlerConfig = SettlerConfig {
    batch_accounts_max: 3,
    batch_changes_max: 20_000,
    windows_max: 5,
    attempts_max: 3,
};

/// Sixty holders, three closed windows, and a store that refuses batches with account 30 in them.
async fn failing(fixture: Fixture, kind: StoreErrorKind, times: u32) -> (World, Settler) {
    let mut world = World::new(fixture).await;
    let mints: Vec<_> = (1..=60).map(|n| (None, Some(n), tokens(n))).collect();
    world.mine(0, &mints);
    world.confirm(3 * HOUR);
    world.index().await;
    let points = FailingPoints::new(world.fixture.points.clone(), account(30), kind, times);
    let settler = Settler::new(world.fixture.balances.clone(), Arc::new(points), CONFIG);
    (world, settler)
}

async fn settle(settler: &Settler) -> Result<SettleReport, SettlerError> {
    settler.run(token(), &Stop::never(), |_| {}).await
}

async fn newest_settlement(world: &World) -> Settlement {
    let programme = ProgrammeId::main(token());
    let query = SettlementsQuery { programme, before: None, limit: 1 };
    let page = world.fixture.points.settlements(&query).await.expect("read");
    page.into_iter().next().expect("there is a settlement")
}

/// One batch fails; every other account is settled, and the reason is kept.
async fn a_batch_that_fails_does_not_stop_the_others(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Corrupt, 1).await;
    let report = settle(&settler).await.expect("the rest settles");
    assert_eq!(report.failed, 1);
    let id = ProgrammeId::main(token());
    let everyone: Vec<_> = (1..=60).map(account).collect();
    let totals = world.fixture.points.totals(&id, &everyone).await.expect("read").value;
    let missing = totals.iter().filter(|total| total.is_none()).count();
    assert!((1..=3).contains(&missing), "only the accounts of one batch are missing: {missing}");
    let settlement = newest_settlement(&world).await;
    assert!(!settlement.settled);
    assert_eq!(settlement.failures.len(), 1);
    assert!(settlement.failures[0].reason.contains("failed by script"));
    assert_eq!(settlement.failures[0].attempts, 1);
}

/// The next run tries the batch again, and the result is that of no failure.
async fn the_next_run_mends_a_failed_batch(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Corrupt, 2).await;
    for failed in [1, 1, 0] {
        assert_eq!(settle(&settler).await.expect("the rest settles").failed, failed);
    }
    assert_eq!(world.digest().await, world.oracle());
}

/// After the last attempt the batch waits for an operator, who resets the count.
async fn a_batch_is_given_up_after_its_attempts_until_it_is_reset(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Corrupt, 3).await;
    for failed in [1, 1, 1, 0, 0] {
        assert_eq!(settle(&settler).await.expect("the rest settles").failed, failed);
    }
    let settlement = newest_settlement(&world).await;
    assert_eq!((settlement.settled, settlement.failures[0].attempts), (false, 3));
    let id = ProgrammeId::main(token());
    let reset =
        world.fixture.points.reset_failures(&id, settlement.window.start, &operator()).await;
    assert_eq!(reset.expect("reset"), 1);
    settle(&settler).await.expect("it succeeds now");
    assert_eq!(world.digest().await, world.oracle());
}

/// An unavailable store ends the run; the next one continues from the last batch.
async fn a_store_that_is_away_is_no_failure_of_the_batch(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Unavailable, 2).await;
    for _ in 0..2 {
        let SettlerError::Store(error) = settle(&settler).await.expect_err("the store is away");
        assert!(error.is_retryable());
    }
    assert_eq!(settle(&settler).await.expect("it is back").failed, 0);
    assert_eq!(world.digest().await, world.oracle());
}

/// A pass whose ledger changed meanwhile starts again at once; what it had settled is reported,
/// too.
async fn a_conflict_that_passes_is_settled_by_the_same_call(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Conflict, 3).await;
    let settled = settler.settle_token(token(), &Stop::never(), |_| {}).await;
    let report = settled.expect("the ledger comes to rest");
    assert_eq!((report.statements, report.shards, report.failed), (60, 16, 0));
    assert_eq!(world.digest().await, world.oracle());
}

/// The number of restarts is bounded: then it is an error, and nothing is recorded as failed.
async fn a_conflict_that_stays_is_an_error_of_the_call(fixture: Fixture) {
    let (world, settler) = failing(fixture, StoreErrorKind::Conflict, u32::MAX).await;
    let settled = settler.settle_token(token(), &Stop::never(), |_| {}).await;
    assert!(settled.expect_err("the ledger never comes to rest").is_conflict());
    assert_eq!(newest_settlement(&world).await.failures, []);
}

/// The store is unavailable for one token: the call returns an error, and the other one is settled.
async fn one_tokens_failure_keeps_no_other_from_being_settled(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    let main = Programme { id: ProgrammeId::main(other()), ..world.programme().clone() };
    world.fixture.points.put_programme(&main, &operator()).await.expect("put");
    world.mine(0, &[(None, Some(30), tokens(1))]);
    mint_other(&world, 0, None, 1);
    world.confirm(3 * HOUR);
    world.index().await;
    let (points, kind) = (world.fixture.points.clone(), StoreErrorKind::Unavailable);
    let points = Arc::new(FailingPoints::new(points, account(30), kind, u32::MAX));
    let settler = Settler::new(world.fixture.balances.clone(), points, CONFIG);
    let settled = settler.settle_chain(CHAIN, &Stop::never(), |_| {}).await;
    settled.expect_err("the store is away");
    let totals = world.fixture.points.totals(&main.id, &[account(1)]).await.expect("read").value;
    assert_eq!(totals[0].as_ref().map(|standing| standing.settled), Some(at(3 * HOUR)));
}
