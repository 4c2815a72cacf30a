//! Laws of a rewind for settled points.

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{BatchSpan, Programme};
use pledge_core::ports::Statement;
use pledge_core::ports::StatementKind::Reversed;
use pledge_core::types::{Account, Epoch, Rate, RateSchedule, RawPoints, Step, Window};

use super::ledger::Ledger;
use super::points_store::{
    WHOLE, accounts_of, batch, id, open, points, settle_both, state, two_shards,
};
use crate::Fixture;
use crate::digest::statement_rows;
use crate::oracle::oracle;
use crate::world::{account, at, operator, token};

laws! {
    __points_rewind of points_rewind(Fixture):
    a_rewind_takes_back_statements_by_added_rows
    a_rewind_takes_back_rows_that_earned_nothing
    a_rate_cannot_change_where_points_were_published
    a_rewind_takes_back_the_rows_of_each_shard_alone
    a_rewind_restates_totals_to_what_is_still_settled
    a_rewind_leaves_alone_what_was_settled_before_it
    a_rewind_drops_a_settlement_under_way
}

/// Statements stay; one row an account is added, of all that it earned in the reopened windows.
async fn a_rewind_takes_back_statements_by_added_rows(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 7_200)).await;
    let (mut before, mut totals) = (Vec::new(), Vec::new());
    for number in 1..=4 {
        before.push(statement_rows(points(&ledger), &id(), account(number)).await.expect("read"));
        totals.push(total(&ledger, account(number)).await);
    }
    let record = ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    let open_again = |row: &&Statement| row.window.start >= at(3_600);
    let taken_back = before.iter().flatten().filter(open_again).count();
    assert!(taken_back > 0, "the second window had statements");
    assert_eq!(record.tokens[0].statements_reversed, taken_back as u64);
    for ((number, before), total_before) in (1..).zip(&before).zip(totals) {
        let after = statement_rows(points(&ledger), &id(), account(number)).await.expect("read");
        assert!(after.starts_with(before), "what is published stays");
        let left = total(&ledger, account(number)).await;
        let raw = total_before.try_sub(left).expect("a rewind takes back");
        let Some(added) = after[before.len()..].first() else {
            assert!(raw == RawPoints::ZERO && !before.iter().any(|row| open_again(&row)));
            continue;
        };
        assert_eq!((added.raw, added.kind, added.epoch), (raw, Reversed, Epoch::FIRST));
        assert_eq!(added.window, Window { start: at(3_600), end: at(7_200) });
        assert_eq!(after.len(), before.len() + 1);
    }
}

async fn total(ledger: &Ledger, account: Account) -> RawPoints {
    let seen = points(ledger).totals(&id(), &[account]).await.expect("read");
    seen.value[0].map(|standing| standing.raw).unwrap_or_default()
}

/// An account that earned nothing, at a rate of zero, also starts again from the rewind.
async fn a_rewind_takes_back_rows_that_earned_nothing(fixture: Fixture) {
    let ledger = open(fixture).await;
    let step = Step { from: at(7_200), value: "0.05".parse().expect("a rate") };
    let rates = RateSchedule::new(Rate::ZERO, vec![step]).expect("one step");
    points(&ledger)
        .put_programme(&Programme { rates, ..two_shards() }, &operator())
        .await
        .expect("put");
    settle_both(&ledger, (0, 7_200)).await;
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    for number in 1..=4 {
        let rows = statement_rows(points(&ledger), &id(), account(number)).await.expect("read");
        let taken_back = rows.iter().filter(|row| row.kind == Reversed);
        let opened = rows.iter().any(|row| row.window.start >= at(3_600));
        assert_eq!(taken_back.count(), usize::from(opened), "account {number}");
    }
}

