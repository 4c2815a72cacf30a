//! What a decision does on a ground, and why it is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::audit::AuditNumber;
use pledge_core::error::StoreErrorKind;
use pledge_core::points::{
    AccountEntry, AccountRule, Decision, DecisionKind, DecisionRecord, Ground, Measure, Programme,
    Reach, Ruling, Scope,
};
use pledge_core::ports::{ProgrammeState, ShardProgress};
use pledge_core::primitives::Address;
use pledge_core::types::{
    Account, ChainId, EntryNumber, Epoch, Rate, SetName, Timestamp, TokenId, WeightBp,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn bp(basis_points: u32) -> WeightBp {
    WeightBp::new(basis_points).unwrap()
}

fn account(byte: u8) -> Account {
    Account::new(Address::repeat_byte(byte)).unwrap()
}

fn token() -> TokenId {
    TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) }
}

fn set() -> SetName {
    "early".parse().unwrap()
}

/// A programme that is settled up to an instant, of a token confirmed up to another.
fn ground(settled: Option<u64>, confirmed: u64) -> Ground {
    let programme = Programme::main(token(), Rate::ZERO);
    let shard = |shard| ShardProgress { settled: settled.map(at), ..ShardProgress::fresh(shard) };
    let shards = programme.shards.shards().map(shard).collect();
    let programmes = vec![ProgrammeState::undecided(programme, Epoch::FIRST, shards)];
    Ground { programmes, confirmed: Some(at(confirmed)), ..Ground::default() }
}

fn with_entry(mut ground: Ground, number: u64, from: u64, ruling: Ruling) -> Ground {
    let entry = AccountEntry {
        account: account(1),
        number: EntryNumber::new(number),
        from: at(from),
        ruling,
    };
    ground.entries.entry(account(1)).or_default().push(entry);
    ground
}

fn suspension(ground: Ground, number: u64, reach: Reach, suspended: bool) -> Ground {
    with_entry(ground, number, 0, Ruling::Suspension { reach, suspended })
}

fn weights(rows: Vec<(Account, WeightBp)>, from: Option<u64>, until: Option<u64>) -> Decision {
    let measure = Measure::Weights { rows, until: until.map(at) };
    let scope = Scope::Programme(Programme::main(token(), Rate::ZERO).id);
    Decision { scope, from: from.map(at), measure }
}

fn double(from: Option<u64>) -> Decision {
    weights(vec![(account(1), bp(20_000))], from, None)
}

fn in_token(measure: Measure) -> Decision {
    Decision { scope: Scope::Token(token()), from: None, measure }
}

fn from_of(ground: &Ground, decision: &Decision) -> u64 {
    ground.enact(decision).unwrap().from.get()
}

fn refused(ground: &Ground, decision: &Decision) -> (StoreErrorKind, String) {
    let refused = ground.enact(decision).unwrap_err();
    (refused.kind(), refused.to_string())
}

#[test]
fn a_decision_holds_from_the_later_of_what_is_settled_and_confirmed() {
    assert_eq!(from_of(&ground(None, 70), &double(None)), 70);
    assert_eq!(from_of(&ground(Some(50), 70), &double(None)), 70);
    assert_eq!(from_of(&ground(Some(90), 70), &double(None)), 90);
    assert_eq!(from_of(&ground(Some(50), 70), &double(Some(50))), 50);
}

#[test]
fn a_decision_about_settled_time_is_a_conflict_that_names_the_bound() {
    let (kind, reason) = refused(&ground(Some(50), 70), &double(Some(49)));
    assert_eq!(kind, StoreErrorKind::Conflict);
    let bound = format!("from {} on", at(50));
    assert!(reason.starts_with("from:") && reason.contains(&bound), "{reason}");
}

#[test]
fn an_exclusion_holds_from_the_start_and_ends_with_the_first_settled_window() {
    let exclude = in_token(Measure::Exclude(vec![account(1)]));
    assert_eq!(from_of(&ground(None, 70), &exclude), 0);
    let (kind, reason) = refused(&ground(Some(50), 70), &exclude);
    assert!(kind == StoreErrorKind::Conflict && reason.contains("suspend"), "{reason}");
    let named = Decision { from: Some(at(60)), ..exclude };
    assert_eq!(refused(&ground(None, 70), &named).0, StoreErrorKind::Invalid);
}

