//! Every query of the ports, sent to both stores, page by page.

use pledge_core::event::EventSeq;
use pledge_core::ledger::Leg;
use pledge_core::ports::{
    ChangesQuery, ContractLogsQuery, LogOrder, SettlementsQuery, Statement, StatementPlace,
    StatementsQuery,
};
use pledge_core::types::{BlockNumber, LogIndex, Timestamp};

use super::logs::specs;
use super::ops::account;
use super::{CHAIN, Twins, both, programme_id, same, token};

const PAGE: usize = 3;

/// Sends every query of the ports to both stores.
pub(super) async fn compare(twins: &Twins) {
    both!(twins, balances.chains()).expect("a valid question");
    both!(twins, balances.chain(CHAIN)).expect("a valid question");
    both!(twins, balances.tokens(CHAIN)).expect("a valid question");
    both!(twins, balances.headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX))
        .expect("a valid question");
    both!(twins, events.events(EventSeq::START, usize::MAX)).expect("a valid question");
    both!(twins, events.kept_events()).expect("a valid question");
    both!(twins, points.programmes(token())).expect("a valid question");
    twins.compare_acts().await;
    compare_ledger(twins).await;
    compare_points(twins).await;
    compare_logs(twins).await;
}

async fn compare_ledger(twins: &Twins) {
    let blocks = twins.chain.iter().rev().take(4).map(|block| block.time.get());
    let times: Vec<_> = blocks
        .flat_map(|time| [time - 1, time, time + 1, time + 9_000, time - 9_000])
        .map(|time| Timestamp::new(time).expect("a valid question"))
        .collect();
    for time in &times {
        both!(twins, balances.last_change_block(token(), *time)).expect("a valid question");
    }
    both!(twins, balances.edges(CHAIN, &times)).expect("a valid question");
    let mut after = None;
    loop {
        let logs = both!(twins, balances.unreadable_logs(token(), after, PAGE));
        let logs = logs.expect("a valid question").value;
        let Some(last) = logs.last() else { break };
        after = Some(last.place());
    }
    let accounts: Vec<_> = (0..9).map(|number| account(number + 1)).collect();
    both!(twins, balances.states(token(), &accounts)).expect("a valid question");
    for account in accounts {
        both!(twins, balances.history(token(), account, &times)).expect("a valid question");
        let mut before: Option<(BlockNumber, LogIndex, Leg)> = None;
        loop {
            let query = ChangesQuery { token: token(), account, before, limit: PAGE };
            let page = both!(twins, balances.changes(&query)).expect("a valid question").value;
            let Some(last) = page.last() else { break };
            before = Some(last.place());
        }
    }
    let mut after = None;
    loop {
        let page =
            both!(twins, balances.holders(token(), after, PAGE)).expect("a valid question").value;
        let Some((account, state)) = page.last() else {
            break;
        };
        after = Some((state.balance, *account));
    }
}

async fn compare_points(twins: &Twins) {
    let id = programme_id();
    let mut before = None;
    loop {
        let query = SettlementsQuery { programme: id.clone(), before, limit: PAGE };
        let page = both!(twins, points.settlements(&query)).expect("a valid question");
        let Some(last) = page.last() else { break };
        before = Some(last.window.start);
    }
    let mut after = None;
    loop {
        let page =
            both!(twins, points.standings(&id, after, PAGE)).expect("a valid question").value;
        let Some(last) = page.last() else { break };
        after = Some((last.raw, last.account));
    }
    let accounts: Vec<_> = (0..9).map(|number| account(number + 1)).collect();
    both!(twins, points.totals(&id, &accounts)).expect("a valid question");
    both!(twins, points.entries(&id, &accounts)).expect("a valid question");
    let mut below = None;
    loop {
        let page = both!(twins, points.decisions(&id, below, PAGE)).expect("a valid question");
        let Some(last) = page.last() else { break };
        below = Some(last.number);
    }
    for account in accounts {
        let mut after: Option<StatementPlace> = None;
        loop {
            let programme = id.clone();
            let query = StatementsQuery { programme, account, after, limit: PAGE };
            let page = both!(twins, points.statements(&query)).expect("a valid question").value;
            let Some(last) = page.rows.last() else { break };
            after = Some(Statement::place(last));
        }
    }
}

async fn compare_logs(twins: &Twins) {
    both!(twins, logs.contracts(CHAIN)).expect("a valid question");
    for spec in specs() {
        both!(twins, logs.contract(&spec.id)).expect("a valid question");
        for order in [LogOrder::OldestFirst, LogOrder::NewestFirst] {
            let mut after = None;
            loop {
                let contract = spec.id.clone();
                let query = ContractLogsQuery { contract, order, after, limit: PAGE };
                let page = both!(twins, logs.contract_logs(&query)).expect("a valid question");
                let Some(last) = page.value.last() else { break };
                after = Some(last.log.place());
            }
        }
    }
}
