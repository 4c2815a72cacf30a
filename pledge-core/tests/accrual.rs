//! Settlement by accruals of accounts' own, against a sum over every single second.

use std::collections::BTreeSet;
use std::sync::Arc;

use pledge_core::ledger::Checkpoint;
use pledge_core::points::{
    AccountRule, Accrual, Holding, HoldingParts, Programme, Settled, Settling, WindowRow,
    settlements_of,
};
use pledge_core::ports::{AccountHistory, ShardProgress, WindowTotal};
use pledge_core::primitives::{Address, U512};
use pledge_core::types::{
    Account, Amount, BalanceSeconds, BlockNumber, ChainId, Epoch, Piece, Rate, RateSchedule,
    RawPoints, Schedule, ShardCount, Step, Timestamp, TokenId, WeightBp, WeightSchedule, Window,
    WindowLength,
};
use proptest::prelude::*;

/// Seconds of a window.
const WINDOW: u64 = 10;
/// Where a settlement begins and ends.
const RUN: (u64, u64) = (20, 80);

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).expect("a small number of seconds")
}

fn account(number: u8) -> Account {
    Account::new(Address::repeat_byte(number + 1)).expect("not zero")
}

/// A value at 0 s and from some instants on.
fn schedule<V: Copy + PartialEq + std::fmt::Debug>(
    value: impl Strategy<Value = V> + Clone,
) -> impl Strategy<Value = Schedule<V>> {
    let steps = proptest::collection::btree_map(0..90_u64, value.clone(), 0..4);
    (value, steps).prop_map(|(initial, steps)| {
        let mut last = initial;
        let mut kept = Vec::new();
        for (from, value) in steps {
            if value != last {
                kept.push(Step { from: at(from), value });
                last = value;
            }
        }
        Schedule::new(initial, kept).expect("ascending")
    })
}

fn rates() -> impl Strategy<Value = RateSchedule> {
    schedule(
        prop_oneof![Just(0), 1..1_000_u128].prop_map(|e18| Rate::from_e18(e18).expect("small")),
    )
}

fn weights() -> impl Strategy<Value = WeightSchedule> {
    schedule(
        prop_oneof![Just(0), Just(10_000), 1..30_000_u32]
            .prop_map(|bp| WeightBp::new(bp).expect("below 2^24")),
    )
}

/// An account's balance over time, and its weight.
#[derive(Debug, Clone)]
struct Holder {
    account: Account,
    /// Balances from instants on, ascending.
    balances: Vec<(u64, u64)>,
    weights: WeightSchedule,
}

impl Holder {
    fn balance(&self, second: u64) -> u64 {
        let held = self.balances.iter().rev().find(|(time, _)| *time <= second);
        held.map_or(0, |(_, balance)| *balance)
    }

    fn rule(&self) -> Arc<AccountRule> {
        Arc::new(AccountRule::of_weights(self.weights.clone()))
    }

    /// What it earns over `[from, to)`, second by second.
    fn earned(&self, rates: &RateSchedule, from: u64, to: u64) -> U512 {
        let earned = |second| {
            let (rate, weight) = (rates.at(at(second)).e18(), self.weights.at(at(second)).get());
            U512::from(self.balance(second)) * U512::from(rate) * U512::from(weight)
        };
        (from..to).map(earned).sum()
    }

    /// The starts of the windows of `[from, to)` in which its balance or weight changes.
    fn changed(&self, from: u64, to: u64) -> BTreeSet<Timestamp> {
        let first = self.balances.first().map_or(u64::MAX, |(time, _)| *time);
        let steps = self.weights.before(Timestamp::ZERO).1.iter().map(|step| step.from.get());
        let times = self.balances.iter().map(|(time, _)| *time);
        let times = times.chain(steps.filter(|step| *step >= first));
        let inside = times.filter(|time| (from..to).contains(time));
        inside.map(|time| at(time - time % WINDOW)).collect()
    }

    fn states(&self) -> Vec<Checkpoint> {
        let mut integral = BalanceSeconds::ZERO;
        let (mut since, mut held) = (Timestamp::ZERO, Amount::ZERO);
        let state = |(time, balance): &(u64, u64)| {
            integral = integral.plus(held, since, at(*time)).expect("a small integral");
            (since, held) = (at(*time), Amount::from(*balance));
            let block = BlockNumber::new(*time);
            Checkpoint { balance: held, balance_seconds: integral, time: since, block }
        };
        self.balances.iter().map(state).collect()
    }

