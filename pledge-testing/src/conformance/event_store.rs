//! Laws of [`EventReads`] and [`EventStore`](pledge_core::ports::EventStore).

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Consumer, Event, EventEnvelope, EventSeq, RewindCause, SequencedEvent};
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{BalanceStore, ChainReport, EventReads, Rewind};
use pledge_core::types::ChainId;
use tokio::task::yield_now;

use super::ledger::Ledger;
use crate::Fixture;
use crate::world::{CHAIN, resume_chain, resume_token, token};

laws! {
    __event_store of event_store(Fixture):
    a_fresh_store_has_no_events_and_every_consumer_at_the_start
    events_come_in_order_with_what_they_describe
    pages_of_events_are_complete
    a_reorg_is_one_more_event_and_takes_none_back
    a_refused_write_leaves_no_event
    a_halted_token_that_is_halted_again_is_no_second_event
    no_event_appears_below_one_that_was_read
    a_position_is_what_was_recorded_last
    a_position_moves_only_from_its_current_value
    a_position_never_goes_back
    a_position_never_passes_the_newest_event
    of_two_that_move_a_position_one_wins
    positions_do_not_see_each_other
}

pub(super) fn consumer(name: &str) -> Consumer {
    Consumer::new(name).expect("a name of a test")
}

fn kind<T: std::fmt::Debug>(refused: Result<T, StoreError>) -> StoreErrorKind {
    refused.expect_err("the store must refuse").kind()
}

/// A store with five events, and their sequence numbers.
pub(super) async fn five_events(fixture: Fixture) -> (Ledger, Vec<EventSeq>) {
    let ledger = Ledger::with_blocks(fixture).await;
    let events = ledger.fixture.all_events().await.expect("read");
    let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers.len(), 5, "one event a commit");
    (ledger, numbers)
}

/// Every event after a position, in pages.
async fn walk(store: &dyn EventReads, limit: usize) -> Vec<SequencedEvent> {
    let mut walked: Vec<SequencedEvent> = Vec::new();
    loop {
        let after = walked.last().map_or(EventSeq::START, |last| last.sequence);
        let page = store.events(after, limit).await.expect("read");
        assert!(page.len() <= limit, "a page of {limit} has {} events", page.len());
        if page.is_empty() {
            return walked;
        }
        walked.extend(page);
    }
}

/// Nothing happened, so nothing was delivered.
async fn a_fresh_store_has_no_events_and_every_consumer_at_the_start(fixture: Fixture) {
    assert_eq!(fixture.all_events().await.expect("read"), []);
    let position = fixture.events.delivered(&consumer("new")).await.expect("read");
    assert_eq!(position, EventSeq::START);
}

/// Sequence numbers ascend from above the start.
async fn events_come_in_order_with_what_they_describe(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    assert!(numbers[0] > EventSeq::START);
    assert!(numbers.is_sorted_by(|lower, upper| lower < upper));
    let events = ledger.fixture.all_events().await.expect("read");
    let changes: Vec<_> = events
        .iter()
        .map(|event| match event.event.engine() {
            Some(Event::Confirmed { chain: CHAIN, from, to, changes }) if from == to.number => {
                changes
            }
            other => panic!("not a confirmed block: {other:?}"),
        })
        .collect();
    assert_eq!(changes, [2, 4, 4, 3, 2]);
}

/// Pages continue where the last one ended, whatever their size; beyond the newest there is
/// nothing.
async fn pages_of_events_are_complete(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let store = &ledger.fixture.events;
    let all = ledger.fixture.all_events().await.expect("read");
    for limit in 1..=6 {
        assert_eq!(walk(store, limit).await, all);
    }
    let last = EventSeq::new(u64::MAX);
    for after in [numbers[4], numbers[4].next(), last] {
        assert_eq!(store.events(after, 10).await.expect("read"), []);
    }
}

/// Delivered events stay.
async fn a_reorg_is_one_more_event_and_takes_none_back(fixture: Fixture) {
    let (ledger, _) = five_events(fixture).await;
    let before = ledger.fixture.all_events().await.expect("read");
    let record = ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    let after = ledger.fixture.all_events().await.expect("read");
    assert_eq!(after[..5], before);
    assert_eq!(after.len(), 6);
    assert_eq!(after[5].event, Event::Reorged(record).into());
    assert!(after[5].sequence > after[4].sequence);
}

