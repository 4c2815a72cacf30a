//! The port of requests that are made once.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use crate::access::{Begun, KeptAnswer, RequestDigest, RequestKey, Turn};

/// Requests by the keys of their clients. Every time here is of the database's clock.
///
/// # Contract
/// - A request begins once: of two at the same time one gets the turn, and the other is under way. After
///   [`UNDER_WAY_FOR`](crate::access::UNDER_WAY_FOR), or after the turn was given back, another may begin it, and the
///   turn of before is over.
/// - Another digest under the key is another request, whatever became of the first, for as long as that is kept.
/// - A request that takes long stays under way while the holder of the turn states so, for
///   [`UNDER_WAY_FOR`](crate::access::UNDER_WAY_FOR) each time. Of a turn that is over, was given back or has an answer
///   that is a `Conflict`.
/// - An answer is kept by the holder of the turn, once; by another one it is a `Conflict`. It is the answer to
///   every repetition.
/// - A turn that is given back lets the request begin again at once. One that is over, or has an answer, gives
///   nothing back, and that is no error.
/// - A request is known for [`KeptAnswer::KEPT`] from its first beginning. Then the key is new.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait RequestStore: Debug + Send + Sync + 'static {
    /// Begins a request.
    async fn begin_request(
        &self,
        request: &RequestKey,
        digest: RequestDigest,
    ) -> Result<Begun, StoreError>;

    /// Lets a turn last longer: the request is still being done.
    async fn keep_turn(&self, turn: &Turn) -> Result<(), StoreError>;

    /// Keeps the answer to a request.
    async fn end_request(&self, turn: &Turn, answer: &KeptAnswer) -> Result<(), StoreError>;

    /// Gives a turn back: nothing was done.
    async fn give_back(&self, turn: &Turn) -> Result<(), StoreError>;
}