    fn history(&self, from: u64, to: u64) -> AccountHistory {
        let (before, rest): (Vec<_>, Vec<_>) =
            self.states().into_iter().partition(|state| state.time < at(from));
        let changes = rest.into_iter().filter(|state| state.time < at(to)).collect();
        AccountHistory { account: self.account, opening: before.last().copied(), changes }
    }
}

fn holders() -> impl Strategy<Value = Vec<Holder>> {
    let balance = prop_oneof![Just(0), 1..1_000_u64];
    let balances = proptest::collection::btree_map(0..90_u64, balance, 0..5);
    let holder = (balances, weights()).prop_map(|(balances, weights)| {
        let balances = balances.into_iter().collect();
        Holder { account: account(0), balances, weights }
    });
    proptest::collection::vec(holder, 1..5).prop_map(|mut holders| {
        for (number, holder) in (0..).zip(&mut holders) {
            holder.account = account(number);
        }
        holders
    })
}

fn programme(rates: RateSchedule) -> Programme {
    let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
    Programme {
        rates,
        window: WindowLength::new(WINDOW).expect("a length"),
        shards: ShardCount::new(1).expect("one shard"),
        ..Programme::main(token, Rate::ZERO)
    }
}

fn window(start: u64, end: u64) -> Window {
    Window { start: at(start), end: at(end) }
}

/// Settles the holders by their own weights.
fn settle(programme: &Programme, holders: &[Holder], (from, to): (u64, u64)) -> Settled {
    let mut settling = Settling::new(programme, Epoch::FIRST, window(from, to));
    for holder in holders {
        let history = holder.history(from, to);
        // An account without a change before the end is in no page of a store.
        if history.opening.is_some() || !history.changes.is_empty() {
            settling.add(&history, &holder.rule()).expect("small numbers");
        }
    }
    settling.finish().expect("small numbers")
}

/// The sums of every window of the run, stored or derived, in the answer of a store with these rows.
fn listed(programme: &Programme, rows: &[WindowRow]) -> Vec<(Timestamp, WindowTotal)> {
    let mut progress = ShardProgress::fresh(programme.shards.shards().next().expect("one"));
    progress.settled = Some(at(RUN.1));
    let over = window(RUN.0, RUN.1);
    let listed = settlements_of(programme, &[progress], over, |_| rows.to_vec());
    let listed = listed.expect("small numbers").into_iter();
    listed.map(|settlement| (settlement.window.start, settlement.total)).collect()
}

fn raw(number: U512) -> RawPoints {
    RawPoints::from_be_bytes(number.to_be_bytes())
}