/// Published statements are derived by the rates of their publication, also once they are reversed.
async fn a_rate_cannot_change_where_points_were_published(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 7_200)).await;
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    let change = |seconds| {
        let step = Step { from: at(seconds), value: "0.1".parse().expect("a rate") };
        let rates = RateSchedule::new("0.05".parse().expect("a rate"), vec![step]);
        Programme { rates: rates.expect("one step"), ..two_shards() }
    };
    let error = points(&ledger)
        .put_programme(&change(7_199), &operator())
        .await
        .expect_err("published once");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    points(&ledger).put_programme(&change(7_200), &operator()).await.expect("never published");
}

/// A shard that is ahead of another reverses no row of the other.
async fn a_rewind_takes_back_the_rows_of_each_shard_alone(fixture: Fixture) {
    let ledger = open(fixture).await;
    let done = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    points(&ledger).commit_batch(&done).await.expect("commit");
    let span = BatchSpan { after: None, through: Some(accounts_of(1)[0]) };
    let part = batch(&ledger, 1, span, (0, 7_200)).await;
    points(&ledger).commit_batch(&part).await.expect("commit");
    for (height, reversed) in [(4, part.statements.len()), (3, 0)] {
        let to = ledger.chain.block(height).expect("mined");
        if height == 3 {
            settle_shard_1_again(&ledger).await;
        }
        let before = ledger.digest().await.programmes["main"].statements.clone();
        let record = ledger.rewind_to(to).await.expect("rewind");
        let after = ledger.digest().await.programmes["main"].statements.clone();
        let taken = record.tokens[0].statements_reversed;
        assert_eq!(taken, before.len() as u64 - after.len() as u64);
        if reversed > 0 {
            assert_eq!(taken, reversed as u64);
        }
    }
}

async fn settle_shard_1_again(ledger: &Ledger) {
    let again = batch(ledger, 1, WHOLE, (0, 3_600)).await;
    points(ledger).commit_batch(&again).await.expect("commit");
}

/// Totals end at the last window that is still closed.
async fn a_rewind_restates_totals_to_what_is_still_settled(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 7_200)).await;
    for height in [4, 3] {
        ledger.rewind_to(ledger.chain.block(height).expect("mined")).await.expect("rewind");
        let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(height)).expect("mined");
        let transfers = ledger.chain.transfers();
        let expected = oracle(token(), &start, &cursor, &transfers, &[two_shards()]);
        assert_eq!(ledger.digest().await, expected, "at block {height}");
    }
    let genesis = ledger.chain.block(0).expect("genesis");
    ledger.rewind_to(genesis).await.expect("rewind to before the start");
    assert_eq!(ledger.digest().await.programmes["main"], Default::default());
}

/// A rewind inside the open window changes no settled points.
async fn a_rewind_leaves_alone_what_was_settled_before_it(fixture: Fixture) {
    let ledger = open(fixture).await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    ledger.commit_to(6).await.expect("commit");
    settle_both(&ledger, (0, 7_200)).await;
    let before = ledger.digest().await.programmes;
    let record = ledger.rewind_to(ledger.chain.block(5).expect("mined")).await.expect("rewind");
    assert_eq!(record.tokens[0].statements_reversed, 0);
    assert_eq!(ledger.digest().await.programmes, before);
}

/// A partial settlement of reopened windows is reversed, too.
async fn a_rewind_drops_a_settlement_under_way(fixture: Fixture) {
    let ledger = open(fixture).await;
    let first = accounts_of(1)[0];
    let span = BatchSpan { after: None, through: Some(first) };
    let part = batch(&ledger, 1, span, (0, 7_200)).await;
    points(&ledger).commit_batch(&part).await.expect("commit");
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    let progress = state(&ledger).await.shards[1].clone();
    assert_eq!((progress.settled, progress.run), (None, None));
    let digest = ledger.digest().await.programmes["main"].clone();
    assert_eq!(digest.totals, Default::default());
    assert_eq!(digest.statements, Default::default());
    settle_both(&ledger, (0, 3_600)).await;
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(4)).expect("mined");
    let transfers = ledger.chain.transfers();
    let expected = oracle(token(), &start, &cursor, &transfers, &[two_shards()]);
    assert_eq!(ledger.digest().await, expected);
}
