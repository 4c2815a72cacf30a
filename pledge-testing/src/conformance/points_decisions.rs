//! Laws of [`PointsStore`](pledge_core::ports::PointsStore) about decisions of people: what they are, what
//! they reach, and what a settlement makes of them.

use pledge_core::audit::{Action, AuditRecord};
use pledge_core::error::StoreErrorKind;
use pledge_core::points::{
    Decided, Decision, DecisionKind, DecisionRecord, Measure, Programme, Ruling, Scope,
};
use pledge_core::types::{
    Account, EntryNumber, ProgrammeId, RateSchedule, Step, Timestamp, TokenId, WeightBp,
};

use super::ledger::Ledger;
use super::points_store::{
    WHOLE, batch, id, open, points, rate, refused, settle_both, state, two_shards,
};
use crate::Fixture;
use crate::oracle::{Taken, oracle_of_decisions};
use crate::world::{CHAIN, account, at, operator, operator_because, spec, token};

laws! {
    __points_decisions of points_decisions(Fixture):
    a_decision_is_read_as_it_was_taken
    a_decision_holds_from_where_nothing_is_settled
    a_decision_about_settled_time_is_refused
    a_decision_that_changes_nothing_is_not_written
    a_refused_decision_writes_nothing
    a_wide_suspension_reaches_every_programme_and_those_that_come
    a_reinstatement_ends_only_its_own_scope
    a_replaced_bonus_set_leaves_out_who_left
    a_change_of_rates_is_a_decision
    a_batch_that_missed_a_decision_is_refused
    a_decision_after_the_end_of_a_batch_lets_it_pass
    settled_points_follow_every_decision
    a_rewind_restates_by_the_weights_in_force
    a_decision_of_many_rows_is_whole
}

pub(super) fn bp(basis_points: u32) -> WeightBp {
    WeightBp::new(basis_points).expect("below 2^24")
}

pub(super) fn weigh(accounts: &[u64], basis_points: u32, from: Option<u64>) -> Decision {
    let rows = accounts.iter().map(|number| (account(*number), bp(basis_points))).collect();
    let measure = Measure::Weights { rows, until: None };
    Decision { scope: Scope::Programme(id()), from: from.map(at), measure }
}

fn suspend(scope: Scope, number: u64, from: Option<u64>) -> Decision {
    Decision { scope, from: from.map(at), measure: Measure::Suspend(vec![account(number)]) }
}

fn reinstate(scope: Scope, number: u64, from: Option<u64>) -> Decision {
    Decision { scope, from: from.map(at), measure: Measure::Reinstate(vec![account(number)]) }
}

async fn decide(ledger: &Ledger, decision: &Decision) -> Decided {
    points(ledger).decide(decision, &operator()).await.expect("a valid decision")
}

async fn refuse(ledger: &Ledger, decision: &Decision) -> StoreErrorKind {
    let error = points(ledger).decide(decision, &operator()).await;
    error.expect_err("the decision does not fit").kind()
}

async fn rulings(ledger: &Ledger, account: Account) -> Vec<(EntryNumber, Timestamp, Ruling)> {
    let entries = points(ledger).entries(&id(), &[account]).await.expect("read");
    entries.into_iter().map(|entry| (entry.number, entry.from, entry.ruling)).collect()
}

/// What is kept of decisions, and who took them.
async fn kept(ledger: &Ledger) -> (Vec<DecisionRecord>, Vec<AuditRecord>) {
    (decisions(ledger, &id()).await, ledger.fixture.all_acts().await.expect("read"))
}

async fn decisions(ledger: &Ledger, programme: &ProgrammeId) -> Vec<DecisionRecord> {
    points(ledger).decisions(programme, None, 100).await.expect("read")
}

