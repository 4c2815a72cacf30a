//! Laws of the [`Dispatcher`] over a store: at least once, in order, whatever fails.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use pledge_core::event::{Event, SequencedEvent};
use pledge_core::notify::{DispatchError, Dispatcher, Drained};
use pledge_core::stop::Stop;
use proptest::collection::vec;
use proptest::prelude::*;

use super::engine_properties::{Fresh, check, play};
use super::event_store::consumer;
use super::ledger::Ledger;
use super::run;
use crate::generators::steps;
use crate::world::World;
use crate::{Fate, Fixture, Receiver};

properties! {
    __delivery_properties of delivery:
    every_event_arrives_at_least_once_in_order_whatever_fails
}

laws! {
    __delivery of delivery(Fixture):
    every_event_is_delivered_in_order
    a_drain_goes_on_behind_the_last_event_delivered
    a_reorg_is_delivered_like_any_other_event
    an_event_that_is_not_taken_is_named_and_stays_due
    a_stopped_drain_reports_whether_more_is_due
    a_crash_repeats_at_most_one_batch
    two_dispatchers_of_one_consumer_lose_nothing
    each_consumer_receives_every_event
}

/// A dispatcher of one consumer, in batches of `batch` events.
fn dispatcher(fixture: &Fixture, receiver: &Arc<Receiver>, name: &str, batch: usize) -> Dispatcher {
    let (events, receiver) = (fixture.events.clone(), receiver.clone());
    let batch = NonZeroUsize::new(batch).expect("not zero");
    Dispatcher::new(events, receiver, consumer(name)).with_batch_events_max(batch)
}

/// A receiver that takes everything.
fn receiver() -> Arc<Receiver> {
    Arc::new(Receiver::new(&[]))
}

async fn drain(dispatcher: &Dispatcher) -> Result<Drained, DispatchError> {
    dispatcher.drain(&Stop::never()).await
}

async fn all(fixture: &Fixture) -> Vec<SequencedEvent> {
    fixture.all_events().await.expect("read")
}

/// Asserts that every event arrived, the first arrivals in order and without gaps. Returns the
/// number of repeats.
fn repeats(arrived: &[SequencedEvent], all: &[SequencedEvent]) -> usize {
    let mut first: Vec<SequencedEvent> = Vec::new();
    for event in arrived {
        assert!(all.contains(event), "{event:?} is no event of the store");
        if first.last().is_none_or(|last| last.sequence < event.sequence) {
            first.push(event.clone());
        }
    }
    assert_eq!(first, all);
    arrived.len() - first.len()
}

