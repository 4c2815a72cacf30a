//! The hub: every reader of a process, and the tasks that serve them.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pledge_core::event::EventSeq;
use pledge_office::access::{Caller, RightsOf, RightsWatch};
use tokio::sync::{Notify, Semaphore};

use super::Topic;
use super::cut::Cut;
use super::meter::{Counts, LiveCounts};
use super::parts::LiveParts;
use super::reader::Reader;
use super::rights::Changed;
use super::table::{Table, TooManyAccounts};

/// Replays that read the log at once: those who come back together wait for each other, and nothing else
/// waits for them.
const REPLAYS: usize = 2;
/// A stop spreads its readers over this time.
const COME_BACK_WITHIN: Duration = Duration::from_secs(5);

/// Every reader of a process. A clone is another handle to the same.
///
/// A host mounts its [`routes`](fn@super::routes), and runs [`Hub::run`] as long as it serves them. The log of
/// events is the truth: the hub follows it by reading, woken by hints, and keeps no event that a reader could
/// not read again.
#[derive(Clone)]
pub struct Hub(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) parts: LiveParts,
    table: Mutex<Table>,
    pub(super) counts: Counts,
    /// Notified when the log may have new events.
    pub(super) hint: Arc<Notify>,
    /// Notified when a state is due.
    pub(super) due: Notify,
    /// Notified when the chains are to be looked at now.
    pub(super) look: Notify,
    /// Whose readers are to be checked now.
    pub(super) changed: Changed,
    /// Whose rights other instances do not know to have changed.
    pub(super) unpublished: Changed,
    /// Notified when readers are taken.
    pub(super) opened: Notify,
    /// Notified when the last reader is gone.
    emptied: Notify,
    pub(super) replays: Semaphore,
    random: RandomState,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hub").field(&self.counts()).finish()
    }
}

/// Why a reader is not taken, or may not follow more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The log was not read yet.
    Starting,
    /// The process is ending.
    Stopping,
    /// One reader follows more topics than it may.
    TooManyTopics,
    /// All readers together follow as many accounts as they may.
    TooManyAccounts,
    /// The reader has to go.
    Gone,
}

/// A caller that opens a stream.
#[derive(Debug)]
pub(super) struct LookedUp {
    pub(super) caller: Caller,
    /// The number of changes of rights before it was looked up.
    pub(super) changes: u64,
}

/// A reader's place in the hub. It leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Member {
    hub: Hub,
    pub(super) reader: Arc<Reader>,
}

impl Hub {
    /// A hub without readers. It passes nothing on before it [runs](Hub::run).
    pub fn new(parts: LiveParts) -> Self {
        Self(Arc::new(Shared {
            parts,
            table: Mutex::default(),
            counts: Counts::default(),
            hint: Arc::default(),
            due: Notify::new(),
            look: Notify::new(),
            changed: Changed::default(),
            unpublished: Changed::default(),
            opened: Notify::new(),
            emptied: Notify::new(),
            replays: Semaphore::new(REPLAYS),
            random: RandomState::new(),
        }))
    }

    /// Waits until it takes readers: until it has read the log once.
    pub async fn opened(&self) {
        loop {
            let opened = self.0.opened.notified();
            if self.table().position.is_some() {
                return;
            }
            opened.await;
        }
    }

    /// Looks at the log soon: it may have new events, up to this one where that is known.
    pub fn hint(&self, newest: Option<EventSeq>) {
        let known = self.table().position;
        if newest.is_none() || newest > known {
            self.0.hint.notify_one();
        }
    }

    /// Checks readers soon whose rights may have changed by a write of another process.
    pub fn hint_rights(&self, of: RightsOf) {
        self.0.changed.add(of);
    }