/// Its number, instant and accounts, and the record of who took it.
async fn a_decision_is_read_as_it_was_taken(fixture: Fixture) {
    let ledger = open(fixture).await;
    let by = operator_because("partners");
    let decision = weigh(&[2, 1], 20_000, Some(9_000));
    let decided = points(&ledger).decide(&decision, &by).await.expect("a valid decision");
    let number = EntryNumber::START.next();
    assert_eq!(decided, Decided { number: Some(number), from: at(9_000), accounts: 2 });
    let weight = Ruling::Weight { weight: bp(20_000), until: None };
    assert_eq!(rulings(&ledger, account(1)).await, [(number, at(9_000), weight)]);
    assert_eq!(rulings(&ledger, account(3)).await, []);
    let both = points(&ledger).entries(&id(), &[account(2), account(1), account(2)]).await;
    let both: Vec<_> = both.expect("read").iter().map(|entry| entry.account).collect();
    let mut expected = vec![account(1), account(2)];
    expected.sort_unstable();
    assert_eq!(both, expected, "by account, each once");
    let records = decisions(&ledger, &id()).await;
    let [record] = &records[..] else { panic!("one decision: {records:?}") };
    assert_eq!((record.number, &record.scope), (number, &decision.scope));
    assert_eq!((record.from, &record.kind, record.accounts), (at(9_000), &decision.kind(), 2));
    let acts = ledger.fixture.all_acts().await.expect("read");
    let act = acts.last().expect("the decision is recorded");
    assert_eq!((act.number, &act.act.action), (record.audit, &Action::SET_WEIGHTS));
    assert_eq!(act.by.reason, by.reason);
    assert_eq!(state(&ledger).await.version, number);
}

/// Without an instant of its own it holds from the later of what is settled and what is confirmed.
async fn a_decision_holds_from_where_nothing_is_settled(fixture: Fixture) {
    let ledger = open(fixture).await;
    let confirmed = ledger.chain.block(5).expect("mined").time;
    settle_both(&ledger, (0, 3_600)).await;
    assert_eq!(decide(&ledger, &weigh(&[1], 20_000, None)).await.from, confirmed);
    assert_eq!(decide(&ledger, &weigh(&[1], 30_000, Some(3_600))).await.from, at(3_600));
}

/// A settlement under way counts to its end, and what a rewind took back as well.
async fn a_decision_about_settled_time_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let part = batch(&ledger, 1, WHOLE, (0, 7_200)).await;
    points(&ledger).commit_batch(&part).await.expect("commit");
    assert_eq!(refuse(&ledger, &weigh(&[1], 20_000, Some(7_199))).await, StoreErrorKind::Conflict);
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    assert_eq!(refuse(&ledger, &weigh(&[1], 20_000, Some(7_199))).await, StoreErrorKind::Conflict);
    let measure = Measure::Exclude(vec![account(1)]);
    let exclude = Decision { scope: Scope::Token(token()), from: None, measure };
    assert_eq!(refuse(&ledger, &exclude).await, StoreErrorKind::Conflict);
    decide(&ledger, &weigh(&[1], 20_000, Some(7_200))).await;
}

/// A call may be repeated until it is answered.
async fn a_decision_that_changes_nothing_is_not_written(fixture: Fixture) {
    let ledger = open(fixture).await;
    let suspended = suspend(Scope::All, 1, Some(0));
    decide(&ledger, &suspended).await;
    let before = kept(&ledger).await;
    for again in [&suspended, &suspend(Scope::All, 1, None), &weigh(&[1, 2], 10_000, None)] {
        let decided = decide(&ledger, again).await;
        assert_eq!((decided.number, decided.accounts), (None, 0));
    }
    assert_eq!(kept(&ledger).await, before);
}

/// Every row is judged before the first is written.
async fn a_refused_decision_writes_nothing(fixture: Fixture) {
    let ledger = open(fixture).await;
    decide(&ledger, &suspend(Scope::Token(token()), 1, Some(0))).await;
    let before = kept(&ledger).await;
    let unknown = ProgrammeId::new(token(), "unknown").expect("a name");
    let half = Decision {
        measure: Measure::Reinstate(vec![account(1), account(2)]),
        ..reinstate(Scope::Token(token()), 1, None)
    };
    let cases = [
        (weigh(&[1, 2, 1], 20_000, None), StoreErrorKind::Invalid),
        (weigh(&[], 20_000, None), StoreErrorKind::Invalid),
        (Decision { scope: Scope::All, ..weigh(&[1], 20_000, None) }, StoreErrorKind::Invalid),
        (
            Decision { scope: Scope::Programme(unknown), ..weigh(&[1], 1, None) },
            StoreErrorKind::Invalid,
        ),
        (half, StoreErrorKind::Conflict),
    ];
    for (decision, kind) in cases {
        assert_eq!(refuse(&ledger, &decision).await, kind, "{decision:?}");
    }
    assert_eq!(kept(&ledger).await, before);
    assert_eq!(rulings(&ledger, account(2)).await, []);
}

