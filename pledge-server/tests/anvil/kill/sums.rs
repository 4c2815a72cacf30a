//! What must add up in a database at any instant, whichever process was killed.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::ledger::{Leg, erc20};
use pledge_core::ports::{ContractLogsQuery, LogOrder, SettlementsQuery};
use pledge_core::primitives::{U256, U512};
use pledge_core::types::{Log, TokenId};
use pledge_server::stores::Stores;
use pledge_testing::digest::{Digest, digest};

/// Every balance is the one before with the change, their sum is what was minted and not burned,
/// and what accounts earned is what windows gave.
pub(super) async fn assert_adds_up(stores: &Stores, token: TokenId) {
    let digest = digest(&stores.balances, &stores.points, token).await.unwrap();
    assert_changes_lead_to_balances(&digest);
    assert_logs_are_of_the_changes(stores, token, &digest).await;
    assert_balances_are_the_supply(&digest);
    for state in stores.points.programmes(token).await.unwrap() {
        let id = state.programme.id;
        let earned = digest.programmes[id.name()].totals.values();
        let earned: U512 = earned.map(|raw| raw.get()).sum();
        let query = SettlementsQuery { programme: id, before: None, limit: usize::MAX };
        let windows = stores.points.settlements(&query).await.unwrap();
        let given: U512 = windows.iter().map(|window| window.total.raw.get()).sum();
        assert_eq!(earned, given, "what accounts earned is not what the windows gave");
    }
}

/// The logs kept of the token's contract are those of the changes, as far as both are: they are
/// committed one after the other, and taken back together.
async fn assert_logs_are_of_the_changes(stores: &Stores, token: TokenId, digest: &Digest) {
    let contracts = stores.logs.contracts(token.chain).await.unwrap();
    let Some(every) = contracts.first() else { return };
    let query = ContractLogsQuery {
        contract: every.spec.id.clone(),
        order: LogOrder::OldestFirst,
        after: None,
        limit: usize::MAX,
    };
    let kept = stores.logs.contract_logs(&query).await.unwrap().value;
    assert_eq!(every.logs, kept.len() as u64);
    let ledger = stores.balances.token(token).await.unwrap().unwrap();
    let both = every.cursor.map(|at| at.number).min(ledger.cursor.map(|at| at.number));
    let moves = |log: &Log| {
        erc20::decode(log).is_ok_and(|found| found.is_some_and(|found| !found.amount.is_zero()))
    };
    let logs = kept.iter().filter(|kept| Some(kept.log.block) <= both && moves(&kept.log));
    let logs: BTreeSet<_> = logs.map(|kept| (kept.log.place(), kept.time)).collect();
    let changes = digest.changes.iter().filter(|change| Some(change.block) <= both);
    let places = changes.filter(|change| !change.amount.is_zero());
    let places = places.map(|change| ((change.block, change.log_index), change.time));
    assert_eq!(logs, places.collect(), "logs and changes differ up to {both:?}");
}

fn assert_changes_lead_to_balances(digest: &Digest) {
    let mut balances: BTreeMap<_, U256> = BTreeMap::new();
    for change in &digest.changes {
        let balance = balances.entry(change.account).or_default();
        match change.change_type.leg() {
            Leg::In => *balance += change.amount.get(),
            Leg::Out => *balance -= change.amount.get(),
        }
        assert_eq!(change.balance_after.get(), *balance, "{change:?}");
    }
    let newest = digest.balances.iter().map(|(account, state)| (*account, state.balance.get()));
    assert_eq!(newest.collect::<BTreeMap<_, _>>(), balances, "balances are not their last change");
}

fn assert_balances_are_the_supply(digest: &Digest) {
    let totals = &digest.totals;
    let held = digest.balances.values().map(|state| state.balance.get());
    let supply: U256 = held.clone().sum();
    assert_eq!(totals.supply.get(), supply);
    assert_eq!(totals.minted.get() - totals.burned.get(), U512::from(supply));
    assert_eq!(totals.holders, held.filter(|balance| !balance.is_zero()).count() as u64);
}
