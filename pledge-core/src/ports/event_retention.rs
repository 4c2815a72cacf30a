//! Which events a store keeps, and for which consumers.

use std::num::NonZeroU64;

use crate::event::{Consumer, Event, EventSeq};
use crate::types::Timestamp;

/// How many events a store keeps, and how long it waits for a consumer that does not take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRetention {
    /// This many of the newest events always stay. Older ones stay until every consumer has them.
    pub events_kept: NonZeroU64,
    /// A consumer that has events due and takes none for this many seconds is dropped.
    pub silence_seconds: u64,
}

/// A consumer's position, as far as retention needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerState {
    /// The consumer's name.
    pub consumer: Consumer,
    /// The last event delivered to it.
    pub delivered: EventSeq,
    /// When a pruning first saw it with events due; `None` once its position is recorded again.
    pub silent_since: Option<Timestamp>,
}

/// What a store does in one call of [`EventStore::prune_events`](super::EventStore::prune_events),
/// in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruning {
    /// Events up to this one are removed; none if it is the start.
    pub through: EventSeq,
    /// Consumers whose silence begins now.
    pub silent: Vec<Consumer>,
    /// Consumers whose positions are removed. Each writes an event: see [`Pruning::events`].
    pub dropped: Vec<ConsumerState>,
    /// Whether there is more to remove: call again.
    pub is_more_due: bool,
}

impl EventRetention {
    /// The newest 100,000 events: about 30 MB. A consumer has 30 days to come back.
    pub const DEFAULT: Self = Self {
        events_kept: NonZeroU64::new(100_000).expect("not zero"),
        silence_seconds: 30 * 86_400,
    };
    /// The most events that one call removes: a transaction of about ten milliseconds.
    pub const PRUNED_MAX: u64 = 10_000;

    /// What to remove from a store whose events go from `oldest` to `newest`. `now` comes from a
    /// wall clock; a clock that goes back delays the removal and drops no consumer.
    pub fn plan(
        &self,
        consumers: &[ConsumerState],
        (oldest, newest): (EventSeq, EventSeq),
        now: Timestamp,
    ) -> Pruning {
        let mut pruning = Pruning::default();
        let mut through = newest.get().saturating_sub(self.events_kept.get());
        for state in consumers {
            let silence = state.silent_since.map(|since| now.seconds_since(since).unwrap_or(0));
            match silence.filter(|_| state.delivered < newest) {
                Some(silence) if silence >= self.silence_seconds => {
                    pruning.dropped.push(state.clone());
                    continue;
                }
                None if state.delivered < newest => pruning.silent.push(state.consumer.clone()),
                _ => {}
            }
            through = through.min(state.delivered.get());
        }
        // Sequence numbers have gaps, and the first one may be any number.
        let at_once = oldest.get().saturating_add(Self::PRUNED_MAX - 1);
        pruning.through = EventSeq::new(through.min(at_once));
        pruning.is_more_due = through > at_once;
        pruning
    }
}

impl Default for EventRetention {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Pruning {
    /// The events that the store writes: one for each dropped consumer.
    pub fn events(&self) -> impl Iterator<Item = Event> + use<'_> {
        self.dropped.iter().map(|state| Event::ConsumerDropped {
            consumer: state.consumer.clone(),
            delivered: state.delivered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(seconds).unwrap()
    }

    fn consumer(name: &str, delivered: u64, silent_since: Option<u64>) -> ConsumerState {
        ConsumerState {
            consumer: Consumer::new(name).unwrap(),
            delivered: EventSeq::new(delivered),
            silent_since: silent_since.map(at),
        }
    }

    fn plan(consumers: &[ConsumerState], oldest: u64, newest: u64, now: u64) -> Pruning {
        let retention =
            EventRetention { events_kept: NonZeroU64::new(10).unwrap(), silence_seconds: 30 * DAY };
        retention.plan(consumers, (EventSeq::new(oldest), EventSeq::new(newest)), at(now))
    }

    #[test]
    fn what_everybody_has_goes_but_for_the_newest() {
        for (delivered, newest, through) in
            [(100, 100, 90), (95, 100, 90), (90, 100, 90), (40, 100, 40), (0, 100, 0), (5, 5, 0)]
        {
            let pruning = plan(&[consumer("mail", delivered, None)], 1, newest, DAY);
            assert_eq!(pruning.through, EventSeq::new(through), "{delivered} of {newest}");
        }
        assert_eq!(plan(&[], 1, 100, DAY).through, EventSeq::new(90));
    }

    #[test]
    fn silence_begins_when_it_is_seen_and_ends_after_its_time() {
        let silent = plan(&[consumer("mail", 40, None)], 1, 100, DAY);
        assert_eq!(silent.silent, [Consumer::new("mail").unwrap()]);
        let waiting = [consumer("mail", 40, Some(DAY))];
        let waits = plan(&waiting, 1, 100, 31 * DAY - 1);
        assert_eq!((waits.through, waits.dropped), (EventSeq::new(40), Vec::new()));
        let over = plan(&waiting, 1, 100, 31 * DAY);
        assert_eq!((over.through, over.dropped), (EventSeq::new(90), waiting.to_vec()));
        assert_eq!(plan(&waiting, 1, 100, 0).dropped, []);
    }

    #[test]
    fn a_consumer_that_has_everything_is_not_silent() {
        let pruning = plan(&[consumer("mail", 100, Some(0))], 1, 100, 90 * DAY);
        assert_eq!((pruning.silent, pruning.dropped), (Vec::new(), Vec::new()));
    }

    #[test]
    fn one_call_removes_at_most_its_bound() {
        let max = EventRetention::PRUNED_MAX;
        let first = plan(&[], 5, 50_000, DAY);
        assert_eq!((first.through, first.is_more_due), (EventSeq::new(max + 4), true));
        let last = plan(&[], 45_000, 50_000, DAY);
        assert_eq!((last.through, last.is_more_due), (EventSeq::new(49_990), false));
    }
}