/// Also one of a token that is registered later, and none of another chain.
async fn a_wide_suspension_reaches_every_programme_and_those_that_come(fixture: Fixture) {
    let ledger = open(fixture).await;
    decide(&ledger, &suspend(Scope::Token(token()), 1, Some(100))).await;
    decide(&ledger, &suspend(Scope::Chain(CHAIN), 1, Some(200))).await;
    let newest = decide(&ledger, &suspend(Scope::All, 1, Some(300))).await.number;
    let second =
        Programme { id: ProgrammeId::new(token(), "second").expect("a name"), ..two_shards() };
    points(&ledger).add_programme(&second, &operator()).await.expect("add");
    let mut address = token().address;
    address.0[0] ^= 1;
    let other = spec(TokenId { address, ..token() });
    ledger.store().register_token(&other).await.expect("register");
    let third = Programme { id: ProgrammeId::main(other.id), ..two_shards() };
    points(&ledger).put_programme(&third, &operator()).await.expect("put");
    for (programme, reached) in [(id(), 3), (second.id, 3), (third.id, 2)] {
        let states = points(&ledger).programmes(programme.token).await.expect("read");
        let state = states.iter().find(|state| state.programme.id == programme);
        assert_eq!(state.map(|state| state.version), newest, "{programme}");
        let entries = points(&ledger).entries(&programme, &[account(1)]).await.expect("read");
        assert_eq!(entries.len(), reached, "{programme}");
        assert_eq!(decisions(&ledger, &programme).await.len(), reached, "{programme}");
    }
    let page = points(&ledger).decisions(&id(), newest, 1).await.expect("read");
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].scope, Scope::Chain(CHAIN));
}

/// Suspensions of several scopes add up.
async fn a_reinstatement_ends_only_its_own_scope(fixture: Fixture) {
    let ledger = open(fixture).await;
    let of_token = Scope::Token(token());
    decide(&ledger, &suspend(of_token.clone(), 1, Some(0))).await;
    decide(&ledger, &suspend(Scope::Chain(CHAIN), 1, Some(0))).await;
    let refused = refuse(&ledger, &reinstate(of_token.clone(), 1, None)).await;
    assert_eq!(refused, StoreErrorKind::Conflict, "a wider one is open");
    let refused = refuse(&ledger, &reinstate(Scope::All, 1, None)).await;
    assert_eq!(refused, StoreErrorKind::Conflict, "there is none of that scope");
    decide(&ledger, &reinstate(Scope::Chain(CHAIN), 1, None)).await;
    decide(&ledger, &reinstate(of_token.clone(), 1, None)).await;
    assert_eq!(refuse(&ledger, &reinstate(of_token, 1, None)).await, StoreErrorKind::Conflict);
}

/// The bonus of an account that is in no version of the set any more ends where the newest begins.
async fn a_replaced_bonus_set_leaves_out_who_left(fixture: Fixture) {
    let ledger = open(fixture).await;
    let set = |numbers: &[u64], basis_points, from| {
        let rows = numbers.iter().map(|number| (account(*number), bp(basis_points))).collect();
        let measure = Measure::BonusSet { set: "early".parse().expect("a name"), rows };
        Decision { scope: Scope::Programme(id()), from: Some(at(from)), measure }
    };
    let first = decide(&ledger, &set(&[1, 2], 500, 9_000)).await;
    let second = decide(&ledger, &set(&[2, 3], 700, 9_100)).await;
    assert_eq!((first.accounts, second.accounts), (2, 3));
    let bonuses = async |number| -> Vec<u32> {
        let entries = rulings(&ledger, account(number)).await;
        entries.iter().map(|(_, _, ruling)| ruling.value().get()).collect()
    };
    assert_eq!(bonuses(1).await, [500, 0]);
    assert_eq!(bonuses(2).await, [500, 700]);
    assert_eq!(bonuses(3).await, [700]);
    assert_eq!(decide(&ledger, &set(&[], 0, 9_200)).await.accounts, 2);
}

/// It has a number, and holds from the first instant at which the rate is another.
async fn a_change_of_rates_is_a_decision(fixture: Fixture) {
    let ledger = open(fixture).await;
    let step = Step { from: at(9_000), value: rate("0.1") };
    let rates = RateSchedule::new(rate("0.05"), vec![step]).expect("one step");
    let changed = Programme { rates, ..two_shards() };
    for _ in 0..2 {
        points(&ledger).put_programme(&changed, &operator()).await.expect("nothing is settled");
    }
    let records = decisions(&ledger, &id()).await;
    let [record] = &records[..] else { panic!("one decision: {records:?}") };
    assert_eq!((&record.kind, record.from, record.accounts), (&DecisionKind::Rates, at(9_000), 0));
    let state = state(&ledger).await;
    assert_eq!(state.version, record.number);
    assert_eq!(state.versions, [Step { from: at(9_000), value: record.number }]);
}

