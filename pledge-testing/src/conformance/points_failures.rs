//! Laws of [`PointsStore`](pledge_core::ports::PointsStore) about batches that failed.

use pledge_core::points::BatchSpan;
use pledge_core::ports::{BatchFailure, SettlementBatch, SettlementsQuery};

use super::points_store::{
    WHOLE, accounts_of, batch, id, open, points, refused, state, two_shards,
};
use crate::Fixture;
use crate::oracle::oracle;
use crate::world::{at, operator, token};

laws! {
    __points_failures of points_failures(Fixture):
    a_failed_batch_is_recorded_and_the_rest_goes_on
    a_window_whose_batches_all_failed_is_listed
    another_attempt_completes_a_failed_batch
    attempts_are_counted_and_can_be_reset
}

fn failure(of: &SettlementBatch, reason: &str) -> BatchFailure {
    BatchFailure {
        programme: of.programme.clone(),
        epoch: of.epoch,
        shard: of.shard,
        from: of.from,
        to: of.to,
        span: of.span,
        attempts: 1,
        reason: reason.to_owned(),
    }
}

/// A failure holds up its shard, not the batches after it.
async fn a_failed_batch_is_recorded_and_the_rest_goes_on(fixture: Fixture) {
    let ledger = open(fixture).await;
    let first = accounts_of(1)[0];
    let span = BatchSpan { after: None, through: Some(first) };
    let failed = batch(&ledger, 1, span, (0, 3_600)).await;
    points(&ledger).record_failure(&failure(&failed, "why")).await.expect("record");
    let rest = BatchSpan { after: Some(first), through: None };
    let rest = batch(&ledger, 1, rest, (0, 3_600)).await;
    points(&ledger).commit_batch(&rest).await.expect("the rest goes on");
    let progress = state(&ledger).await.shards[1].clone();
    let run = progress.run.expect("not complete");
    assert_eq!((progress.settled, run.scanned, run.failures.len()), (None, true, 1));
    assert_eq!((run.failures[0].attempts, run.failures[0].reason.as_str()), (1, "why"));
    let query = SettlementsQuery { programme: id(), before: None, limit: 9 };
    let settlements = points(&ledger).settlements(&query).await.expect("read");
    assert_eq!((settlements.len(), settlements[0].settled), (1, false));
    assert_eq!(settlements[0].failures, run.failures);
}

/// A failure is listed under its window.
async fn a_window_whose_batches_all_failed_is_listed(fixture: Fixture) {
    let ledger = open(fixture).await;
    let failed = batch(&ledger, 1, WHOLE, (0, 7_200)).await;
    points(&ledger).record_failure(&failure(&failed, "why")).await.expect("record");
    let query = SettlementsQuery { programme: id(), before: None, limit: 9 };
    let settlements = points(&ledger).settlements(&query).await.expect("read");
    let windows: Vec<_> = settlements.iter().map(|s| (s.window.start, s.failures.len())).collect();
    assert_eq!(windows, [(at(3_600), 1), (at(0), 1)]);
    assert!(settlements.iter().all(|s| s.total.accounts == 0 && !s.settled));
}

/// The result is that of no failure.
async fn another_attempt_completes_a_failed_batch(fixture: Fixture) {
    let ledger = open(fixture).await;
    let whole = batch(&ledger, 0, WHOLE, (0, 7_200)).await;
    points(&ledger).commit_batch(&whole).await.expect("the other shard");
    let span = BatchSpan { after: None, through: Some(accounts_of(1)[0]) };
    let failed = batch(&ledger, 1, span, (0, 7_200)).await;
    points(&ledger).record_failure(&failure(&failed, "why")).await.expect("record");
    let rest = BatchSpan { after: span.through, through: None };
    let rest = batch(&ledger, 1, rest, (0, 7_200)).await;
    points(&ledger).commit_batch(&rest).await.expect("the rest");
    points(&ledger).commit_batch(&failed).await.expect("another attempt");
    assert_eq!(state(&ledger).await.settled(), Some(at(7_200)));
    refused(&ledger, &failed).await;
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(5)).expect("mined");
    let transfers = ledger.chain.transfers();
    let expected = oracle(token(), &start, &cursor, &transfers, &[two_shards()]);
    assert_eq!(ledger.digest().await, expected);
}

/// Attempts are counted for each span; an operator may reset the count.
async fn attempts_are_counted_and_can_be_reset(fixture: Fixture) {
    let ledger = open(fixture).await;
    let failed = batch(&ledger, 1, WHOLE, (0, 7_200)).await;
    for reason in ["first", "second"] {
        points(&ledger).record_failure(&failure(&failed, reason)).await.expect("record");
    }
    let failures = async || state(&ledger).await.shards[1].clone().run.expect("open").failures;
    let recorded = failures().await;
    assert_eq!((recorded.len(), recorded[0].attempts), (1, 2));
    assert_eq!(recorded[0].reason, "second");
    let elsewhere =
        points(&ledger).reset_failures(&id(), at(7_200), &operator()).await.expect("reset");
    assert_eq!(elsewhere, 0);
    let reset = points(&ledger).reset_failures(&id(), at(3_600), &operator()).await.expect("reset");
    assert_eq!((reset, failures().await[0].attempts), (1, 0));
}
