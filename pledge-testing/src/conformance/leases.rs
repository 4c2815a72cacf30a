//! Laws of [`Leases`].

use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, LEASE_LASTS_MAX, Lease};
use pledge_core::types::ChainId;

laws! {
    __leases of leases(Arc<dyn Leases>):
    every_lease_that_is_held_is_seen
    a_renewal_replaces_what_was_offered
    a_lease_that_is_not_renewed_ends
    a_released_lease_is_gone_until_it_is_renewed
    what_is_not_held_may_be_released
    a_lease_that_would_last_too_long_is_refused
}

const LONG: Duration = Duration::from_secs(600);
/// Long enough for the calls between two renewals on a busy machine.
const SHORT: Duration = Duration::from_secs(2);

fn lease(instance: u128, chains: &[u64]) -> Lease {
    Lease::whole(InstanceId::new(instance), chains.iter().copied().map(ChainId::new))
}

async fn renew(leases: &Arc<dyn Leases>, lease: &Lease, lasts: Duration) -> Vec<Lease> {
    leases.renew(lease, lasts).await.expect("renew a lease")
}

/// A renewal returns the instance's own lease and those of others, ascending by instance.
async fn every_lease_that_is_held_is_seen(leases: Arc<dyn Leases>) {
    let (low, high) = (lease(1, &[1, 8453]), lease(u128::MAX, &[]));
    assert_eq!(renew(&leases, &high, LONG).await, std::slice::from_ref(&high));
    assert_eq!(renew(&leases, &low, LONG).await, [low.clone(), high.clone()]);
    assert_eq!(renew(&leases, &high, LONG).await, [low, high]);
}

/// The offer of the last renewal counts.
async fn a_renewal_replaces_what_was_offered(leases: Arc<dyn Leases>) {
    renew(&leases, &lease(1, &[1]), LONG).await;
    let now = Lease { follows: [].into(), delivers: false, ..lease(1, &[2, u64::MAX]) };
    assert_eq!(renew(&leases, &now, LONG).await, [now]);
}

/// A lease ends by itself, unless it is renewed.
async fn a_lease_that_is_not_renewed_ends(leases: Arc<dyn Leases>) {
    let (slept, awake) = (lease(1, &[1]), lease(2, &[1]));
    renew(&leases, &slept, SHORT).await;
    renew(&leases, &awake, SHORT).await;
    renew(&leases, &awake, LONG).await;
    tokio::time::sleep(SHORT).await;
    let late = lease(3, &[]);
    assert_eq!(renew(&leases, &late, LONG).await, [awake, late]);
}

/// A lease that was given back is not held, and may be taken again.
async fn a_released_lease_is_gone_until_it_is_renewed(leases: Arc<dyn Leases>) {
    let (gone, stays) = (lease(1, &[1]), lease(2, &[1]));
    renew(&leases, &gone, LONG).await;
    renew(&leases, &stays, LONG).await;
    leases.release(gone.instance).await.expect("release");
    assert_eq!(renew(&leases, &stays, LONG).await, std::slice::from_ref(&stays));
    assert_eq!(renew(&leases, &gone, LONG).await, [gone, stays]);
}

/// Releasing what is not held is no error.
async fn what_is_not_held_may_be_released(leases: Arc<dyn Leases>) {
    let stays = lease(2, &[1]);
    renew(&leases, &stays, LONG).await;
    leases.release(InstanceId::new(9)).await.expect("release");
    leases.release(InstanceId::new(9)).await.expect("release");
    assert_eq!(renew(&leases, &stays, LONG).await, [stays]);
}

/// A lease for too long is refused, and nothing is held.
async fn a_lease_that_would_last_too_long_is_refused(leases: Arc<dyn Leases>) {
    let stays = lease(2, &[1]);
    let longest = renew(&leases, &stays, LEASE_LASTS_MAX).await;
    assert_eq!(longest, std::slice::from_ref(&stays));
    for lasts in [LEASE_LASTS_MAX + Duration::from_millis(1), Duration::MAX] {
        let refused = leases.renew(&lease(1, &[1]), lasts).await.expect_err("too long");
        assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    }
    assert_eq!(renew(&leases, &stays, LONG).await, [stays]);
}