/// A batch is written under every decision about its time.
async fn a_batch_that_missed_a_decision_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let stale = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    decide(&ledger, &suspend(Scope::All, 1, Some(3_599))).await;
    refused(&ledger, &stale).await;
    let fresh = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    points(&ledger).commit_batch(&fresh).await.expect("it has read the decision");
}

/// What changes later time changes nothing of it.
async fn a_decision_after_the_end_of_a_batch_lets_it_pass(fixture: Fixture) {
    let ledger = open(fixture).await;
    let read_before = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    decide(&ledger, &weigh(&[1, 2, 3, 4], 20_000, Some(3_600))).await;
    points(&ledger).commit_batch(&read_before).await.expect("the decision holds after the batch");
}

/// Everything that can be decided, before and between two settlements.
async fn settled_points_follow_every_decision(fixture: Fixture) {
    let ledger = open(fixture).await;
    let bonus = |numbers: &[u64]| Measure::BonusSet {
        set: "early".parse().expect("a name"),
        rows: numbers.iter().map(|number| (account(*number), bp(333))).collect(),
    };
    let weights = |until| Measure::Weights { rows: vec![(account(2), bp(25_000))], until };
    let (of_programme, of_token) = (Scope::Programme(id()), Scope::Token(token()));
    let decisions = [
        (of_token.clone(), None, Measure::Exclude(vec![account(4)])),
        (of_programme.clone(), Some(at(700)), bonus(&[1, 2])),
        (of_programme.clone(), Some(at(1_000)), weights(Some(at(5_000)))),
        (Scope::All, Some(at(2_000)), Measure::Suspend(vec![account(1)])),
        (Scope::All, Some(at(4_000)), Measure::Reinstate(vec![account(1)])),
        (of_programme, Some(at(4_500)), bonus(&[3])),
    ];
    let mut taken = Vec::new();
    for (index, (scope, from, measure)) in decisions.into_iter().enumerate() {
        let decision = Decision { scope, from, measure };
        let Decided { number, from, .. } = decide(&ledger, &decision).await;
        taken.push(Taken { number: number.expect("it changes something"), from, decision });
        if index == 3 {
            settle_both(&ledger, (0, 3_600)).await;
        }
    }
    settle_both(&ledger, (3_600, 7_200)).await;
    assert_eq!(ledger.digest().await, expected(&ledger, 5, &taken));
}

/// What the ledger and the decisions give at a block.
fn expected(ledger: &Ledger, height: u64, taken: &[Taken]) -> crate::digest::Digest {
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(height)).expect("mined");
    let transfers = ledger.chain.transfers();
    oracle_of_decisions(token(), &start, &cursor, &transfers, &[two_shards()], taken)
}

/// What is still settled keeps its weights; what opens again gets them again.
async fn a_rewind_restates_by_the_weights_in_force(fixture: Fixture) {
    let ledger = open(fixture).await;
    let mut taken = Vec::new();
    for decision in [weigh(&[1, 3], 12_345, Some(1_800)), suspend(Scope::All, 2, Some(5_000))] {
        let Decided { number, from, .. } = decide(&ledger, &decision).await;
        taken.push(Taken { number: number.expect("it changes something"), from, decision });
    }
    settle_both(&ledger, (0, 7_200)).await;
    assert_eq!(ledger.digest().await, expected(&ledger, 5, &taken));
    ledger.rewind_to(ledger.chain.block(4).expect("mined")).await.expect("rewind");
    assert_eq!(ledger.digest().await, expected(&ledger, 4, &taken));
}

/// Several statements of a database, one decision.
async fn a_decision_of_many_rows_is_whole(fixture: Fixture) {
    let ledger = open(fixture).await;
    let numbers: Vec<u64> = (1..=700).collect();
    let decided = decide(&ledger, &weigh(&numbers, 20_000, Some(9_000))).await;
    assert_eq!(decided.accounts, 700);
    let accounts: Vec<_> = numbers.iter().map(|number| account(*number)).collect();
    let entries = points(&ledger).entries(&id(), &accounts).await.expect("read");
    assert_eq!(entries.len(), 700);
    assert!(entries.is_sorted_by_key(|entry| (entry.account, entry.number)));
}
