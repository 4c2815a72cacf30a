//! Laws of [`EventStore::prune_events`](pledge_core::ports::EventStore::prune_events).

use std::num::NonZeroU64;

use pledge_core::event::{Event, EventSeq, SequencedEvent};
use pledge_core::ports::{EventRetention, KeptEvents, Pruning};
use pledge_core::types::Timestamp;

use super::event_store::{consumer, five_events};
use crate::Fixture;

laws! {
    __event_retention of event_retention(Fixture):
    events_go_once_every_consumer_has_them
    the_newest_events_stay_and_their_numbers_go_on
    a_consumer_that_takes_nothing_for_too_long_is_dropped_and_that_is_an_event
    a_consumer_that_takes_one_event_is_waited_for_again
    a_consumer_that_is_dropped_begins_again_with_what_is_kept
    a_reader_learns_that_events_behind_its_position_are_gone
}

const DAY: u64 = 86_400;

/// The newest two events stay; a consumer that takes nothing is dropped after 30 days.
async fn prune(fixture: &Fixture, day: u64) -> Pruning {
    let events_kept = NonZeroU64::new(2).expect("not zero");
    let retention = EventRetention { events_kept, silence_seconds: 30 * DAY };
    let now = Timestamp::new(day * DAY).expect("a time of a test");
    fixture.events.prune_events(&retention, now).await.expect("prune")
}

async fn left(fixture: &Fixture) -> Vec<SequencedEvent> {
    fixture.all_events().await.expect("read")
}

async fn deliver(fixture: &Fixture, name: &str, from: EventSeq, to: EventSeq) {
    fixture.events.record_delivered(&consumer(name), from, to).await.expect("it is at `from`");
}

/// An event is pruned only once every consumer has it; positions stay.
async fn events_go_once_every_consumer_has_them(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let (fixture, before) = (&ledger.fixture, left(&ledger.fixture).await);
    deliver(fixture, "mail", EventSeq::START, numbers[4]).await;
    deliver(fixture, "slow", EventSeq::START, numbers[0]).await;
    prune(fixture, 1).await;
    assert_eq!(left(fixture).await, before[1..]);
    deliver(fixture, "slow", numbers[0], numbers[3]).await;
    prune(fixture, 1).await;
    assert_eq!(left(fixture).await, before[3..]);
    assert_eq!(fixture.events.delivered(&consumer("slow")).await.expect("read"), numbers[3]);
    assert!(!prune(fixture, 1).await.is_more_due);
    assert_eq!(left(fixture).await, before[3..]);
}

/// This holds also without a consumer; a number is never used twice.
async fn the_newest_events_stay_and_their_numbers_go_on(fixture: Fixture) {
    assert_eq!(prune(&fixture, 1).await, Pruning::default());
    let (ledger, numbers) = five_events(fixture).await;
    prune(&ledger.fixture, 1).await;
    let kept = left(&ledger.fixture).await;
    assert_eq!(kept.iter().map(|event| event.sequence).collect::<Vec<_>>(), numbers[3..]);
    ledger.mine(9_000, &[(2, 1, 1)]);
    ledger.commit_to(6).await.expect("commit");
    let after = left(&ledger.fixture).await;
    assert_eq!(after[..2], kept);
    assert!(after[2].sequence > numbers[4]);
}

/// The time runs from when it was seen with events to take, to the second; its events go with its
/// position.
async fn a_consumer_that_takes_nothing_for_too_long_is_dropped_and_that_is_an_event(
    fixture: Fixture,
) {
    let (ledger, numbers) = five_events(fixture).await;
    let fixture = &ledger.fixture;
    deliver(fixture, "mail", EventSeq::START, numbers[4]).await;
    deliver(fixture, "slow", EventSeq::START, numbers[1]).await;
    for day in [1, 2, 0, 30] {
        assert_eq!(prune(fixture, day).await.dropped, [], "day {day}");
        assert_eq!(left(fixture).await.len(), 3, "day {day}");
    }
    assert_eq!(prune(fixture, 31).await.dropped.len(), 1);
    let events = left(fixture).await;
    let dropped =
        Event::ConsumerDropped { consumer: consumer("slow"), delivered: numbers[1] }.into();
    assert_eq!(events.last().expect("an event").event, dropped);
    assert!(events.last().expect("an event").sequence > numbers[4]);
    assert_eq!(events[0].sequence, numbers[3]);
    assert_eq!(fixture.events.delivered(&consumer("slow")).await.expect("read"), EventSeq::START);
    assert_eq!(fixture.events.delivered(&consumer("mail")).await.expect("read"), numbers[4]);
}

/// Its time starts again.
async fn a_consumer_that_takes_one_event_is_waited_for_again(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let fixture = &ledger.fixture;
    deliver(fixture, "slow", EventSeq::START, numbers[1]).await;
    prune(fixture, 1).await;
    deliver(fixture, "slow", numbers[1], numbers[2]).await;
    for day in [31, 60] {
        assert_eq!(prune(fixture, day).await.dropped, [], "day {day}");
    }
    assert_eq!(prune(fixture, 61).await.dropped.len(), 1);
}

/// It receives what is kept, and holds it from then on.
async fn a_consumer_that_is_dropped_begins_again_with_what_is_kept(fixture: Fixture) {
    let (ledger, numbers) = five_events(fixture).await;
    let fixture = &ledger.fixture;
    deliver(fixture, "slow", EventSeq::START, numbers[0]).await;
    prune(fixture, 1).await;
    prune(fixture, 31).await;
    let due = fixture.events.events(EventSeq::START, 10).await.expect("read");
    assert_eq!(due[0].sequence, numbers[3]);
    deliver(fixture, "slow", EventSeq::START, due[0].sequence).await;
    prune(fixture, 32).await;
    assert_eq!(left(fixture).await, due[1..]);
}

/// By the oldest event that is kept; the newest bounds it from above.
async fn a_reader_learns_that_events_behind_its_position_are_gone(fixture: Fixture) {
    let kept = async |fixture: &Fixture| fixture.events.kept_events().await.expect("read");
    let nothing = KeptEvents { oldest: EventSeq::START, newest: EventSeq::START };
    assert_eq!(kept(&fixture).await, nothing);
    let (ledger, numbers) = five_events(fixture).await;
    let all = KeptEvents { oldest: numbers[0], newest: numbers[4] };
    assert_eq!(kept(&ledger.fixture).await, all);
    prune(&ledger.fixture, 1).await;
    let left = KeptEvents { oldest: numbers[3], newest: numbers[4] };
    assert_eq!(kept(&ledger.fixture).await, left);
    for (position, misses_none) in [(numbers[1], false), (numbers[2], true), (numbers[4], true)] {
        assert_eq!(left.continue_after(position), misses_none, "{position}");
    }
}
