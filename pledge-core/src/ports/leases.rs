//! Which instances are there, as far as they say so themselves.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::sharing::{InstanceId, Lease};

/// Leases of the instances that work over one store. A lease saves work and carries no authority:
/// whoever acts although its lease has ended harms nothing, since the stores refuse a write that
/// assumed something else. So this may forget at any time, as a cache may.
///
/// # Contract
/// - A lease is held from its renewal until its time is over, it is released, or all is forgotten.
/// - Whoever renews sees its own lease and every other that is held, as it was renewed last.
/// - Releasing what is not held is no error.
/// - A lease lasts [`LEASE_LASTS_MAX`](crate::sharing::LEASE_LASTS_MAX) at most; a longer one is
///   `Invalid`. Whatever happens to the clock by which leases end, none is held for longer than it was
///   asked for, counted from the moment at which the next instance renews.
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
    /// Takes a lease, or renews it with what is offered now, for `lasts` from now on. Answers every
    /// lease that is held, ascending by instance.
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError>;

    /// Gives a lease back before its time is over.
    async fn release(&self, instance: InstanceId) -> Result<(), StoreError>;
}
