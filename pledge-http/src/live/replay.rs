//! What a reader missed while it was away, read from the log.

use std::collections::BTreeSet;

use pledge_core::error::StoreError;
use pledge_core::event::EventSeq;
use pledge_core::ports::KeptEvents;

use super::Topic;
use super::hub::Hub;
use super::reader::Reader;
use super::resume::{Resumption, resumption};
use super::texts::{Message, Texts, reset};
use super::touched::touched;

/// Events read at once.
const PAGE_EVENTS: usize = 200;

/// What a reader missed: the events of its topics after the last one that it has read, up to the one after
/// which they are put into its queue.
#[derive(Debug)]
pub(super) struct Replay {
    topics: BTreeSet<Topic>,
    at: EventSeq,
    through: EventSeq,
    is_checked: bool,
}

/// A part of what was missed.
#[derive(Debug)]
pub(super) enum Part {
    /// Some events, in order; more may follow.
    Events(Vec<Message>),
    /// Events may be missing: the reader begins with a snapshot.
    Reset(Message),
    /// There is nothing more.
    End,
}

impl Replay {
    pub(super) const fn new(topics: BTreeSet<Topic>, after: EventSeq, through: EventSeq) -> Self {
        Self { topics, at: after, through, is_checked: false }
    }

    /// The next part. Each is one read of the log, which takes a turn as all reads for readers do.
    pub(super) async fn next(&mut self, hub: &Hub, reader: &Reader) -> Result<Part, StoreError> {
        if self.is_checked && self.at >= self.through {
            return Ok(Part::End);
        }
        let log = &hub.0.parts.events;
        let _place = hub.0.replays.acquire().await.expect("nothing closes the semaphore");
        let _turn = hub.0.parts.turns.take().await?;
        let page = log.events(self.at, PAGE_EVENTS).await?;
        // The page first: what it has cannot be removed between the two reads.
        let kept = log.kept_events().await?;
        if let Some(reset) = self.check(hub, kept) {
            return Ok(Part::Reset(reset));
        }
        let is_last = page.len() < PAGE_EVENTS;
        let missed: Vec<_> = page.into_iter().filter(|one| one.sequence <= self.through).collect();
        self.at = match missed.last() {
            Some(last) if !is_last => last.sequence,
            _ => self.through,
        };
        let messages = missed.iter().filter_map(|event| {
            let touched = touched(&event.event);
            let is_followed = touched.topics.iter().any(|topic| self.topics.contains(topic));
            let texts = is_followed.then(|| Texts::of_event(event, &touched))?;
            texts.seen(reader.sight(&texts))
        });
        Ok(Part::Events(messages.collect()))
    }

    /// The message of a reset, where the reader cannot go on. What was looked at once is looked at again:
    /// events may be removed while a slow reader takes them.
    fn check(&mut self, hub: &Hub, kept: KeptEvents) -> Option<Message> {
        let replayed_max = hub.0.parts.limits.replayed_events_max;
        self.is_checked = true;
        match resumption(self.at, self.through, kept, replayed_max) {
            Resumption::Replay => None,
            Resumption::Reset => Some(reset(self.at, kept)),
        }
    }
}
