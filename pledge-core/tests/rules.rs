//! Weights by the entries of one account, and the decisions that statements name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::points::{AccountEntry, AccountRule, Programme, Reach, Rules, Ruling};
use pledge_core::ports::ProgrammeState;
use pledge_core::primitives::Address;
use pledge_core::types::{
    Account, ChainId, EntryNumber, Epoch, Rate, Step, Timestamp, TokenId, WeightBp,
};

fn programme() -> Programme {
    let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
    Programme::main(token, Rate::ZERO)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn bp(basis_points: u32) -> WeightBp {
    WeightBp::new(basis_points).unwrap()
}

fn entry(number: u64, from: u64, ruling: Ruling) -> AccountEntry {
    let account = Account::new(Address::repeat_byte(1)).unwrap();
    AccountEntry { account, number: EntryNumber::new(number), from: at(from), ruling }
}

fn weight(basis_points: u32, until: Option<u64>) -> Ruling {
    Ruling::Weight { weight: bp(basis_points), until: until.map(at) }
}

fn bonus(set: &str, basis_points: u32) -> Ruling {
    Ruling::Bonus { set: set.parse().unwrap(), bonus: bp(basis_points) }
}

const fn suspension(reach: Reach, suspended: bool) -> Ruling {
    Ruling::Suspension { reach, suspended }
}

/// The weight at zero, and each step after it.
fn steps(entries: &[AccountEntry]) -> Vec<(u64, u32)> {
    let (programme, rule) = (programme(), AccountRule::of(entries, &[]).unwrap());
    let (initial, steps) = programme.accrual(&rule).weight_before(Timestamp::ZERO);
    let steps = steps.iter().map(|step| (step.from.get(), step.value.get()));
    std::iter::once((0, initial.get())).chain(steps).collect()
}

#[test]
fn an_account_without_entries_has_the_base_weight() {
    assert_eq!(steps(&[]), [(0, 10_000)]);
}

#[test]
fn the_covering_entry_of_the_highest_number_is_the_weight() {
    let entries = [
        entry(1, 10, weight(20_000, None)),
        entry(3, 30, weight(5_000, Some(40))),
        entry(2, 20, weight(30_000, Some(50))),
    ];
    assert_eq!(
        steps(&entries),
        [(0, 10_000), (10, 20_000), (20, 30_000), (30, 5_000), (40, 30_000), (50, 20_000)]
    );
}

#[test]
fn bonuses_of_sets_are_added_and_nothing_multiplies() {
    let entries = [
        entry(1, 10, bonus("a", 500)),
        entry(2, 20, weight(20_000, None)),
        entry(3, 30, bonus("b", 700)),
        entry(4, 40, bonus("a", 0)),
    ];
    assert_eq!(
        steps(&entries),
        [(0, 10_000), (10, 10_500), (20, 20_500), (30, 21_200), (40, 20_700)]
    );
}

#[test]
fn a_weight_of_zero_is_no_suspension() {
    let entries = [entry(1, 10, weight(0, None)), entry(2, 10, bonus("a", 500))];
    assert_eq!(steps(&entries), [(0, 10_000), (10, 500)]);
}

#[test]
fn a_suspended_account_gets_no_bonus_until_every_suspension_ends() {
    let entries = [
        entry(1, 0, bonus("a", 500)),
        entry(2, 10, suspension(Reach::Token, true)),
        entry(3, 20, suspension(Reach::All, true)),
        entry(4, 30, suspension(Reach::Token, false)),
        entry(5, 40, suspension(Reach::All, false)),
    ];
    assert_eq!(steps(&entries), [(0, 10_500), (10, 0), (40, 10_500)]);
}

#[test]
fn an_exclusion_that_is_lifted_never_was() {
    let excluded = |number, excluded| entry(number, 0, Ruling::Exclusion { excluded });
    assert_eq!(steps(&[excluded(1, true)]), [(0, 0)]);
    assert_eq!(steps(&[excluded(1, true), excluded(2, false)]), [(0, 10_000)]);
}

#[test]
fn a_sum_of_two_to_the_24_is_refused_while_the_account_is_suspended_too() {
    let largest = (1 << 24) - 1;
    let entries = [
        entry(1, 0, suspension(Reach::All, true)),
        entry(2, 10, weight(largest, None)),
        entry(3, 20, bonus("a", 1)),
    ];
    assert!(AccountRule::of(&entries[..2], &[]).is_ok());
    let refused = AccountRule::of(&entries, &[]).unwrap_err().to_string();
    assert!(refused.contains("16777216") && refused.contains("lower"), "{refused}");
}

#[test]
fn a_statement_names_the_highest_number_that_holds_before_the_end_of_its_window() {
    let entries = [entry(5, 10, weight(1, None)), entry(2, 20, bonus("a", 1))];
    let versions = [Step { from: at(15), value: EntryNumber::new(7) }];
    let rule = AccountRule::of(&entries, &versions).unwrap();
    let named = |time| rule.entry_before(at(time)).get();
    assert_eq!([0, 10, 11, 15, 16, 21].map(named), [0, 0, 5, 5, 7, 7]);
    let state = ProgrammeState::undecided(programme(), Epoch::FIRST, Vec::new());
    let plain = Rules::of(&ProgrammeState { versions: versions.to_vec(), ..state }, []).unwrap();
    let other = Account::new(Address::repeat_byte(2)).unwrap();
    assert_eq!(plain.rule(other).entry_before(at(16)).get(), 7);
}
