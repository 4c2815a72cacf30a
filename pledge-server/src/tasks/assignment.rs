//! This instance's part of the work, given the leases of the other instances.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::ports::Leases;
use pledge_core::sharing::{Assignment, Lease, ShardAssignment};
use pledge_core::types::ChainId;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ability::{Abilities, Doing, Work};
use super::{Incident, Incidents};

/// How long a lease lasts. The work of an instance that died passes to another after this and one
/// renewal.
pub(super) const LASTS: Duration = Duration::from_secs(9);
pub(super) const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// How long releasing the lease may delay the end. An unreleased lease expires soon after.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// This instance's part of the work, and its changes.
#[derive(Debug, Clone)]
pub struct AssignmentWatch {
    share: watch::Receiver<Assignment>,
    abilities: Abilities,
}

impl AssignmentWatch {
    /// All of the work, for ever: no other instance uses the store.
    pub fn whole(whole: &Lease) -> Self {
        Self { share: watch::channel(Assignment::whole(whole)).1, abilities: Abilities::default() }
    }

    /// Where to report the progress of a piece of work, which decides whether it stays offered.
    pub(super) fn doing(&self, work: Work) -> Doing {
        self.abilities.of(work)
    }

    pub(super) fn follows(&self, chain: ChainId) -> bool {
        self.share.borrow().follows(chain)
    }

    /// Waits until this instance is to follow the chain.
    pub(super) async fn until_follows(&mut self, chain: ChainId) {
        self.until(|share| share.follows(chain).then_some(())).await;
    }

    /// Waits until this instance has shards of the chain to settle, and returns them.
    pub(super) async fn until_settles(&mut self, chain: ChainId) -> ShardAssignment {
        self.until(|share| share.settles(chain)).await
    }

    /// Waits until this instance delivers events.
    pub(super) async fn until_delivers(&mut self) {
        self.until(|share| share.delivers().then_some(())).await;
    }

