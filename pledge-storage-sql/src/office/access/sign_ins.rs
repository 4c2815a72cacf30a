//! Sign-ins: how they begin, are read and ended.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_office::access::{
    AccessAction, AccessError, By, Caller, NewSession, PasswordSignIn, Position, RefreshTimes,
    Refreshed, Refused, Session, SessionEnd, SessionId, SessionStore, TokenHash, UserId,
};
use pledge_office::base::StoreTime;

use super::outcome::{Failure, finish};
use super::subject::Subject;
use super::{acting, callers, page, refresh, sessions, users};
use crate::bulk::values;
use crate::connection::Connection;
use crate::database::Database;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::store::SqlStore;

async fn begin(
    db: &mut dyn Connection,
    new: &NewSession,
    times: &RefreshTimes,
) -> Result<Session, Failure> {
    // A ban, a removal and a change of what was shown lock the user too.
    let user = users::lock(db, new.user).await?.ok_or(Refused::NotActive)?;
    if !user.is_active() {
        return Err(Refused::NotActive.into());
    }
    let select = query("SELECT id, password FROM access_user WHERE id = ?");
    let known: Option<PasswordSignIn> = select.bind(new.user).one(db).await?;
    let password = known.and_then(|known| known.password);
    let signed_in_by = new.shown.accepted(&user, password.as_ref());
    let signed_in_by = signed_in_by.ok_or(Refused::CredentialChanged)?;
    let is_known = sessions::find(db, new.id, "").await?.is_some();
    if is_known || sessions::of_token(db, &new.token).await?.is_some() {
        return Err(Fault::conflict(format!("session {} or its token is there", new.id)).into());
    }
    let now = now(db).await?;
    // Under the lock of the user, so that of sign-ins at the same time each sees the others.
    sessions::make_room(db, user.id, now).await?;
    // What would last beyond every time has no end, as in `RefreshTimes`.
    let until = now.checked_add(times.whole).unwrap_or(StoreTime::MAX);
    let session = Session {
        id: new.id,
        user: new.user,
        signed_in_by,
        signed_in: now,
        refreshed: now,
        until,
        address: new.address,
        user_agent: new.user_agent.clone(),
        ended: None,
    };
    sessions::add(db, &session).await?;
    refresh::add_token(db, session.id, &new.token, now).await?;
    Ok(session)
}

async fn list(
    db: &mut dyn Connection,
    user: UserId,
    after: Option<Position<SessionId>>,
    rows_max: usize,
) -> Result<Vec<Session>, Fault> {
    let now = now(db).await?;
    let conditions = ["user_id = ?", "ended IS NULL", "over_at > ?"];
    let first = values![user, now].to_vec();
    let select = "SELECT * FROM access_session";
    page::newest_first(select, &conditions, "signed_in", first, after).limit(rows_max).all(db).await
}

async fn end_all_by(db: &mut dyn Connection, user: UserId, by: &By) -> Result<u64, Failure> {
    let subject = Subject::there(db, user, by).await?;
    let now = subject.now;
    let count = sessions::end_all(db, user, None, (now, SessionEnd::EndedByOther)).await?;
    if count > 0 {
        acting::record(db, by, AccessAction::sessions_ended(user, count)).await?;
    }
    Ok(count)
}

#[async_trait]
impl<D: Database> SessionStore for SqlStore<D> {
    async fn begin_session(
        &self,
        session: &NewSession,
        times: &RefreshTimes,
    ) -> Result<Session, AccessError> {
        let mut unit = self.write("record a sign-in").await?;
        let begun = begin(unit.db(), session, times).await;
        finish(unit, begun).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let mut unit = self.read_once("read a session").await?;
        let read = sessions::find(unit.db(), id, "").await;
        unit.finish(read).await
    }

    async fn session_of_token(&self, token: &TokenHash) -> Result<Option<Session>, StoreError> {
        let mut unit = self.read_once("read the session of a token").await?;
        let select = "SELECT s.* FROM access_session s JOIN access_token t ON t.session_id = s.id \
                      WHERE t.hash = ?";
        let read = query(select).bind(*token).one(unit.db()).await;
        unit.finish(read).await
    }

    async fn sessions(
        &self,
        user: UserId,
        after: Option<Position<SessionId>>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let mut unit = self.read("read sessions").await?;
        let read = list(unit.db(), user, after, limit).await;
        unit.finish(read).await
    }

    async fn refresh(
        &self,
        token: &TokenHash,
        successors: &[TokenHash],
        times: &RefreshTimes,
        by: &Attribution,
    ) -> Result<Refreshed, StoreError> {
        let mut unit = self.write("refresh a session").await?;
        let refreshed = refresh::present(unit.db(), token, successors, times, by).await;
        unit.finish(refreshed).await
    }

    async fn caller_of_session(&self, id: SessionId) -> Result<Option<Caller>, StoreError> {
        let mut unit = self.read("read the caller of a session").await?;
        let read = callers::of_session(unit.db(), id).await;
        unit.finish(read).await
    }

    async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        reason: SessionEnd,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("end a session").await?;
        let ended = async {
            let at = now(unit.db()).await?;
            sessions::end(unit.db(), (user, session), (at, reason)).await
        };
        let ended = ended.await;
        unit.finish(ended).await
    }

    async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: SessionEnd,
    ) -> Result<u64, StoreError> {
        let mut unit = self.write("end the sessions of a user").await?;
        let ended = async {
            let at = now(unit.db()).await?;
            sessions::end_all(unit.db(), user, keep, (at, reason)).await
        };
        let ended = ended.await;
        unit.finish(ended).await
    }

    async fn end_sessions_by(&self, user: UserId, by: &By) -> Result<u64, AccessError> {
        let mut unit = self.write("end the sessions of another user").await?;
        let ended = end_all_by(unit.db(), user, by).await;
        finish(unit, ended).await
    }
}