/// An event is written in the transaction that it describes: no write, no event.
async fn a_refused_write_leaves_no_event(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    let written = ledger.message(&[token()], 6).await;
    ledger.store().commit(&written).await.expect("commit");
    let before = ledger.fixture.all_events().await.expect("read");
    assert_eq!(kind(ledger.store().commit(&written).await), StoreErrorKind::Conflict);
    let halted = ledger.store().halt_token(token(), written.blocks.base, "why").await;
    assert_eq!(kind(halted), StoreErrorKind::Conflict);
    let (to, above) = (ledger.chain.block(3).expect("mined"), ledger.chain.block(5));
    let above = above.expect("mined").id();
    let stale = Rewind {
        chain: CHAIN,
        to,
        tokens: vec![(token(), above)],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    assert_eq!(kind(ledger.store().rewind(&stale).await), StoreErrorKind::Conflict);
    assert_eq!(ledger.fixture.all_events().await.expect("read"), before);
}

/// Another reason for the same halt is no second event.
async fn a_halted_token_that_is_halted_again_is_no_second_event(fixture: Fixture) {
    let (ledger, _) = five_events(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let store = ledger.store();
    for reason in ["why", "why not"] {
        store.halt_token(token(), base, reason).await.expect("halt");
    }
    resume_token(store, token()).await.expect("resume");
    store.halt_token(token(), base, "again").await.expect("halt");
    let events = ledger.fixture.all_events().await.expect("read").split_off(5);
    let halted = |reason: &str| Event::TokenHalted { token: token(), reason: reason.to_owned() };
    let events: Vec<_> = events.into_iter().map(|event| event.event).collect();
    assert_eq!(events, ["why", "again"].map(halted).map(EventEnvelope::from));
}

/// A reader that continues from the last event it read misses none, however many writers there are.
async fn no_event_appears_below_one_that_was_read(fixture: Fixture) {
    const WRITERS: [u64; 4] = [1, 2, 3, 4];
    const EACH: usize = 12;
    let store = &fixture.balances;
    for chain in WRITERS {
        store.register_chain(ChainId::new(chain), "busy").await.expect("register");
    }
    let write = async |chain: u64| {
        for round in 0..EACH {
            halt_and_resume(store, ChainId::new(chain), round).await;
            yield_now().await;
        }
    };
    let read = async {
        let mut seen: Vec<SequencedEvent> = Vec::new();
        while seen.len() < WRITERS.len() * EACH {
            let after = seen.last().map_or(EventSeq::START, |last| last.sequence);
            seen.extend(fixture.events.events(after, 3).await.expect("read"));
            yield_now().await;
        }
        seen
    };
    let within = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        let [a, b, c, d] = WRITERS.map(write);
        tokio::join!(read, a, b, c, d).0
    });
    let seen = within.await.expect("a reader that misses an event waits for it for ever");
    assert_eq!(seen, fixture.all_events().await.expect("read"));
}

async fn halt_and_resume(store: &dyn BalanceStore, chain: ChainId, round: usize) {
    let status = ChainStatus::Halted(format!("round {round}"));
    let report = ChainReport { chain, status, head: None, head_time: None, processed: None };
    store.report_chain(&report).await.expect("halt");
    resume_chain(store, chain).await.expect("resume");
}

/// The position is read back, and may be recorded again unchanged.
async fn a_position_is_what_was_recorded_last(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (store, mail) = (&ledger.fixture.events, consumer("mail"));
    let mut from = EventSeq::START;
    for to in [numbers[0], numbers[0], numbers[3], numbers[4]] {
        store.record_delivered(&mail, from, to).await.expect("it is at `from`");
        assert_eq!(store.delivered(&mail).await.expect("read"), to);
        from = to;
    }
}

/// A write that names another position is refused, and writes nothing.
async fn a_position_moves_only_from_its_current_value(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (store, mail) = (&ledger.fixture.events, consumer("mail"));
    let ahead = store.record_delivered(&mail, numbers[0], numbers[1]).await;
    assert_eq!(kind(ahead), StoreErrorKind::Conflict);
    assert_eq!(store.delivered(&mail).await.expect("read"), EventSeq::START);
    store.record_delivered(&mail, EventSeq::START, numbers[2]).await.expect("it is new");
    for stale in [EventSeq::START, numbers[1], numbers[3]] {
        let refused = store.record_delivered(&mail, stale, numbers[4]).await;
        assert_eq!(kind(refused), StoreErrorKind::Conflict);
    }
    assert_eq!(store.delivered(&mail).await.expect("read"), numbers[2]);
}

/// Not even a writer that names the current position moves it back.
async fn a_position_never_goes_back(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (store, mail) = (&ledger.fixture.events, consumer("mail"));
    store.record_delivered(&mail, EventSeq::START, numbers[2]).await.expect("it is new");
    for to in [EventSeq::START, numbers[1]] {
        let refused = store.record_delivered(&mail, numbers[2], to).await;
        assert_eq!(kind(refused), StoreErrorKind::Invalid);
    }
    assert_eq!(store.delivered(&mail).await.expect("read"), numbers[2]);
}

/// An event that does not exist yet was not delivered.
async fn a_position_never_passes_the_newest_event(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (store, mail) = (&ledger.fixture.events, consumer("mail"));
    for to in [numbers[4].next(), EventSeq::new(u64::MAX)] {
        let refused = store.record_delivered(&mail, EventSeq::START, to).await;
        assert_eq!(kind(refused), StoreErrorKind::Invalid);
    }
    assert_eq!(store.delivered(&mail).await.expect("read"), EventSeq::START);
}

/// Of two writes that name the same position the second is refused.
async fn of_two_that_move_a_position_one_wins(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (store, mail) = (&ledger.fixture.events, consumer("mail"));
    let (first, second) = tokio::join!(
        store.record_delivered(&mail, EventSeq::START, numbers[1]),
        store.record_delivered(&mail, EventSeq::START, numbers[3]),
    );
    let (winner, loser) = if first.is_ok() { (numbers[1], second) } else { (numbers[3], first) };
    assert_eq!(kind(loser), StoreErrorKind::Conflict);
    assert_eq!(store.delivered(&mail).await.expect("read"), winner);
}

/// Each consumer has a position of its own.
async fn positions_do_not_see_each_other(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let store = &ledger.fixture.events;
    let names = ["mail", "mai", "mail2"].map(consumer);
    for (name, number) in names.iter().zip(&numbers) {
        store.record_delivered(name, EventSeq::START, *number).await.expect("it is new");
    }
    for (name, number) in names.iter().zip(&numbers) {
        assert_eq!(store.delivered(name).await.expect("read"), *number);
    }
}
