//! Laws of [`AuditReads`](pledge_core::ports::AuditReads), and of the writes that it reads.

use std::num::NonZeroU64;

use pledge_core::audit::{
    Action, Actor, ActorKind, Attribution, AuditNumber, AuditObject, AuditRecord, Reason, RequestId,
};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::RewindCause;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;
use pledge_core::points::Programme;
use pledge_core::ports::{
    AuditQuery, BatchFailure, ChainReport, EventRetention, Rewind, SettlementBatch,
};
use pledge_core::types::{ChainId, ProgrammeId, RateSchedule, Timestamp, TokenId, WindowLength};
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::ledger::Ledger;
use super::points_store::{WHOLE, batch, id, open, points, rate, two_shards};
use crate::Fixture;
use crate::world::{CHAIN, at, operator, operator_because, resume_chain, resume_token, token};

laws! {
    __audit of audit(Fixture):
    a_pause_and_a_resume_of_a_chain_leave_what_they_found_and_left
    a_pause_and_a_resume_of_a_token_leave_what_they_found_and_left
    a_resume_of_a_halted_chain_leaves_why_it_was_halted
    a_rewind_by_a_person_leaves_what_it_took_back
    a_rewind_by_a_person_is_found_by_each_token_that_it_took_back
    a_resume_of_what_was_paused_and_halted_leaves_both_reasons
    a_programme_leaves_its_rule_before_and_after
    a_retry_leaves_the_attempts_that_it_took_back
    a_write_that_changes_nothing_leaves_no_record
    a_refused_write_leaves_no_record
    what_no_person_decides_leaves_no_record
    all_that_is_known_of_an_actor_is_kept
    a_long_reason_of_the_ledger_is_cut_with_its_length
    records_outlast_reorgs_rewinds_and_pruned_events
    pages_of_records_are_complete
    each_filter_of_records_is_exact
    a_reader_of_what_is_new_gets_no_more
    of_two_persons_at_once_the_second_finds_what_the_first_left
    no_record_appears_below_one_that_was_read
    an_act_that_was_dropped_has_both_its_change_and_its_record_or_none
}

async fn acts(fixture: &Fixture) -> Vec<AuditRecord> {
    fixture.all_acts().await.expect("read")
}

/// The only record since `known`, without number and actor.
async fn only(fixture: &Fixture, known: usize) -> Value {
    let records = acts(fixture).await.split_off(known);
    assert_eq!(records.len(), 1, "{records:?}");
    serde_json::to_value(&records[0].act).expect("it has a text")
}

/// The acts on an object, without numbers and actors.
async fn of_object(fixture: &Fixture, object: AuditObject) -> Vec<Value> {
    let query = AuditQuery { object: Some(object), ..AuditQuery::newest(9) };
    let records = fixture.audit.audit(&query).await.expect("read");
    let texts = records.iter().map(|record| serde_json::to_value(&record.act));
    texts.collect::<Result<_, _>>().expect("each has a text")
}

fn status(name: &str, reason: Option<&str>) -> Value {
    reason.map_or(json!({ "status": name }), |reason| json!({ "status": name, "reason": reason }))
}

fn act(action: &str, object: (&str, String), before: &Value, after: &Value) -> Value {
    let (kind, id) = object;
    json!({
        "action": action, "object": { "kind": kind, "id": id }, "before": before, "after": after,
    })
}

fn kind<T: std::fmt::Debug>(refused: Result<T, StoreError>) -> StoreErrorKind {
    refused.expect_err("it is refused").kind()
}

