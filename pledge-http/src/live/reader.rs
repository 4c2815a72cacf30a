//! One reader as the hub knows it: what waits for it, and why it has to go.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pledge_core::event::EventSeq;
use pledge_office::access::Caller;
use tokio::sync::Notify;

use super::Topic;
use super::beat::{Beat, beat};
use super::cut::Cut;
use super::queue::{Next, Queue, QueueBounds};
use super::sight::{Sight, sight};
use super::texts::{Message, Texts};
use super::touched::StateKey;

/// The number of a reader in its process.
pub(super) type ReaderId = u64;

/// One reader. The hub puts into its queue, its connection takes from it, and neither waits for the other.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) id: ReaderId,
    pub(super) caller: Caller,
    public_reads: bool,
    /// Whether it is one that answers pings.
    answers: bool,
    /// The second in which it was pinged without having sent anything since, plus one; 0 for none.
    unanswered: AtomicU64,
    inbox: Mutex<Inbox>,
    /// Notified when there is something to take.
    ready: Notify,
    /// Notified when it has to go, also in the middle of a write.
    cut: Notify,
}

#[derive(Debug)]
struct Inbox {
    topics: BTreeSet<Topic>,
    queue: Queue<StateKey, Message>,
    is_sign_due: bool,
    cut: Option<Cut>,
}

/// What a connection does next for its reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Sends an event.
    Event(EventSeq, Message),
    /// Sends the newest of a state.
    State(Message),
    /// Gives a sign of life.
    Sign,
    /// Ends the stream.
    Cut(Cut),
}

impl Reader {
    pub(super) fn new(
        id: ReaderId,
        caller: Caller,
        (public_reads, answers): (bool, bool),
        bounds: QueueBounds,
    ) -> Self {
        let queue = Queue::new(bounds);
        let inbox = Inbox { topics: BTreeSet::new(), queue, is_sign_due: false, cut: None };
        Self {
            id,
            caller,
            public_reads,
            answers,
            unanswered: AtomicU64::new(0),
            inbox: Mutex::new(inbox),
            ready: Notify::new(),
            cut: Notify::new(),
        }
    }

    /// Puts an event into its queue, if the reader sees anything of it; whether it has to go now.
    pub(super) fn put_event(&self, sequence: EventSeq, texts: &Texts) -> bool {
        let Some(message) = texts.seen(self.sight(texts)) else { return false };
        self.put(|queue| queue.push_event(sequence, message).is_err())
    }

    /// The same with the newest of a state.
    pub(super) fn put_state(&self, key: StateKey, texts: &Texts) -> bool {
        let Some(message) = texts.seen(self.sight(texts)) else { return false };
        self.put(|queue| queue.push_state(key, message).is_err())
    }

    /// How much it sees of a message.
    pub(super) fn sight(&self, texts: &Texts) -> Sight {
        sight(&self.caller, texts.object, self.public_reads)
    }

    fn put(&self, push: impl FnOnce(&mut Queue<StateKey, Message>) -> bool) -> bool {
        let mut inbox = self.inbox();
        if inbox.cut.is_some() {
            return false;
        }
        let is_full = push(&mut inbox.queue);
        drop(inbox);
        if is_full {
            self.end(Cut::Slow);
        } else {
            self.ready.notify_one();
        }
        is_full
    }

    /// The topics that it follows.
    pub(super) fn topics(&self) -> BTreeSet<Topic> {
        self.inbox().topics.clone()
    }

    /// Follows more topics.
    pub(super) fn follow(&self, topics: &BTreeSet<Topic>) {
        self.inbox().topics.extend(topics);
    }

    /// Follows topics no more, and drops what waits of their states.
    pub(super) fn leave(&self, left: &BTreeSet<Topic>) {
        let mut inbox = self.inbox();
        inbox.topics.retain(|topic| !left.contains(topic));
        inbox.queue.forget(|key| !left.contains(&key.topic()));
    }

