//! The work with which this instance makes progress, as its tasks report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pledge_core::sharing::{Ability, Lease};
use pledge_core::types::ChainId;
use tokio::time::Instant;

use crate::backoff::Backoff;

/// A piece of work that another instance could do as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Following a chain.
    Follow(ChainId),
    /// Settling the programmes of a chain.
    Settle(ChainId),
    Deliver,
}

/// The progress of each piece of work.
#[derive(Debug, Clone)]
pub(super) struct Abilities {
    begun: Instant,
    known: Arc<Mutex<BTreeMap<Work, Ability>>>,
}

impl Default for Abilities {
    fn default() -> Self {
        Self { begun: Instant::now(), known: Arc::default() }
    }
}

/// Where a task reports the progress of its work.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    abilities: Abilities,
    work: Work,
}

impl Abilities {
    pub(super) fn of(&self, work: Work) -> Doing {
        Doing { abilities: self.clone(), work }
    }

    /// The part of the configured work that this instance offers: what it can make progress with.
    pub(super) fn offer(&self, whole: &Lease, lease: Duration) -> Lease {
        let (now, known) = (self.now(), self.known());
        let is_able =
            |work: Work| known.get(&work).is_none_or(|ability| ability.is_able(now, lease));
        let follows = whole.follows.iter().filter(|chain| is_able(Work::Follow(**chain)));
        let settles = whole.settles.iter().filter(|chain| is_able(Work::Settle(**chain)));
        Lease {
            instance: whole.instance,
            follows: follows.copied().collect(),
            settles: settles.copied().collect(),
            delivers: whole.delivers && is_able(Work::Deliver),
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Work, Ability>> {
        self.known.lock().expect("no holder panics")
    }
}

impl Doing {
    /// The work starts, or continues.
    pub(super) fn begins(&self) {
        self.note(Ability::begins);
    }

    /// The work made progress, or there was nothing to do.
    pub(super) fn succeeded(&self) {
        self.note(|ability, _| ability.succeeded());
    }

    /// The work made progress and continues.
    pub(super) fn moved(&self) {
        self.note(|ability, now| {
            // The rest has its own time to bring a result.
            ability.succeeded();
            ability.begins(now);
        });
    }

    pub(super) fn failed(&self) {
        self.note(Ability::failed);
    }

    /// Another instance has the work now.
    pub(super) fn left(&self) {
        self.note(|ability, _| ability.left());
    }

    /// Whether this instance offers the work.
    pub(super) fn is_able(&self, lease: Duration) -> bool {
        self.current().is_able(self.abilities.now(), lease)
    }

    /// How long the work has made no progress.
    pub(super) fn fruitless_for(&self) -> Duration {
        self.current().fruitless_for(self.abilities.now())
    }

    fn current(&self) -> Ability {
        self.abilities.known().get(&self.work).copied().unwrap_or_default()
    }

    fn note(&self, happens: impl FnOnce(&mut Ability, Duration)) {
        let now = self.abilities.now();
        happens(self.abilities.known().entry(self.work).or_default(), now);
    }
}

/// Waits for a part of the work, and tests meanwhile whether failed work would succeed again.
#[derive(Debug)]
pub(super) struct Trials {
    doing: Doing,
    lease: Duration,
    pauses: Backoff,
}

impl Trials {
    /// Trials of work that is offered by leases of the given length.
    pub(super) fn new(doing: Doing, lease: Duration) -> Self {
        Self { doing, lease, pauses: Backoff::from(lease) }
    }

    /// Waits for `part`. While the work is not offered, calls `works` at growing intervals: on
    /// success the work is offered again.
    pub(super) async fn until<T, W: Future<Output = bool>>(
        &mut self,
        part: impl Future<Output = T>,
        works: impl Fn() -> W,
    ) -> T {
        let mut part = std::pin::pin!(part);
        if self.doing.is_able(self.lease) {
            self.pauses.reset();
        }
        loop {
            tokio::select! {
                biased;
                part = &mut part => return part,
                () = tokio::time::sleep(self.pauses.delay()) => {}
            }
            if !self.doing.is_able(self.lease) && works().await {
                self.doing.succeeded();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    const LEASE: Duration = Duration::from_secs(9);

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_tried_less_and_less_often_until_it_works() {
        let doing = Abilities::default().of(Work::Deliver);
        let mut trials = Trials::new(doing.clone(), LEASE);
        doing.failed();
        let (begun, tried) = (Instant::now(), Cell::new(0));
        let able = async {
            tokio::time::sleep(LEASE).await;
            while !doing.is_able(LEASE) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let works = || {
            tried.set(tried.get() + 1);
            ready(tried.get() == 4)
        };
        trials.until(able, works).await;
        assert_eq!(tried.get(), 4);
        // After 9, 18, 30 and 30 seconds.
        assert!((87..=90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}
