//! The port of sign-ins.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;

use super::Position;
use crate::access::{
    AccessError, By, Caller, NewSession, RefreshTimes, Refreshed, Session, SessionEnd, SessionId,
    TokenHash, UserId,
};

/// Sign-ins and their refresh tokens. Every time here is of the database's clock.
///
/// # Contract
/// - A session begins only for a user that may sign in and has what was shown: the password of this hash, the
///   wallet that signed. Otherwise it is refused, and nothing is written. An id or a token that is there already is
///   a `Conflict`.
/// - A user has at most [`Session::PER_USER_MAX`] sessions that have not ended. One more ends the one whose newest
///   token was given out first, in its transaction.
/// - A session lasts for [`RefreshTimes::whole`] from the sign-in, as it was then.
/// - What a refresh token gives is what [`RefreshTimes::presented`] decides, in one transaction that locks the
///   session. A token that rotates is used from then on, and its successor is the first that the caller names. Of
///   two callers that present it at the same time one rotates it, and the other is given the same successor.
/// - A token that is repeated gives the successor that it gave, if the caller names it; otherwise it is over, and the
///   session stays.
/// - A token that is used again ends its session, with an audit record about it, in that transaction. Once: then
///   all of its tokens are over.
/// - The token of a user that may not sign in is over.
/// - The caller of a session has the grants that the user has when it is read, by the roles that there are then. There is
///   none for a session that has ended, is over, or whose user may not sign in. It is read in one snapshot.
/// - A session ends once: its time and its reason stay. What ends a session that is not there, is another
///   user's or has ended changes nothing, and is no error.
/// - A page is of sessions of a user that have not ended and are not over, by their time, the newest first, then by
///   id descending, and begins behind a position.
/// - What ends the sessions of another user needs
///   [`Permission::ChangeUsers`](crate::access::Permission::ChangeUsers) and all that the user has, and leaves an
///   audit record about the user, unless it ended none.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait SessionStore: Debug + Send + Sync + 'static {
    /// Records a sign-in.
    async fn begin_session(
        &self,
        session: &NewSession,
        times: &RefreshTimes,
    ) -> Result<Session, AccessError>;

    /// A session, whatever became of it.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// The session of a refresh token, whatever became of both.
    async fn session_of_token(&self, token: &TokenHash) -> Result<Option<Session>, StoreError>;

    /// A page of the sessions of a user, at most `limit`.
    async fn sessions(
        &self,
        user: UserId,
        after: Option<Position<SessionId>>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError>;

    /// Presents a refresh token. `successors` are those that follow from it under each key, the one to give out
    /// first; none is `Invalid`. `by` is the program that finds out that a token was used twice.
    async fn refresh(
        &self,
        token: &TokenHash,
        successors: &[TokenHash],
        times: &RefreshTimes,
        by: &Attribution,
    ) -> Result<Refreshed, StoreError>;

    /// Who acts in a session now. Its end is that of the session.
    async fn caller_of_session(&self, id: SessionId) -> Result<Option<Caller>, StoreError>;

    /// Ends a session of a user.
    async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        end: SessionEnd,
    ) -> Result<(), StoreError>;

    /// Ends every session of a user but the one to keep, and returns how many.
    async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        end: SessionEnd,
    ) -> Result<u64, StoreError>;

    /// Ends every session of another user, and returns how many.
    async fn end_sessions_by(&self, user: UserId, by: &By) -> Result<u64, AccessError>;
}