    /// Has it go. What still waits for it is dropped; the first reason counts. Whether this is the first.
    pub(super) fn end(&self, cut: Cut) -> bool {
        let mut inbox = self.inbox();
        let is_first = inbox.cut.is_none();
        if is_first {
            inbox.cut = Some(cut);
            inbox.queue.clear();
        }
        drop(inbox);
        self.ready.notify_one();
        self.cut.notify_one();
        is_first
    }

    /// Why it has to go, if it has to.
    pub(super) fn ended(&self) -> Option<Cut> {
        self.inbox().cut
    }

    /// Waits until it has to go.
    pub(super) async fn until_cut(&self) -> Cut {
        loop {
            if let Some(cut) = self.ended() {
                return cut;
            }
            self.cut.notified().await;
        }
    }

    /// Waits for what is due next. A call that is dropped takes nothing.
    pub(super) async fn next(&self) -> Due {
        loop {
            if let Some(due) = self.take() {
                return due;
            }
            self.ready.notified().await;
        }
    }

    /// What is due now.
    pub(super) fn take(&self) -> Option<Due> {
        let mut inbox = self.inbox();
        if let Some(cut) = inbox.cut {
            return Some(Due::Cut(cut));
        }
        if std::mem::take(&mut inbox.is_sign_due) {
            return Some(Due::Sign);
        }
        inbox.queue.pop().map(|next| match next {
            Next::Event(sequence, message) => Due::Event(sequence, message),
            Next::State(_, message) => Due::State(message),
        })
    }

    /// Looks whether something is due for it in a second of the hub; whether it has to go now.
    pub(super) fn beat(&self, second: u64) -> bool {
        let unanswered = self.unanswered.load(Ordering::Relaxed).checked_sub(1);
        match beat(second, self.id, unanswered) {
            Beat::Nothing => false,
            Beat::Sign => {
                if self.answers {
                    self.unanswered.store(second + 1, Ordering::Relaxed);
                }
                self.inbox().is_sign_due = true;
                self.ready.notify_one();
                false
            }
            Beat::Dead => self.end(Cut::Unresponsive),
        }
    }

    /// It has sent something, so it is there.
    pub(super) fn heard(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// The number of messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.inbox().queue.len()
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    const BOUNDS: QueueBounds = QueueBounds { events_max: 2, bytes_max: 10_000 };

    fn reader(answers: bool) -> Reader {
        Reader::new(0, Caller::anonymous(), (true, answers), BOUNDS)
    }

    fn texts() -> Texts {
        let state = RawValue::from_string("{}".to_owned()).unwrap();
        Texts::of_state(StateKey::Settlements, &state, None)
    }

    #[test]
    fn a_reader_that_takes_too_little_is_cut_and_what_waited_is_dropped() {
        let reader = reader(false);
        let put = |number| reader.put_event(EventSeq::new(number), &texts());
        assert!(!put(1) && !put(2));
        assert!(put(3), "the third is one too many");
        assert_eq!(reader.take(), Some(Due::Cut(Cut::Slow)));
        assert_eq!(reader.waiting(), 0);
        assert!(!put(4), "it has to go once");
    }

    #[test]
    fn the_first_reason_to_go_counts() {
        let reader = reader(false);
        assert!(reader.end(Cut::SessionEnded));
        assert!(!reader.end(Cut::Slow));
        assert_eq!(reader.ended(), Some(Cut::SessionEnded));
    }

    #[test]
    fn who_answers_pings_and_is_silent_after_one_has_to_go() {
        let (silent, alive, comments) = (reader(true), reader(true), reader(false));
        for second in 25..=100 {
            silent.beat(second);
            alive.beat(second);
            alive.heard();
            comments.beat(second);
        }
        assert_eq!(silent.ended(), Some(Cut::Unresponsive));
        assert_eq!((alive.ended(), comments.ended()), (None, None));
    }

    #[tokio::test]
    async fn a_reader_that_sees_nothing_of_a_message_is_not_woken() {
        let blind = Reader::new(0, Caller::anonymous(), (false, false), BOUNDS);
        blind.put_state(StateKey::Settlements, &texts());
        assert_eq!(blind.take(), None);
    }
}