    async fn until<T>(&mut self, mine: impl Fn(&Assignment) -> Option<T>) -> T {
        loop {
            if let Some(part) = mine(&self.share.borrow_and_update()) {
                return part;
            }
            if self.share.changed().await.is_err() {
                // The sender is gone, so the part never changes again.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Keeps this instance's lease and computes its part from all leases.
///
/// The lease offers the work with which this instance makes progress. While leases are unavailable
/// the part is all of the work. Other instances may do the same, which only costs time.
#[derive(Debug)]
pub struct Sharing {
    leases: Arc<dyn Leases>,
    /// All work that this instance is configured for.
    whole: Lease,
    abilities: Abilities,
    part: watch::Sender<Assignment>,
    renewed: Option<Instant>,
    is_logged: bool,
    incident: Incident,
}

impl Sharing {
    /// Takes the lease first, so that the returned part already accounts for it.
    pub async fn begin(
        leases: Arc<dyn Leases>,
        whole: Lease,
        incidents: &Incidents,
    ) -> (Self, AssignmentWatch) {
        let (part, share) = watch::channel(Assignment::whole(&whole));
        let abilities = Abilities::default();
        let incident = incidents.of_all("sharing the work out");
        let (offered, renewed, is_logged) = (abilities.clone(), None, false);
        let mut sharing =
            Self { leases, whole, abilities: offered, part, renewed, is_logged, incident };
        sharing.renew().await;
        (sharing, AssignmentWatch { share, abilities })
    }

    /// Renews the lease until `stop`, then releases it.
    pub async fn keep(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut due = tokio::time::interval(RENEW_INTERVAL);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(due.tick()).await.is_some() {
            self.renew().await;
        }
        let released = self.leases.release(self.whole.instance);
        let released = tokio::time::timeout(RELEASE_TIMEOUT, released).await;
        if let Ok(Err(error)) = released {
            tracing::debug!(%error, "the lease was not given back and ends by itself");
        }
        Ok(())
    }

    async fn renew(&mut self) {
        // Before the call: on the server the lease may begin as early as this.
        let asked = Instant::now();
        let offer = self.abilities.offer(&self.whole, LASTS);
        match self.leases.renew(&offer, LASTS).await {
            Ok(held) => {
                self.incident.close();
                self.renewed = Some(asked);
                self.takes(Assignment::of(&self.whole, &held));
            }
            Err(error) => {
                self.incident
                    .report(&format!("{error}; if it lasts, this instance does all of the work"));
                // Until the lease has ended the others count on this division, so it is kept.
                if self.renewed.is_none_or(|renewed| renewed.elapsed() >= LASTS) {
                    self.takes(Assignment::whole(&self.whole));
                }
            }
        }
    }

    fn takes(&mut self, share: Assignment) {
        self.part.send_if_modified(|part| {
            // The first part is logged even if it is the whole, so that the newest line is always
            // current.
            if *part == share && self.is_logged {
                return false;
            }
            let chains = share.chains().iter().map(ToString::to_string);
            let (chains, delivers) = (chains.collect::<Vec<_>>().join(", "), share.delivers());
            tracing::info!(chains, delivers, "a new assignment of work");
            *part = share;
            true
        });
        self.is_logged = true;
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::error::{StoreError, StoreErrorKind};
    use pledge_core::sharing::InstanceId;
    use pledge_storage_memory::MemoryLeases;
    use pledge_testing::mocks::MockLeases;

    use super::*;

    async fn begin(leases: Arc<dyn Leases>, lease: Lease) -> (Sharing, AssignmentWatch) {
        Sharing::begin(leases, lease, &Incidents::default()).await
    }

    const CHAINS: [ChainId; 2] = [ChainId::new(1), ChainId::new(2)];

    fn lease(id: u128) -> Lease {
        Lease::whole(InstanceId::new(id), CHAINS)
    }

    fn followed(part: &AssignmentWatch) -> usize {
        CHAINS.into_iter().filter(|chain| part.follows(*chain)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_instance_that_died_did_is_taken_over_within_fifteen_seconds() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryLeases::default());
        let (dead, _) = begin(leases.clone(), lease(1)).await;
        let (sharing, mut part) = begin(leases, lease(2)).await;
        assert_eq!(followed(&part), 1);
        tokio::spawn(sharing.keep(CancellationToken::new()));
        drop(dead);
        let taken_over = async {
            for chain in CHAINS {
                part.until_follows(chain).await;
            }
            part.until_delivers().await;
        };
        tokio::time::timeout(Duration::from_secs(15), taken_over).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_ends_gives_its_lease_back() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryLeases::default());
        let (first, _) = begin(leases.clone(), lease(1)).await;
        let stop = CancellationToken::new();
        stop.cancel();
        first.keep(stop).await.unwrap();
        let (_second, part) = begin(leases, lease(2)).await;
        assert_eq!(followed(&part), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_cannot_read_the_leases_does_everything_after_a_while() {
        let mut leases = MockLeases::new();
        let held = || Ok(vec![lease(1), lease(2)]);
        leases.expect_renew().times(1).returning(move |_, _| held());
        let away = || StoreError::new(StoreErrorKind::Unavailable, "renew a lease", "a test");
        leases.expect_renew().returning(move |_, _| Err(away()));
        let (sharing, mut part) = begin(Arc::new(leases), lease(2)).await;
        assert_eq!(followed(&part), 1);
        let begun = Instant::now();
        tokio::spawn(sharing.keep(CancellationToken::new()));
        part.until_follows(CHAINS[0]).await;
        assert!((LASTS..=LASTS + RENEW_INTERVAL).contains(&begun.elapsed()));
        assert_eq!(followed(&part), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_here_is_anothers_until_it_works_again() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryLeases::default());
        let (cut, mut cut_part) = begin(leases.clone(), lease(1)).await;
        let (sharing, mut part) = begin(leases, lease(2)).await;
        tokio::spawn(sharing.keep(CancellationToken::new()));
        tokio::spawn(cut.keep(CancellationToken::new()));
        let works = [Work::Follow(CHAINS[0]), Work::Settle(CHAINS[0]), Work::Deliver];
        let failing = works.map(|work| cut_part.doing(work));
        assert!(cut_part.follows(CHAINS[0]));
        failing.iter().for_each(Doing::failed);
        let taken_over = async {
            part.until_follows(CHAINS[0]).await;
            part.until_delivers().await;
            while part.until_settles(CHAINS[0]).await != ShardAssignment::ALL {
                tokio::time::sleep(RENEW_INTERVAL).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), taken_over).await.unwrap();
        failing.iter().for_each(Doing::succeeded);
        let given_back = async {
            cut_part.until_delivers().await;
            cut_part.until_settles(CHAINS[0]).await;
        };
        tokio::time::timeout(Duration::from_secs(15), given_back).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_everywhere_is_tried_everywhere() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryLeases::default());
        let (one, mut one_part) = begin(leases.clone(), lease(1)).await;
        let (two, mut two_part) = begin(leases, lease(2)).await;
        tokio::spawn(one.keep(CancellationToken::new()));
        tokio::spawn(two.keep(CancellationToken::new()));
        for part in [&one_part, &two_part] {
            part.doing(Work::Follow(CHAINS[0])).failed();
        }
        let both = async {
            tokio::time::sleep(LASTS + RENEW_INTERVAL).await;
            one_part.until_follows(CHAINS[0]).await;
            two_part.until_follows(CHAINS[0]).await;
        };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    }
}
