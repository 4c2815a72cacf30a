//! Laws of [`PointsStore`](pledge_core::ports::PointsStore) about what it lists.

use alloy_primitives::U256;
use pledge_core::points::Programme;
use pledge_core::ports::{SettlementsQuery, Statement, StatementsQuery};
use pledge_core::types::{RawPoints, WindowLength};

use super::ledger::Ledger;
use super::points_store::{WHOLE, batch, id, open, points, rate, settle_both, two_shards};
use crate::Fixture;
use crate::digest::statement_rows;
use crate::world::{account, at, operator};

laws! {
    __points_pages of points_pages(Fixture):
    standings_are_sorted_and_pages_complete
    pages_of_statements_are_complete_and_in_order
    a_settlement_costs_its_changes_and_not_its_windows
}

/// By points descending, then by address, whatever the page's size.
async fn standings_are_sorted_and_pages_complete(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 7_200)).await;
    let mut expected: Vec<_> = ledger.digest().await.programmes["main"]
        .totals
        .clone()
        .into_iter()
        .map(|(account, raw)| (raw, account))
        .collect();
    expected.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    assert!(expected.len() >= 3, "several accounts earned");
    for limit in 1..=4 {
        let mut walked = Vec::new();
        let mut after = None;
        loop {
            let page = points(&ledger).standings(&id(), after, limit).await.expect("read").value;
            let Some(last) = page.last() else { break };
            after = Some((last.raw, last.account));
            walked.extend(page.iter().map(|standing| (standing.raw, standing.account)));
        }
        assert_eq!(walked, expected, "pages of {limit}");
    }
}

/// Each row once, in the order of publication, with the row before the page, whatever its size.
async fn pages_of_statements_are_complete_and_in_order(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 7_200)).await;
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    let whole = statement_rows(points(&ledger), &id(), account(3)).await.expect("read");
    assert!(whole.len() >= 3 && whole.is_sorted_by_key(Statement::place), "{whole:?}");
    for limit in 1..=4 {
        let mut walked: Vec<Statement> = Vec::new();
        loop {
            let after = walked.last().map(Statement::place);
            let query = StatementsQuery { programme: id(), account: account(3), after, limit };
            let page = points(&ledger).statements(&query).await.expect("read").value;
            assert_eq!((page.before.as_ref(), page.settled), (walked.last(), Some(at(3_600))));
            assert!(page.rows.len() <= limit);
            if page.rows.is_empty() {
                break;
            }
            walked.extend(page.rows);
        }
        assert_eq!(walked, whole, "pages of {limit}");
    }
}

/// A fortnight of windows of one second, in which little happens.
async fn a_settlement_costs_its_changes_and_not_its_windows(fixture: Fixture) {
    const FORTNIGHT: u64 = 14 * 86_400;
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(FORTNIGHT, &[]);
    ledger.commit_to(6).await.expect("commit");
    let window = WindowLength::new(1).expect("a second");
    points(&ledger)
        .put_programme(&Programme { window, ..two_shards() }, &operator())
        .await
        .expect("put");
    for shard in [0, 1] {
        let batch = batch(&ledger, shard, WHOLE, (0, FORTNIGHT)).await;
        assert!(batch.windows.len() + batch.statements.len() < 40, "{batch:?}");
        points(&ledger).commit_batch(&batch).await.expect("the next batch of its shard");
    }
    let query = |before| SettlementsQuery { programme: id(), before, limit: 1_000 };
    let last = points(&ledger).settlements(&query(None)).await.expect("read");
    let supply = ledger.digest().await.totals.supply;
    assert_eq!((last.len(), last[0].window.end), (1_000, at(FORTNIGHT)));
    let second =
        RawPoints::of_constant(supply, U256::from(rate("0.05").e18()) * U256::from(10_000));
    assert!(last.iter().all(|settlement| settlement.settled && settlement.total.raw == second));
    let first = points(&ledger).settlements(&query(Some(at(2)))).await.expect("read");
    let starts: Vec<_> = first.iter().map(|settlement| settlement.window.start).collect();
    assert_eq!(starts, [at(1), at(0)]);
}