proptest! {
    #[test]
    fn accrual_by_integrals_and_by_segments_is_the_sum_over_seconds(
        rates in rates(), holders in holders(), from in 0..90_u64, seconds in 0..90_u64
    ) {
        let (holder, to) = (&holders[0], from + seconds);
        let rule = holder.rule();
        let accrual = Accrual::new(&rates, &rule);
        let expected = raw(holder.earned(&rates, from, to));
        let states = holder.states();
        let state_at = |time| {
            Ok::<_, pledge_core::types::Overflow>(
                states.iter().rev().find(|state| state.time <= time).copied()
            )
        };
        prop_assert_eq!(accrual.accrue(at(from), at(to), state_at), Ok(expected));
        let second = |second| {
            let value = Amount::from(holder.balance(second));
            Piece { from: at(second), to: at(second + 1), value }
        };
        prop_assert_eq!(accrual.of_segments((from..to).map(second)), Ok(expected));
    }

    #[test]
    fn an_account_earns_by_its_own_weight(rates in rates(), holders in holders()) {
        let programme = programme(rates);
        let settled = settle(&programme, &holders, RUN);
        let expected: Vec<_> = holders
            .iter()
            .map(|holder| (holder.account, raw(holder.earned(&programme.rates, RUN.0, RUN.1))))
            .filter(|(_, earned)| *earned != RawPoints::ZERO)
            .collect();
        prop_assert_eq!(settled.earned, expected);
    }

    #[test]
    fn a_row_exists_where_a_balance_or_a_weight_changes(rates in rates(), holders in holders()) {
        let programme = programme(rates);
        let settled = settle(&programme, &holders, RUN);
        let mut expected = Vec::new();
        for holder in &holders {
            for start in holder.changed(RUN.0, RUN.1) {
                let end = start.get() + WINDOW;
                let earned = holder.earned(&programme.rates, start.get(), end);
                expected.push((holder.account, start, raw(earned)));
            }
        }
        let rows = settled.statements.iter();
        let rows: Vec<_> = rows.map(|row| (row.account, row.window.start, row.raw)).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn the_sums_of_each_window_are_those_of_its_accounts(
        rates in rates(), holders in holders(), cut in 2..=8_u64
    ) {
        let programme = programme(rates);
        let cut = cut * WINDOW;
        let runs = [(RUN.0, cut), (cut, RUN.1)].into_iter().filter(|(from, to)| from < to);
        let mut rows: Vec<WindowRow> = Vec::new();
        for run in runs {
            let mut windows = settle(&programme, &holders, run).windows;
            // A store drops the row that a settlement began with, if the one before it gives it.
            if windows[0].is_derived_from(&programme, rows.last()) {
                windows.remove(0);
            }
            rows.extend(windows);
        }
        for (start, total) in listed(&programme, &rows) {
            let (from, to) = (start.get(), start.get() + WINDOW);
            let earned = holders.iter().map(|holder| holder.earned(&programme.rates, from, to));
            let earned: Vec<_> = earned.filter(|earned| !earned.is_zero()).collect();
            let expected = (earned.len() as u64, raw(earned.into_iter().sum()));
            prop_assert_eq!((total.accounts, total.raw), expected, "window {}", start);
        }
    }

    #[test]
    fn rows_of_accounts_do_not_depend_on_where_a_settlement_ends(
        rates in rates(), holders in holders(), cut in 3..8_u64
    ) {
        let programme = programme(rates);
        let cut = cut * WINDOW;
        let rows = |runs: &[(u64, u64)]| {
            let settled = runs.iter().flat_map(|run| settle(&programme, &holders, *run).statements);
            let mut rows: Vec<_> = settled.collect();
            rows.sort_by_key(|row| (row.account, row.window.start));
            rows
        };
        prop_assert_eq!(rows(&[RUN]), rows(&[(RUN.0, cut), (cut, RUN.1)]));
    }
}

#[test]
fn a_sum_that_is_not_whole_at_the_base_weight_is_kept_exactly() {
    let programme = programme(RateSchedule::constant(Rate::from_e18(1).expect("small")));
    let weights = WeightSchedule::constant(WeightBp::new(15_000).expect("below 2^24"));
    let holder = Holder { account: account(0), balances: vec![(0, 1)], weights };
    let row = settle(&programme, &[holder], RUN).windows.remove(0);
    let parts = HoldingParts::from(row.closing);
    assert_eq!((parts.balance, parts.holders), (Amount::ZERO, 1));
    assert_eq!(parts.weighted.map(|sum| sum.to_string()).as_deref(), Some("15000"));
    assert_eq!(Holding::try_from(parts).expect("one form"), row.closing);
    let json = serde_json::to_string(&row).expect("a record");
    assert_eq!(serde_json::from_str::<WindowRow>(&json).expect("a record"), row);
}

#[test]
fn a_sum_that_has_two_forms_is_refused() {
    let weighted = |sum: &str| Some(sum.parse().expect("an integer"));
    let (one, none) = (Amount::from(1), Amount::ZERO);
    for (balance, weighted) in [(none, weighted("20000")), (one, weighted("15000"))] {
        let parts = HoldingParts { holders: 1, balance, weighted };
        assert!(Holding::try_from(parts).is_err(), "{parts:?}");
    }
}

/// Up and down again inside one window, so that it earns what the window before it gives.
#[test]
fn a_window_in_which_weights_cancel_keeps_its_row_wherever_a_settlement_begins() {
    let programme = programme(RateSchedule::constant(Rate::from_e18(1).expect("small")));
    let step = |from, bp| Step { from: at(from), value: WeightBp::new(bp).expect("small") };
    let steps = vec![step(42, 20_000), step(44, 0), step(46, 10_000)];
    let weights = WeightSchedule::new(WeightBp::ONE, steps).expect("ascending");
    let holder = Holder { account: account(0), balances: vec![(0, 7)], weights };
    let whole = settle(&programme, std::slice::from_ref(&holder), (20, 60)).windows;
    let late = settle(&programme, &[holder], (40, 60)).windows;
    assert_eq!(whole[0].total.raw, late[0].total.raw, "the changes cancel");
    assert!(!late[0].is_derived_from(&programme, Some(&whole[0])));
    assert_eq!(whole[1..], late[..]);
}
