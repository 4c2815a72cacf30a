//! The port of what is used once, and of failed sign-ins.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use crate::access::{Attempted, FailureKey, NonceId, TicketHolder, TokenHash};

/// Nonces and tickets, each used once, and the failed sign-ins that slow others down. Every time here is of the
/// database's clock.
///
/// # Contract
/// - A nonce is used once: of two callers at the same time one does. Its row outlives the time at which every instance
///   refuses the nonce by a day, so that no clock brings it back.
/// - A ticket is taken once within [`TICKET_LASTS`](crate::access::TICKET_LASTS): of two callers at the same time one
///   gets its holder. One that is there already is a `Conflict`. Whether its holder still may is not looked at.
/// - A sign-in that may be attempted counts as failed from then on, so that attempts at the same time count too
///   ([`Failures`](crate::access::Failures)). One that has to wait counts for nothing, and so does one that is taken back.
/// - A clock that is set back makes nobody wait longer than the failures do: the wait begins then.
/// - Failures that are forgotten are none.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait AttemptStore: Debug + Send + Sync + 'static {
    /// Uses a nonce; whether this call did.
    async fn use_nonce(&self, nonce: &NonceId) -> Result<bool, StoreError>;

    /// Keeps a ticket, by its hash.
    async fn add_ticket(&self, hash: &TokenHash, holder: TicketHolder) -> Result<(), StoreError>;

    /// Takes a ticket.
    async fn take_ticket(&self, hash: &TokenHash) -> Result<Option<TicketHolder>, StoreError>;

    /// Whether a sign-in may be attempted, which then counts as failed.
    async fn attempt(&self, key: FailureKey) -> Result<Attempted, StoreError>;

    /// Takes back an attempt that was counted, and then not made.
    async fn take_back(&self, key: FailureKey) -> Result<(), StoreError>;

    /// Forgets the failures, after a sign-in that succeeded.
    async fn forget_failures(&self, key: FailureKey) -> Result<(), StoreError>;
}
