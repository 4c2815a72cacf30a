//! What must add up in a database at any instant, whichever process was killed.

use std::collections::BTreeMap;

use pledge_core::ledger::Leg;
use pledge_core::ports::SettlementsQuery;
use pledge_core::primitives::{U256, U512};
use pledge_core::types::TokenId;
use pledge_server::stores::Stores;
use pledge_testing::digest::{Digest, digest};

/// Every balance is the one before with the change, their sum is what was minted and not burned,
/// and what accounts earned is what windows gave.
pub(super) async fn assert_adds_up(stores: &Stores, token: TokenId) {
    let digest = digest(&stores.balances, &stores.points, token).await.unwrap();
    assert_changes_lead_to_balances(&digest);
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
