//! Which instances are running, by their own account.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::sharing::{InstanceId, Lease};

/// Leases of the instances that share one store. A lease saves work and carries no authority: an
/// instance that acts after its lease has ended does no harm, because the stores refuse a write
/// that builds on another state. So an implementation may forget leases at any time, as a cache
/// may.
///
/// # Contract
/// - A lease is held from its renewal until it expires, is released, or the implementation forgets
///   it.
/// - `renew` returns the caller's lease and every other that is held, each as it was last renewed.
/// - Releasing a lease that is not held is no error.
/// - A lease lasts [`LEASE_LASTS_MAX`](crate::sharing::LEASE_LASTS_MAX) at most; a longer one is
///   `Invalid`. Whatever happens to the clock by which leases expire, no lease is held for longer
///   than requested, counted from the moment at which the next instance renews.
///
/// ```
/// use std::time::Duration;
///
/// use pledge_core::ports::Leases;
/// use pledge_core::sharing::{InstanceId, Lease, Assignment};
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryLeases;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let leases = MemoryLeases::default();
/// let offer = |id| Lease::whole(InstanceId::new(id), [1, 8453].map(ChainId::new));
/// let minute = Duration::from_secs(60);
/// leases.renew(&offer(1), minute).await?;
/// let held = leases.renew(&offer(2), minute).await?;
/// assert_eq!(held.len(), 2);
/// assert!(Assignment::of(&offer(1), &held).follows(ChainId::new(1)));
/// assert!(Assignment::of(&offer(2), &held).follows(ChainId::new(8453)));
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Leases: Debug + Send + Sync + 'static {
    /// Takes a lease, or renews it with what is offered now, for `lasts` from now on. Returns every
    /// lease that is held, ascending by instance.
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError>;

    /// Ends a lease before it expires.
    async fn release(&self, instance: InstanceId) -> Result<(), StoreError>;
}