    /// What a writer of the same process notifies after a commit: the log may have new events.
    pub fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.0.hint)
    }

    /// What happens in it, in numbers.
    pub fn counts(&self) -> LiveCounts {
        let table = self.table();
        let waiting = table.readers.values().map(|reader| reader.waiting());
        let (all, most) = waiting.fold((0, 0), |(all, most), one| (all + one, one.max(most)));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let waiting = (count(all), count(most));
        self.0.counts.with(count(table.readers.len()), count(table.topics()), waiting)
    }

    /// Takes no more readers, and has those that are there go, each with a time of its own at which to come
    /// again. Returns once the last is gone.
    pub async fn drain(&self) {
        let readers: Vec<_> = {
            let mut table = self.table();
            table.is_closing = true;
            table.readers.values().cloned().collect()
        };
        for reader in readers {
            let cut = Cut::Restarting { retry_after: self.jitter(reader.id, COME_BACK_WITHIN) };
            if reader.end(cut) {
                self.0.counts.cut(cut);
            }
        }
        loop {
            let emptied = self.0.emptied.notified();
            if self.table().readers.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Takes a reader that follows these topics. Every event after the returned one is put into its queue,
    /// and so is the newest of each state.
    pub(super) fn join(
        &self,
        LookedUp { caller, changes }: LookedUp,
        answers: bool,
        topics: &BTreeSet<Topic>,
    ) -> Result<(Member, EventSeq), Refused> {
        let LiveParts { public_reads, limits, .. } = &self.0.parts;
        let mut table = self.table();
        let id = table.next_id();
        let reader = Reader::new(id, caller, (*public_reads, answers), limits.queue());
        let member = Member { hub: self.clone(), reader: Arc::new(reader) };
        let position = self.follow(&mut table, &member.reader, topics);
        drop(table);
        // Where it is refused, the member leaves again: the lock must be free.
        let position = position?;
        // A change since it was looked up was too early for it to be found among the readers.
        if self.0.changed.number() != changes
            && let Some(of) = RightsOf::caller(&member.reader.caller)
        {
            self.0.changed.add(of);
        }
        self.wake(topics);
        Ok((member, position))
    }

    fn follow(
        &self,
        table: &mut Table,
        reader: &Arc<Reader>,
        topics: &BTreeSet<Topic>,
    ) -> Result<EventSeq, Refused> {
        let limits = &self.0.parts.limits;
        if table.is_closing {
            return Err(Refused::Stopping);
        }
        let position = table.position.ok_or(Refused::Starting)?;
        if reader.ended().is_some() {
            return Err(Refused::Gone);
        }
        if reader.topics().union(topics).count() > limits.topics_max {
            return Err(Refused::TooManyTopics);
        }
        let followed = table.follow(reader, topics, limits.accounts_max);
        followed.map_err(|TooManyAccounts| Refused::TooManyAccounts)?;
        reader.follow(topics);
        Ok(position)
    }

    /// Has states read whose topics are new. Those that others follow are known already: readers that come
    /// back together cause no reads.
    fn wake(&self, topics: &BTreeSet<Topic>) {
        if topics.contains(&Topic::Chains) && self.table().known_chains().next().is_none() {
            self.0.look.notify_one();
        }
        self.0.due.notify_one();
    }

    /// Readers have to go: those that were put more than they take.
    pub(super) fn cut_all(&self, table: &mut Table, readers: Vec<Arc<Reader>>, cut: Cut) {
        for reader in readers {
            self.0.counts.cut(cut);
            self.forget(table, &reader);
        }
    }

    /// Has a reader go, for this reason unless it has to go already.
    pub(super) fn cut(&self, reader: &Reader, cut: Cut) {
        if reader.end(cut) {
            self.0.counts.cut(cut);
            self.forget(&mut self.table(), reader);
        }
    }

    fn forget(&self, table: &mut Table, reader: &Reader) {
        table.remove(reader);
        if table.readers.is_empty() {
            self.0.emptied.notify_waiters();
        }
    }

    /// A time up to `most`, another for each number.
    pub(super) fn jitter(&self, number: u64, most: Duration) -> Duration {
        let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.0.random.hash_one(number) % millis)
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RightsWatch for Hub {
    fn rights_changed(&self, of: RightsOf) {
        self.0.changed.add(of);
        if self.0.parts.hints.is_some() {
            self.0.unpublished.add(of);
        }
    }
}

impl Member {
    /// Follows more topics: every event after the returned one is put into its queue.
    pub(super) fn subscribe(&self, topics: &BTreeSet<Topic>) -> Result<EventSeq, Refused> {
        let position = self.hub.follow(&mut self.hub.table(), &self.reader, topics)?;
        self.hub.wake(topics);
        Ok(position)
    }

    /// Follows topics no more.
    pub(super) fn unsubscribe(&self, topics: &BTreeSet<Topic>) {
        let mut table = self.hub.table();
        table.leave(self.reader.id, topics);
        self.reader.leave(topics);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hub.forget(&mut self.hub.table(), &self.reader);
    }
}