/// Another reason for a paused chain is a change too.
async fn a_pause_and_a_resume_of_a_chain_leave_what_they_found_and_left(fixture: Fixture) {
    let store = Ledger::open(fixture.clone()).await.fixture.balances;
    let chain = || ("chain", CHAIN.to_string());
    let (syncing, paused) = (status("syncing", None), status("paused", Some("a new node")));
    store.pause_chain(CHAIN, &operator_because("a new node")).await.expect("pause");
    let expected = act("pause_chain", chain(), &syncing, &paused);
    assert_eq!(only(&fixture, 0).await, expected);
    store.pause_chain(CHAIN, &operator()).await.expect("pause again");
    let silent = status("paused", None);
    assert_eq!(only(&fixture, 1).await, act("pause_chain", chain(), &paused, &silent));
    resume_chain(&*store, CHAIN).await.expect("resume");
    assert_eq!(only(&fixture, 2).await, act("resume_chain", chain(), &silent, &syncing));
}

async fn a_pause_and_a_resume_of_a_token_leave_what_they_found_and_left(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture.clone()).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let of_token = || ("token", token().to_string());
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    let (halted, active) = (status("halted", Some("overdrawn")), status("active", None));
    let paused = json!({ "status": "paused", "reason": "a law", "halt_reason": "overdrawn" });
    ledger.store().pause_token(token(), &operator_because("a law")).await.expect("pause");
    assert_eq!(only(&fixture, 0).await, act("pause_token", of_token(), &halted, &paused));
    resume_token(ledger.store(), token()).await.expect("resume");
    assert_eq!(only(&fixture, 1).await, act("resume_token", of_token(), &paused, &active));
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    resume_token(ledger.store(), token()).await.expect("resume");
    assert_eq!(only(&fixture, 2).await, act("resume_token", of_token(), &halted, &active));
}

async fn a_resume_of_a_halted_chain_leaves_why_it_was_halted(fixture: Fixture) {
    let ledger = Ledger::open(fixture.clone()).await;
    report(&ledger, ChainStatus::Halted("too deep".to_owned())).await.expect("report");
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    let (halted, syncing) = (status("halted", Some("too deep")), status("syncing", None));
    let chain = ("chain", CHAIN.to_string());
    assert_eq!(only(&fixture, 0).await, act("resume_chain", chain, &halted, &syncing));
}

async fn a_resume_of_what_was_paused_and_halted_leaves_both_reasons(fixture: Fixture) {
    let ledger = Ledger::open(fixture.clone()).await;
    ledger.store().pause_chain(CHAIN, &operator_because("a new node")).await.expect("pause");
    report(&ledger, ChainStatus::Halted("too deep".to_owned())).await.expect("report");
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    let both = json!({ "status": "paused", "reason": "a new node", "halt_reason": "too deep" });
    let chain = ("chain", CHAIN.to_string());
    let expected = act("resume_chain", chain, &both, &status("syncing", None));
    assert_eq!(only(&fixture, 1).await, expected);
}

async fn report(ledger: &Ledger, status: ChainStatus) -> Result<(), StoreError> {
    let report = ChainReport { chain: CHAIN, status, head: None, head_time: None, processed: None };
    ledger.store().report_chain(&report).await
}

/// The cursors that it found, and the block that it went back to, with their hashes.
async fn a_rewind_by_a_person_leaves_what_it_took_back(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture.clone()).await;
    let (from, to) = (ledger.cursor().await.expect("it has one"), ledger.chain.block(3));
    ledger.rewind_by_operator(to.expect("mined")).await.expect("rewind");
    let records = of_object(&fixture, AuditObject::chain(CHAIN)).await;
    let before = json!({ "tokens": { token().to_string(): from.id() } });
    let after = json!({ "block": to });
    let chain = ("chain", CHAIN.to_string());
    assert_eq!(records, [act("rewind_chain", chain, &before, &after)]);
    let by: Vec<_> = acts(&fixture).await.into_iter().map(|record| record.by).collect();
    assert_eq!(by, [operator_because("a law"), operator_because("a law")]);
}