/// Polls work for a number of steps, then drops it, as a crash would, and returns `None`.
async fn crash_after<T>(steps: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// More events than one batch.
async fn every_event_is_delivered_in_order(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let receiver = receiver();
    let drained = drain(&dispatcher(&ledger.fixture, &receiver, "log", 2)).await.expect("drain");
    assert_eq!(drained, Drained { delivered: 5, more_due: false });
    assert_eq!(receiver.arrived(), all(&ledger.fixture).await);
}

/// No event arrives twice, whichever dispatcher of the consumer drains.
async fn a_drain_goes_on_behind_the_last_event_delivered(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let receiver = receiver();
    for expected in [5, 0] {
        let dispatcher = dispatcher(&ledger.fixture, &receiver, "log", 2);
        assert_eq!(drain(&dispatcher).await.expect("drain").delivered, expected);
    }
    ledger.mine(9_000, &[(2, 1, 1)]);
    ledger.commit_to(6).await.expect("commit");
    let dispatcher = dispatcher(&ledger.fixture, &receiver, "log", 2);
    assert_eq!(drain(&dispatcher).await.expect("drain").delivered, 1);
    assert_eq!(repeats(&receiver.arrived(), &all(&ledger.fixture).await), 0);
}

/// Events delivered before the reorg stay; the reorg is one more event.
async fn a_reorg_is_delivered_like_any_other_event(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let receiver = receiver();
    let dispatcher = dispatcher(&ledger.fixture, &receiver, "log", 100);
    drain(&dispatcher).await.expect("drain");
    let record = ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    drain(&dispatcher).await.expect("drain");
    let arrived = receiver.arrived();
    assert_eq!(arrived.last().map(|last| &last.event), Some(&Event::Reorged(record).into()));
    assert_eq!(repeats(&arrived, &all(&ledger.fixture).await), 0);
}

/// Events before the failed one are recorded, so that they do not come again.
async fn an_event_that_is_not_taken_is_named_and_stays_due(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let events = all(&ledger.fixture).await;
    let receiver = Arc::new(Receiver::new(&[Fate::Taken, Fate::Failed, Fate::Failed]));
    let dispatcher = dispatcher(&ledger.fixture, &receiver, "log", 100);
    for _ in 0..2 {
        let error = drain(&dispatcher).await.expect_err("the receiver fails");
        let text = error.to_string();
        let DispatchError::Notify { sequence, .. } = error else { panic!("{text}") };
        assert_eq!(sequence, events[1].sequence);
        assert!(text.contains(&sequence.to_string()), "{text}");
        let position = ledger.fixture.events.delivered(&consumer("log")).await.expect("read");
        assert_eq!(position, events[0].sequence);
    }
    assert_eq!(drain(&dispatcher).await.expect("it works again").delivered, 4);
    assert_eq!(receiver.arrived(), events);
}

/// The stop is checked before each event; what was delivered is recorded.
async fn a_stopped_drain_reports_whether_more_is_due(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let mut fates = [Fate::Taken; 5];
    for stopped_at in [1, 4] {
        fates[stopped_at] = Fate::TakenAndAskedToStop;
    }
    let receiver = Arc::new(Receiver::new(&fates));
    let dispatcher = dispatcher(&ledger.fixture, &receiver, "log", 3);
    let mut reports = Vec::new();
    for _ in 0..2 {
        reports.push(dispatcher.drain(&receiver.fresh_stop()).await.expect("drain"));
    }
    let expected = [(2, true), (3, false)];
    let expected = expected.map(|(delivered, more_due)| Drained { delivered, more_due });
    assert_eq!(reports, expected);
    assert_eq!(receiver.arrived(), all(&ledger.fixture).await);
}

/// The crash may happen while an event is delivered or while the position is recorded.
async fn a_crash_repeats_at_most_one_batch(fixture: Fixture) {
    const BATCH: usize = 2;
    let ledger = Ledger::with_blocks(fixture).await;
    let events = all(&ledger.fixture).await;
    let mut most = 0;
    for step in 0.. {
        let receiver = receiver();
        let dispatcher = dispatcher(&ledger.fixture, &receiver, &format!("c{step}"), BATCH);
        if crash_after(step, drain(&dispatcher)).await.is_some() {
            break;
        }
        drain(&dispatcher).await.expect("after the crash");
        most = most.max(repeats(&receiver.arrived(), &events));
    }
    assert!((1..=BATCH).contains(&most), "{most} events were repeated");
}

/// Two dispatchers run at the same time: they may repeat events, and both end without an error.
async fn two_dispatchers_of_one_consumer_lose_nothing(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let events = all(&ledger.fixture).await;
    let receiver = receiver();
    let [one, other] = [1, 2].map(|batch| dispatcher(&ledger.fixture, &receiver, "log", batch));
    let (first, second) = tokio::join!(drain(&one), drain(&other));
    for drained in [first, second] {
        assert!(!drained.expect("another was first: no error").more_due);
    }
    repeats(&receiver.arrived(), &events);
    let position = ledger.fixture.events.delivered(&consumer("log")).await.expect("read");
    assert_eq!(position, events[4].sequence);
}

/// Each consumer receives every event.
async fn each_consumer_receives_every_event(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    for name in ["log", "mail"] {
        let receiver = receiver();
        drain(&dispatcher(&ledger.fixture, &receiver, name, 2)).await.expect("drain");
        assert_eq!(receiver.arrived(), all(&ledger.fixture).await);
    }
}

/// The course of one drain: the receiver's answer to each event, and the step at which it crashes.
fn attempts() -> impl Strategy<Value = Vec<(Vec<Fate>, Option<usize>)>> {
    let fate = prop_oneof![
        6 => Just(Fate::Taken),
        1 => Just(Fate::Failed),
        1 => Just(Fate::TakenAndFailed),
        1 => Just(Fate::TakenAndAskedToStop),
    ];
    vec((vec(fate, 0..6), prop::option::weighted(0.4, 0_usize..40)), 1..20)
}

/// Forks, failures, lost answers, stops and crashes; the store's own list is the oracle.
fn every_event_arrives_at_least_once_in_order_whatever_fails(
    cases: u32,
    fresh: impl Fn() -> Fresh,
) {
    check(cases, (steps(40), attempts(), 1_usize..5), |(steps, attempts, batch)| {
        run(async {
            let mut world = World::new(fresh().await).await;
            let receiver = receiver();
            let dispatcher = dispatcher(&world.fixture, &receiver, "log", batch);
            for (step, (fates, crash)) in steps.iter().zip(attempts.iter().cycle()) {
                play(&mut world, step).await;
                receiver.script(fates);
                let stop = receiver.fresh_stop();
                let drained = crash_after(crash.unwrap_or(usize::MAX), dispatcher.drain(&stop));
                if let Some(Err(DispatchError::Store(error))) = drained.await {
                    panic!("a calm store delivers: {error}");
                }
            }
            world.run().await;
            receiver.script(&[]);
            drain(&dispatcher).await.expect("everything is taken in the end");
            repeats(&receiver.arrived(), &all(&world.fixture).await);
        });
    });
}