#[test]
fn a_decision_that_contradicts_itself_is_invalid_and_names_its_row() {
    let ground = ground(None, 70);
    let twice =
        weights(vec![(account(1), bp(1)), (account(2), bp(1)), (account(1), bp(2))], None, None);
    let early = weights(vec![(account(1), bp(1))], Some(80), Some(80));
    let early_by_default = weights(vec![(account(1), bp(1))], None, Some(70));
    let nobody = weights(Vec::new(), None, None);
    let of_token = Decision { scope: Scope::Token(token()), ..double(None) };
    let of_programme =
        Decision { scope: double(None).scope, ..in_token(Measure::Suspend(vec![account(1)])) };
    let of_chain = Decision { scope: Scope::All, ..in_token(Measure::Exclude(vec![account(1)])) };
    let cases = [
        (twice, "row 3"),
        (early, "until"),
        (early_by_default, "until"),
        (nobody, "names no account"),
        (of_token, "name a programme"),
        (of_programme, "name a token, a chain or all"),
        (of_chain, "name a token"),
    ];
    for (decision, expected) in cases {
        let (kind, reason) = refused(&ground, &decision);
        assert!(kind == StoreErrorKind::Invalid && reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_decision_of_too_many_rows_is_invalid() {
    let row = |number: u64| {
        let mut bytes = [1; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        (Account::new(Address::from(bytes)).unwrap(), bp(1))
    };
    let many = weights((0..=Decision::ROWS_MAX as u64).map(row).collect(), None, None);
    let (kind, reason) = refused(&ground(None, 70), &many);
    assert!(kind == StoreErrorKind::Invalid && reason.contains("100001"), "{reason}");
}

#[test]
fn a_sum_beyond_the_bound_of_weights_names_the_row() {
    let ruling = Ruling::Bonus { set: set(), bonus: bp(1) };
    let ground = with_entry(ground(None, 70), 1, 0, ruling);
    let largest = weights(vec![(account(2), bp(7)), (account(1), bp((1 << 24) - 1))], None, None);
    let (kind, reason) = refused(&ground, &largest);
    assert!(kind == StoreErrorKind::Invalid && reason.starts_with("row 2"), "{reason}");
}

#[test]
fn an_account_with_as_many_entries_as_it_may_have_gets_no_more() {
    let mut full = ground(None, 70);
    for number in 0..u32::try_from(AccountRule::ENTRIES_MAX).unwrap() {
        let ruling = Ruling::Weight { weight: bp(number + 1), until: None };
        full = with_entry(full, u64::from(number) + 1, u64::from(number), ruling);
    }
    assert_eq!(refused(&full, &double(Some(5_000))).0, StoreErrorKind::Conflict);
}

#[test]
fn rows_that_change_nothing_are_left_out() {
    let ground =
        with_entry(ground(None, 70), 1, 0, Ruling::Weight { weight: bp(20_000), until: None });
    assert_eq!(ground.enact(&double(Some(80))).unwrap().rows, []);
    let rows = vec![(account(1), bp(20_000)), (account(2), bp(10_000)), (account(3), bp(5))];
    let enacted = ground.enact(&weights(rows, Some(80), None)).unwrap();
    assert_eq!(enacted.rows, [(account(3), bp(5))]);
    let back = weights(vec![(account(1), bp(10_000))], Some(80), Some(90));
    assert_eq!(ground.enact(&back).unwrap().rows.len(), 1);
}

#[test]
fn a_replaced_set_takes_its_bonus_from_those_that_leave_it() {
    let mut ground = with_entry(ground(None, 70), 1, 0, Ruling::Bonus { set: set(), bonus: bp(9) });
    ground.members = [account(1), account(2)].into();
    let decision =
        |rows| Decision { measure: Measure::BonusSet { set: set(), rows }, ..double(Some(80)) };
    let enacted = ground.enact(&decision(vec![(account(3), bp(4))])).unwrap();
    assert_eq!(enacted.rows, [(account(1), bp(0)), (account(3), bp(4))]);
    assert_eq!(ground.enact(&decision(Vec::new())).unwrap().rows, [(account(1), bp(0))]);
}

#[test]
fn a_reinstatement_needs_a_suspension_of_exactly_its_scope() {
    let reinstate = in_token(Measure::Reinstate(vec![account(1)]));
    let none = ground(None, 70);
    let of_chain = suspension(ground(None, 70), 1, Reach::Chain, true);
    let both = suspension(of_chain.clone(), 2, Reach::Token, true);
    let ended = suspension(suspension(none.clone(), 1, Reach::Token, true), 2, Reach::Token, false);
    for (ground, word) in
        [(&none, "token"), (&of_chain, "wider"), (&both, "chain"), (&ended, "no suspension")]
    {
        let (kind, reason) = refused(ground, &reinstate);
        assert!(kind == StoreErrorKind::Conflict && reason.contains(word), "{reason}");
    }
    let open = suspension(ended, 3, Reach::Token, true);
    assert_eq!(open.enact(&reinstate).unwrap().rows.len(), 1);
    let of_chain_only = Decision { scope: Scope::Chain(token().chain), ..reinstate };
    assert_eq!(both.enact(&of_chain_only).unwrap().rows.len(), 1);
}

#[test]
fn a_batch_is_refused_by_a_later_decision_about_time_before_its_end() {
    let record = DecisionRecord {
        number: EntryNumber::new(5),
        scope: Scope::All,
        from: at(50),
        kind: DecisionKind::Suspend,
        accounts: 1,
        audit: AuditNumber::new(1),
    };
    let refuses = |read, end| record.refuse_batch(EntryNumber::new(read), at(end)).is_some();
    assert!(refuses(4, 51) && !refuses(4, 50) && !refuses(5, 51));
}