/// Cursor, epoch and status, under the token's own name.
async fn a_rewind_by_a_person_is_found_by_each_token_that_it_took_back(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture.clone()).await;
    let from = ledger.cursor().await.expect("it has one");
    ledger.store().halt_token(token(), Some(from.id()), "overdrawn").await.expect("halt");
    let to = ledger.chain.block(3).expect("mined");
    ledger.rewind_by_operator(to).await.expect("rewind");
    let before = json!({ "cursor": from, "epoch": 0, "status": "halted", "reason": "overdrawn" });
    let after = json!({ "cursor": to, "epoch": 1, "status": "active" });
    let expected = act("rewind_token", ("token", token().to_string()), &before, &after);
    assert_eq!(of_object(&fixture, AuditObject::token(token())).await, [expected]);
}

async fn a_programme_leaves_its_rule_before_and_after(fixture: Fixture) {
    let ledger = Ledger::open(fixture.clone()).await;
    let rule = |rates: &RateSchedule| json!({ "rates": rates, "window": 3_600, "shards": 2 });
    let first = two_shards();
    points(&ledger).add_programme(&first, &operator()).await.expect("add");
    let object = || ("programme", id().to_string());
    let mut added = act("add_programme", object(), &Value::Null, &rule(&first.rates));
    added.as_object_mut().expect("an object").remove("before");
    assert_eq!(only(&fixture, 0).await, added);
    let second = Programme { rates: RateSchedule::constant(rate("0.1")), ..first.clone() };
    points(&ledger).put_programme(&second, &operator()).await.expect("put");
    let changed = act("change_programme", object(), &rule(&first.rates), &rule(&second.rates));
    assert_eq!(only(&fixture, 1).await, changed);
}

fn failure(of: &SettlementBatch) -> BatchFailure {
    BatchFailure {
        programme: of.programme.clone(),
        epoch: of.epoch,
        shard: of.shard,
        from: of.from,
        to: of.to,
        span: of.span,
        attempts: 1,
        reason: "why".to_owned(),
    }
}

/// Of all failed batches of the window, over the shards.
async fn a_retry_leaves_the_attempts_that_it_took_back(fixture: Fixture) {
    let ledger = open(fixture.clone()).await;
    for (shard, attempts) in [(0, 1), (1, 2)] {
        let failed = failure(&batch(&ledger, shard, WHOLE, (0, 7_200)).await);
        for _ in 0..attempts {
            points(&ledger).record_failure(&failed).await.expect("record");
        }
    }
    let reset = points(&ledger).reset_failures(&id(), at(3_600), &operator()).await;
    assert_eq!(reset.expect("reset"), 2);
    let figures = |attempts: u64| json!({ "batches": 2, "attempts": attempts });
    let object = ("settlement", format!("{}:{}", id(), at(3_600).get()));
    let expected = act("retry_settlement", object, &figures(3), &figures(0));
    assert_eq!(only(&fixture, 1).await, expected);
}

/// A caller that repeats a call whose answer was lost leaves one record.
async fn a_write_that_changes_nothing_leaves_no_record(fixture: Fixture) {
    let ledger = open(fixture.clone()).await;
    let (store, by) = (ledger.store(), operator_because("once"));
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let failed = failure(&batch(&ledger, 1, WHOLE, (0, 7_200)).await);
    points(&ledger).record_failure(&failed).await.expect("record");
    let known = acts(&fixture).await.len();
    store.resume_chain(CHAIN, &ChainStatus::Live, &by).await.expect("it runs");
    store.resume_token(token(), base, &TokenStatus::Active, &by).await.expect("it is active");
    points(&ledger).put_programme(&two_shards(), &by).await.expect("the same");
    points(&ledger).reset_failures(&id(), at(7_200), &by).await.expect("none failed there");
    assert_eq!(acts(&fixture).await.len(), known);
    for _ in 0..2 {
        store.pause_chain(CHAIN, &by).await.expect("pause");
        store.pause_token(token(), &by).await.expect("pause");
        points(&ledger).reset_failures(&id(), at(0), &by).await.expect("reset");
    }
    assert_eq!(acts(&fixture).await.len(), known + 3);
}

