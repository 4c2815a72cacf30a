//! What waits for one reader (pure).

use std::collections::{BTreeMap, VecDeque};

use pledge_core::event::EventSeq;

/// The size of what a queue holds, in bytes.
pub(super) trait Weight {
    fn bytes(&self) -> usize;
}

/// The bounds of what waits for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueueBounds {
    /// The most events.
    pub(super) events_max: usize,
    /// The most bytes of all.
    pub(super) bytes_max: usize,
}

/// The reader takes less than there is: it has to go, and may come again with the id of its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// What waits for one reader, in order. Of a state only the newest waits, in the place of the first one: so
/// what is read of a state is at least as new as every event before it.
#[derive(Debug)]
pub(super) struct Queue<K, V> {
    order: VecDeque<Slot<K, V>>,
    states: BTreeMap<K, V>,
    events: usize,
    bytes: usize,
    bounds: QueueBounds,
}

#[derive(Debug)]
enum Slot<K, V> {
    Event(EventSeq, V),
    State(K),
}

/// What a reader gets next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<K, V> {
    Event(EventSeq, V),
    State(K, V),
}

impl<K: Copy + Ord, V: Weight> Queue<K, V> {
    pub(super) const fn new(bounds: QueueBounds) -> Self {
        Self { order: VecDeque::new(), states: BTreeMap::new(), events: 0, bytes: 0, bounds }
    }

    /// Adds an event at the end.
    pub(super) fn push_event(&mut self, sequence: EventSeq, value: V) -> Result<(), Full> {
        self.events += 1;
        self.bytes += value.bytes();
        self.order.push_back(Slot::Event(sequence, value));
        self.within_bounds()
    }

    /// Adds a state at the end, or replaces the one that waits.
    pub(super) fn push_state(&mut self, key: K, value: V) -> Result<(), Full> {
        self.bytes += value.bytes();
        match self.states.insert(key, value) {
            Some(older) => self.bytes -= older.bytes(),
            None => self.order.push_back(Slot::State(key)),
        }
        self.within_bounds()
    }

    /// Takes what comes first.
    pub(super) fn pop(&mut self) -> Option<Next<K, V>> {
        loop {
            let (next, bytes) = match self.order.pop_front()? {
                Slot::Event(sequence, value) => {
                    self.events -= 1;
                    let bytes = value.bytes();
                    (Next::Event(sequence, value), bytes)
                }
                Slot::State(key) => {
                    // One that was forgotten has left its place.
                    let Some(value) = self.states.remove(&key) else { continue };
                    let bytes = value.bytes();
                    (Next::State(key, value), bytes)
                }
            };
            self.bytes -= bytes;
            if self.order.is_empty() {
                // Most readers wait for nothing most of the time, and there are many of them.
                self.order = VecDeque::new();
            }
            return Some(next);
        }
    }

    /// Drops the states that are not wanted any more.
    pub(super) fn forget(&mut self, is_wanted: impl Fn(&K) -> bool) {
        for (_, value) in self.states.extract_if(.., |key, _| !is_wanted(key)) {
            self.bytes -= value.bytes();
        }
        let states = &self.states;
        self.order.retain(|slot| match slot {
            Slot::Event(..) => true,
            Slot::State(key) => states.contains_key(key),
        });
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.bounds);
    }

    /// The number of events and states that wait.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    const fn within_bounds(&self) -> Result<(), Full> {
        let QueueBounds { events_max, bytes_max } = self.bounds;
        if self.events <= events_max && self.bytes <= bytes_max { Ok(()) } else { Err(Full) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weight for &str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    type TestQueue = Queue<u8, &'static str>;

    const BOUNDS: QueueBounds = QueueBounds { events_max: 3, bytes_max: 10 };

    fn seq(number: u64) -> EventSeq {
        EventSeq::new(number)
    }

    fn drained(mut queue: TestQueue) -> Vec<Next<u8, &'static str>> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn events_and_states_leave_in_order_and_a_newer_state_takes_the_place_of_the_older() {
        let mut queue = TestQueue::new(BOUNDS);
        queue.push_state(1, "old").unwrap();
        queue.push_event(seq(5), "e5").unwrap();
        queue.push_state(2, "s2").unwrap();
        queue.push_state(1, "new").unwrap();
        let expected = [Next::State(1, "new"), Next::Event(seq(5), "e5"), Next::State(2, "s2")];
        assert_eq!(drained(queue), expected);
    }

    #[test]
    fn one_event_more_than_the_bound_is_one_too_many() {
        let mut queue = TestQueue::new(BOUNDS);
        for number in 1..=3 {
            assert_eq!(queue.push_event(seq(number), "e"), Ok(()));
        }
        assert_eq!(queue.push_event(seq(4), "e"), Err(Full));
    }

    #[test]
    fn one_byte_more_than_the_bound_is_one_too_many() {
        let mut queue = TestQueue::new(BOUNDS);
        assert_eq!(queue.push_state(1, "0123456789"), Ok(()));
        assert_eq!(queue.push_state(2, "0"), Err(Full));
    }

    #[test]
    fn a_state_that_is_replaced_for_ever_takes_the_room_of_one() {
        let mut queue = TestQueue::new(BOUNDS);
        for _ in 0..10_000 {
            assert_eq!(queue.push_state(1, "01234"), Ok(()));
        }
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn what_is_forgotten_leaves_its_room_to_others() {
        let mut queue = TestQueue::new(BOUNDS);
        queue.push_state(1, "0123456789").unwrap();
        queue.forget(|key| *key != 1);
        assert_eq!(queue.push_state(2, "0123456789"), Ok(()));
        assert_eq!(drained(queue), [Next::State(2, "0123456789")]);
    }

    /// Against a list of all pushes, from which the same is derived in the simplest way.
    #[test]
    fn after_any_pushes_each_event_comes_once_in_order_and_each_state_at_its_newest() {
        let seed = std::env::var("PLEDGE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("PLEDGE_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let wide = QueueBounds { events_max: usize::MAX, bytes_max: usize::MAX };
        for _ in 0..200 {
            let mut queue = Queue::<u8, Vec<u8>>::new(wide);
            let (mut events, mut newest, mut seen) = (Vec::new(), BTreeMap::new(), Vec::new());
            let mut read = BTreeMap::new();
            let mut take = |queue: &mut Queue<u8, Vec<u8>>| match queue.pop() {
                Some(Next::Event(sequence, _)) => seen.push(sequence),
                Some(Next::State(key, value)) => drop(read.insert(key, value)),
                None => {}
            };
            for step in 0..random.u8(..) {
                match random.u8(..3) {
                    0 => {
                        events.push(seq(step.into()));
                        queue.push_event(seq(step.into()), vec![step]).unwrap();
                    }
                    1 => {
                        let key = random.u8(..4);
                        newest.insert(key, vec![step]);
                        queue.push_state(key, vec![step]).unwrap();
                    }
                    _ => take(&mut queue),
                }
            }
            while queue.len() > 0 {
                take(&mut queue);
            }
            assert_eq!((seen, read), (events, newest));
            assert_eq!(queue.bytes, 0);
        }
    }

    impl Weight for Vec<u8> {
        fn bytes(&self) -> usize {
            self.len()
        }
    }
}
