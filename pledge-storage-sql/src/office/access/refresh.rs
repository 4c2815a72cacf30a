//! Refresh tokens: one gives the next.

use pledge_core::audit::Attribution;
use pledge_office::access::{
    AccessAction, Presented, RefreshRecord, RefreshTimes, Refreshed, Session, SessionEnd,
    SessionId, TokenHash, Used,
};
use pledge_office::base::StoreTime;

use super::{acting, sessions};
use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::row::FromRow;

/// A token, and whether the one that it gave was used since.
struct TokenRow {
    issued: StoreTime,
    used: Option<(StoreTime, TokenHash)>,
    is_successor_used: bool,
}

impl FromRow for TokenRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let used = match (row.find("used")?, row.find("successor")?) {
            (None, None) => None,
            (Some(at), Some(successor)) => Some((at, successor)),
            _ => return Err(Fault::malformed("successor", "a use without a successor")),
        };
        let is_successor_used = row.find::<StoreTime>("successor_used")?.is_some();
        Ok(Self { issued: row.get("issued")?, used, is_successor_used })
    }
}

pub(super) async fn add_token(
    db: &mut dyn Connection,
    session: SessionId,
    token: &TokenHash,
    now: StoreTime,
) -> Result<(), Fault> {
    query("INSERT INTO access_token (hash, session_id, issued) VALUES (?, ?, ?)")
        .bind(*token)
        .bind(session)
        .bind(now)
        .execute(db)
        .await?;
    Ok(())
}

/// What a token gives, decided behind the lock of its session.
pub(super) async fn present(
    db: &mut dyn Connection,
    token: &TokenHash,
    successors: &[TokenHash],
    times: &RefreshTimes,
    by: &Attribution,
) -> Result<Refreshed, Fault> {
    let Some(first) = successors.first() else {
        return Err(Fault::invalid("a refresh token needs a successor"));
    };
    let Some(mut session) = lock(db, token).await? else {
        return Ok(Refreshed::Over);
    };
    let now = now(db).await?;
    let Some(row) = find(db, token).await? else {
        return Ok(Refreshed::Over);
    };
    let is_over = session.ended.is_some() || session.until <= now;
    let used = row.used.map(|(at, _)| Used { at, is_successor_used: row.is_successor_used });
    let record = RefreshRecord {
        issued: row.issued,
        signed_in: session.signed_in,
        used,
        is_revoked: is_over || !is_active(db, &session).await?,
    };
    match (times.presented(&record, now), row.used) {
        (Presented::Rotates, _) => {
            rotate(db, session.id, (token, first), now).await?;
            session.refreshed = now;
            Ok(Refreshed::Successor { session, token: *first })
        }
        // Without the key that it was derived by, the successor cannot be given again.
        (Presented::Repeats, Some((_, given))) if successors.contains(&given) => {
            Ok(Refreshed::Successor { session, token: given })
        }
        (Presented::IsReused, _) => {
            let end = (now, SessionEnd::TokenReused);
            sessions::end(db, (session.user, session.id), end).await?;
            acting::record_of(db, by, AccessAction::token_reused(&session)).await?;
            Ok(Refreshed::Reused)
        }
        (Presented::Repeats | Presented::IsOver, _) => Ok(Refreshed::Over),
    }
}

/// The session of a token, locked until the transaction ends.
async fn lock(db: &mut dyn Connection, token: &TokenHash) -> Result<Option<Session>, Fault> {
    let for_update = db.dialect().for_update();
    match sessions::of_token(db, token).await? {
        Some(session) => sessions::find(db, session, for_update).await,
        None => Ok(None),
    }
}

async fn find(db: &mut dyn Connection, token: &TokenHash) -> Result<Option<TokenRow>, Fault> {
    let select = "SELECT t.issued AS issued, t.used AS used, t.successor AS successor, \
                  n.used AS successor_used \
                  FROM access_token t LEFT JOIN access_token n ON n.hash = t.successor \
                  WHERE t.hash = ?";
    query(select).bind(*token).one(db).await
}

async fn is_active(db: &mut dyn Connection, session: &Session) -> Result<bool, Fault> {
    let select = "SELECT id FROM access_user \
                  WHERE id = ? AND banned IS NULL AND removed IS NULL";
    Ok(!query(select).bind(session.user).rows(db).await?.is_empty())
}

async fn rotate(
    db: &mut dyn Connection,
    session: SessionId,
    (token, successor): (&TokenHash, &TokenHash),
    now: StoreTime,
) -> Result<(), Fault> {
    query("UPDATE access_token SET used = ?, successor = ? WHERE hash = ?")
        .bind(now)
        .bind(*successor)
        .bind(*token)
        .execute(db)
        .await?;
    add_token(db, session, successor, now).await?;
    query("UPDATE access_session SET refreshed = ? WHERE id = ?")
        .bind(now)
        .bind(session)
        .execute(db)
        .await?;
    Ok(())
}