async fn a_refused_write_leaves_no_record(fixture: Fixture) {
    let ledger = open(fixture.clone()).await;
    let (store, by, elsewhere) = (ledger.store(), operator(), ChainId::new(404));
    let unknown = TokenId { chain: elsewhere, ..token() };
    let known = acts(&fixture).await;
    let cursor = ledger.cursor().await.expect("it has one");
    ledger.mine(9_000, &[]);
    ledger.commit_to(6).await.expect("commit");
    let (to, tokens) = (ledger.chain.block(3).expect("mined"), vec![(token(), cursor.id())]);
    let cause = RewindCause::Operator { by: by.clone() };
    let stale = Rewind { chain: CHAIN, to, tokens, contracts: Vec::new(), cause };
    let daily = WindowLength::new(86_400).expect("a day");
    let other_windows = Programme { window: daily, ..two_shards() };
    report(&ledger, ChainStatus::Halted("why".to_owned())).await.expect("report");
    let refused = [
        kind(store.pause_chain(CHAIN, &by).await),
        kind(store.resume_chain(CHAIN, &ChainStatus::Live, &by).await),
        kind(store.resume_token(token(), Some(cursor.id()), &TokenStatus::Active, &by).await),
        kind(store.rewind(&stale).await),
        kind(points(&ledger).add_programme(&two_shards(), &by).await),
        kind(store.pause_chain(elsewhere, &by).await),
        kind(store.resume_chain(elsewhere, &ChainStatus::Live, &by).await),
        kind(store.pause_token(unknown, &by).await),
        kind(points(&ledger).put_programme(&other_windows, &by).await),
        kind(points(&ledger).reset_failures(&ProgrammeId::main(unknown), at(0), &by).await),
    ];
    let (conflict, invalid) = (StoreErrorKind::Conflict, StoreErrorKind::Invalid);
    assert_eq!(refused[..5], [conflict; 5]);
    assert_eq!(refused[5..], [invalid; 5]);
    assert_eq!(acts(&fixture).await, known);
}

/// Neither registering nor what an indexer, a settler or a reorg writes.
async fn what_no_person_decides_leaves_no_record(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture.clone()).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let store = ledger.store();
    store.halt_token(token(), base, "why").await.expect("halt");
    store.heal_token(token(), base).await.expect("heal");
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    for status in [ChainStatus::Live, ChainStatus::Halted("why".to_owned())] {
        report(&ledger, status).await.expect("report");
    }
    assert_eq!(acts(&fixture).await, []);
}

/// The longest texts, every kind of actor, both kinds of addresses.
async fn all_that_is_known_of_an_actor_is_kept(fixture: Fixture) {
    let ledger = Ledger::open(fixture.clone()).await;
    let longest = |chars: usize| "💡é'\"\\%_`;".chars().cycle().take(chars).collect::<String>();
    let addresses = ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "fe80::1"];
    let mut expected = Vec::new();
    for (actor, address) in ActorKind::ALL.into_iter().zip(addresses) {
        let actor = Actor::new(actor, &longest(Actor::NAME_CHARS_MAX)).expect("within the bound");
        let reason = Reason::new(&longest(Reason::CHARS_MAX)).expect("within the bound");
        let request = RequestId::new(&"~".repeat(RequestId::CHARS_MAX)).expect("the bound");
        let full = Attribution {
            reason: Some(reason),
            request: Some(request),
            address: Some(address.parse().expect("an address")),
            ..Attribution::new(actor.clone(), Timestamp::MAX)
        };
        for by in [full, Attribution::new(actor, Timestamp::ZERO)] {
            ledger.store().pause_chain(CHAIN, &by).await.expect("pause");
            expected.push(by);
        }
    }
    let kept: Vec<_> = acts(&fixture).await.into_iter().map(|record| record.by).collect();
    assert_eq!(kept, expected);
}

/// A node's answer may be in it, and a record is short.
async fn a_long_reason_of_the_ledger_is_cut_with_its_length(fixture: Fixture) {
    let ledger = Ledger::open(fixture.clone()).await;
    report(&ledger, ChainStatus::Halted("ö".repeat(100_000))).await.expect("report");
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    let before = &only(&fixture, 0).await["before"];
    assert_eq!(before["reason"], "ö".repeat(4_000));
    assert_eq!(before["reason_chars"], 100_000);
}

