//! The port of claims.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::sharing::InstanceId;

use super::{Claim, ClaimName};

/// Which instance does which work, decided by the database.
///
/// Every time here is of the database's clock, read in the call's own transaction.
///
/// # Contract
/// - A claim that [`Claim::may_take`] allows is taken, with a fence greater than that of every taking
///   before it, of whatever name, also of claims that were released. Otherwise nothing changes.
/// - Of two instances that take a claim at the same time one gets it.
/// - A claim is renewed while it lasts and no other was taken: same fence, another end. Otherwise it is a
///   `Conflict`, and stays as it is.
/// - A claim that was released is no one's. Releasing one that is over, was taken by another or was
///   released already changes nothing, and is no error.
/// - A claim with the fence of one taking and the instance of another allows nothing and releases nothing.
/// - A claim that is returned is held, whatever is released at the same time.
/// - A write that names a claim is refused with `Conflict` unless [`Claim::refusal`] is `None` in its own
///   transaction: no other instance takes the claim between that check and the commit.
/// - A length that [`Claim::end`] refuses is `Invalid`.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Claims: Debug + Send + Sync + 'static {
    /// Takes a claim for `lasts` from now on; `None` if another instance holds it.
    async fn take(
        &self,
        name: &ClaimName,
        instance: InstanceId,
        lasts: Duration,
    ) -> Result<Option<Claim>, StoreError>;

    /// Lets a claim last for `lasts` from now on, and returns it with its new end.
    async fn renew(&self, claim: &Claim, lasts: Duration) -> Result<Claim, StoreError>;

    /// Ends a claim before its time, so that another instance need not wait.
    async fn release(&self, claim: &Claim) -> Result<(), StoreError>;

    /// The claim of this name that lasts now.
    async fn holder(&self, name: &ClaimName) -> Result<Option<Claim>, StoreError>;
}