/// Nothing that a store does removes one.
async fn records_outlast_reorgs_rewinds_and_pruned_events(fixture: Fixture) {
    let ledger = open(fixture.clone()).await;
    ledger.store().pause_chain(CHAIN, &operator()).await.expect("pause");
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    let known = acts(&fixture).await;
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    ledger.rewind_by_operator(ledger.chain.block(1).expect("mined")).await.expect("rewind");
    let retention = EventRetention { events_kept: NonZeroU64::MIN, silence_seconds: 1 };
    fixture.events.prune_events(&retention, at(0)).await.expect("prune");
    let kept = acts(&fixture).await;
    assert_eq!((&kept[..known.len()], kept.len()), (&known[..], known.len() + 2));
}

/// A chain paused by two persons in turn for numbered reasons, and resumed once.
async fn busy(fixture: &Fixture) -> Vec<AuditRecord> {
    let store = Ledger::open(fixture.clone()).await.fixture.balances;
    for round in 0..7 {
        let by = operator_because(&format!("round {round}"));
        let name = ["olivia", "oscar"][round % 2];
        let actor = Actor::new(ActorKind::Person, name).expect("a name");
        store.pause_chain(CHAIN, &Attribution { actor, ..by }).await.expect("pause");
    }
    resume_chain(&*store, CHAIN).await.expect("resume");
    store.pause_token(token(), &operator()).await.expect("pause");
    let mut records = acts(fixture).await;
    records.reverse();
    assert_eq!(records.len(), 9);
    records
}

/// Newest first, whatever the length of a page.
async fn pages_of_records_are_complete(fixture: Fixture) {
    let all = busy(&fixture).await;
    assert!(all.is_sorted_by(|newer, older| newer.number > older.number), "{all:?}");
    for limit in 1..=all.len() + 1 {
        let (mut listed, mut below) = (Vec::new(), None);
        loop {
            let query = AuditQuery { below, ..AuditQuery::newest(limit) };
            let page = fixture.audit.audit(&query).await.expect("read");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            below = Some(last.number);
            listed.extend(page);
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
    assert_eq!(fixture.audit.audit(&AuditQuery::newest(0)).await.expect("read"), []);
    let above_all =
        AuditQuery { below: Some(AuditNumber::new(u64::MAX)), ..AuditQuery::newest(99) };
    assert_eq!(fixture.audit.audit(&above_all).await.expect("read"), all);
}

/// Alone and together, with pages.
async fn each_filter_of_records_is_exact(fixture: Fixture) {
    let all = busy(&fixture).await;
    let actors = [None, Some("olivia"), Some("Olivia"), Some("oscar")]
        .map(|name| name.map(|name| Actor::new(ActorKind::Person, name).expect("a name")));
    let program = Actor::new(ActorKind::Program, "olivia").expect("a name");
    let actors = actors.into_iter().chain([Some(program)]);
    let actions = [None, Some(Action::PAUSE_CHAIN), Some(Action::RESUME_TOKEN)];
    let objects = [
        None,
        Some(AuditObject::chain(CHAIN)),
        Some(AuditObject::token(token())),
        Some(AuditObject::new("token", &CHAIN.to_string()).expect("an id")),
    ];
    for actor in actors {
        for action in &actions {
            for object in &objects {
                for below in [None, Some(all[1].number)] {
                    let (actor, action, object) = (actor.clone(), action.clone(), object.clone());
                    let query =
                        AuditQuery { below, actor, action, object, ..AuditQuery::newest(3) };
                    let expected = all.iter().filter(|record| query.selects(record)).take(3);
                    let expected: Vec<_> = expected.cloned().collect();
                    let selected = fixture.audit.audit(&query).await.expect("read");
                    assert_eq!(selected, expected, "{query:?}");
                }
            }
        }
    }
}

async fn a_reader_of_what_is_new_gets_no_more(fixture: Fixture) {
    let all = busy(&fixture).await;
    for known in 0..all.len() {
        let query = AuditQuery { above: all[known].number, ..AuditQuery::newest(99) };
        assert_eq!(fixture.audit.audit(&query).await.expect("read"), all[..known]);
    }
    let above = AuditNumber::new(u64::MAX);
    let none = AuditQuery { above, ..AuditQuery::newest(99) };
    assert_eq!(fixture.audit.audit(&none).await.expect("read"), []);
}

/// What each found is what the one before left, whatever their order.
async fn of_two_persons_at_once_the_second_finds_what_the_first_left(fixture: Fixture) {
    const ROUNDS: usize = 8;
    let store = Ledger::open(fixture.clone()).await.fixture.balances;
    let pause = async |name: &str| {
        for round in 0..ROUNDS {
            let by = operator_because(&format!("{name} {round}"));
            store.pause_chain(CHAIN, &by).await.expect("pause");
            yield_now().await;
        }
    };
    tokio::join!(pause("olivia"), pause("oscar"));
    let records = acts(&fixture).await;
    assert_eq!(records.len(), 2 * ROUNDS);
    let (mut found, mut reasons) = (status("syncing", None), Vec::new());
    for AuditRecord { by, act, .. } in &records {
        let act = serde_json::to_value(act).expect("it has a text");
        assert_eq!(act["before"], found);
        found = act["after"].clone();
        let reason = by.reason.as_ref().expect("each has one").as_str();
        assert_eq!(found["reason"], reason);
        reasons.push(reason);
    }
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), 2 * ROUNDS);
}

/// A reader that goes on above the newest record that it read misses none, however many writers there are.
async fn no_record_appears_below_one_that_was_read(fixture: Fixture) {
    const WRITERS: [u64; 4] = [1, 2, 3, 4];
    const EACH: usize = 12;
    let store = &fixture.balances;
    for chain in WRITERS {
        store.register_chain(ChainId::new(chain), "busy").await.expect("register");
    }
    let write = async |chain: u64| {
        for round in 0..EACH {
            let by = operator_because(&format!("round {round}"));
            store.pause_chain(ChainId::new(chain), &by).await.expect("pause");
            yield_now().await;
        }
    };
    let read = async {
        let mut seen: Vec<AuditRecord> = Vec::new();
        while seen.len() < WRITERS.len() * EACH {
            let above = seen.last().map_or(AuditNumber::START, |last| last.number);
            let query = AuditQuery { above, ..AuditQuery::newest(usize::MAX) };
            let new = fixture.audit.audit(&query).await.expect("read");
            seen.extend(new.into_iter().rev());
            yield_now().await;
        }
        seen
    };
    let within = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        let [a, b, c, d] = WRITERS.map(write);
        tokio::join!(read, a, b, c, d).0
    });
    let seen = within.await.expect("a reader that misses a record waits for it for ever");
    assert_eq!(seen, acts(&fixture).await);
}

/// One transaction, wherever it ends.
async fn an_act_that_was_dropped_has_both_its_change_and_its_record_or_none(fixture: Fixture) {
    let store = Ledger::open(fixture.clone()).await.fixture.balances;
    for polls in 0..60 {
        let reason = format!("after {polls}");
        let by = operator_because(&reason);
        let dropped = async {
            for _ in 0..polls {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            paused = store.pause_chain(CHAIN, &by) => paused.expect("pause"),
            () = dropped => {}
        }
        // A write to the same row comes after whatever is left of the call.
        store.register_chain(CHAIN, "test").await.expect("register");
        let state = store.chain(CHAIN).await.expect("read").expect("registered");
        let is_done = state.status == ChainStatus::Paused(Some(reason));
        let records = acts(&fixture).await;
        assert_eq!(records.last().is_some_and(|last| last.by == by), is_done, "{polls}");
    }
}
