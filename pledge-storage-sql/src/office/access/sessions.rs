//! Sign-ins: how they begin, are read and end.

use std::net::IpAddr;

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::ChainId;
use pledge_office::access::{
    AccessAction, AccessError, By, Caller, ContractSignature, NewSession, PasswordSignIn, Position,
    RefreshTimes, Refreshed, Refused, Session, SessionEnd, SessionId, SessionStore, Shown,
    SignedInBy, Signs, TokenHash, UserAgent, UserId, Wallet,
};
use pledge_office::base::StoreTime;

use super::acting::{self, Failure, finish};
use super::user_writes::Subject;
use super::{callers, page, refresh, users};
use crate::bulk::values;
use crate::connection::{Connection, Row, Value};
use crate::database::Database;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::row::FromRow;
use crate::store::SqlStore;

const BY_PASSWORD: &str = "password";
const BY_KEY: &str = "key";
const BY_CONTRACT: &str = "contract";

impl FromRow for SignedInBy {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let by: String = row.get("signed_in_by")?;
        Ok(match &*by {
            BY_PASSWORD => Self::Password,
            BY_KEY => Self::Key(row.get("wallet")?),
            BY_CONTRACT => {
                let (address, chain) =
                    (row.get::<Address>("wallet")?, row.get::<ChainId>("chain")?);
                let (digest, signature) =
                    (row.get::<B256>("digest")?, row.get::<Bytes>("signature")?);
                let kept = ContractSignature::new(address, chain, digest, signature);
                Self::Contract(kept.map_err(|error| Fault::malformed("signature", error))?)
            }
            _ => return Err(Fault::malformed("signed_in_by", "not a way to sign in")),
        })
    }
}

impl FromRow for Session {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let ended = match (row.find("ended")?, row.find::<String>("end_reason")?) {
            (None, None) => None,
            (Some(at), Some(reason)) => {
                let end = SessionEnd::named(&reason);
                Some((at, end.map_err(|error| Fault::malformed("end_reason", error))?))
            }
            _ => return Err(Fault::malformed("end_reason", "an end without a reason")),
        };
        Ok(Self {
            id: row.get("id")?,
            user: row.get("user_id")?,
            signed_in_by: SignedInBy::from_row(row)?,
            signed_in: row.get("signed_in")?,
            refreshed: row.get("refreshed")?,
            until: row.get("over_at")?,
            address: row.find("address")?,
            user_agent: row.find::<String>("user_agent")?.map(|text| UserAgent::new(&text)),
            ended,
        })
    }
}

pub(super) async fn find(
    db: &mut dyn Connection,
    id: SessionId,
    tail: &'static str,
) -> Result<Option<Session>, Fault> {
    query(format!("SELECT * FROM access_session WHERE id = ? {tail}")).bind(id).one(db).await
}

/// The session of a refresh token.
pub(super) async fn of_token(
    db: &mut dyn Connection,
    token: &TokenHash,
) -> Result<Option<SessionId>, Fault> {
    query("SELECT session_id FROM access_token WHERE hash = ?")
        .bind(*token)
        .value(db, "session_id")
        .await
}

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
    let signed_in_by = match &new.shown {
        Shown::Password(shown) => {
            let select = query("SELECT id, password FROM access_user WHERE id = ?");
            let known: Option<PasswordSignIn> = select.bind(new.user).one(db).await?;
            let is_its = known.and_then(|known| known.password).as_ref() == Some(shown);
            is_its.then_some(SignedInBy::Password)
        }
        Shown::Key(address) => {
            let wallet = Wallet { address: *address, signs: Signs::ByKey };
            user.wallets.contains(&wallet).then_some(SignedInBy::Key(*address))
        }
        Shown::Contract(kept) => {
            let (address, signs) = (kept.address, Signs::ByContract(kept.chain));
            let is_its = user.wallets.contains(&Wallet { address, signs });
            is_its.then(|| SignedInBy::Contract(kept.clone()))
        }
    };
    let signed_in_by = signed_in_by.ok_or(Refused::CredentialChanged)?;
    let is_known = find(db, new.id, "").await?.is_some();
    if is_known || of_token(db, &new.token).await?.is_some() {
        return Err(Fault::conflict(format!("session {} or its token is there", new.id)).into());
    }
    let now = now(db).await?;
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
    add(db, &session).await?;
    refresh::add_token(db, session.id, &new.token, now).await?;
    Ok(session)
}

/// Adds a session that has not ended.
async fn add(db: &mut dyn Connection, session: &Session) -> Result<(), Fault> {
    let by: [Value; 5] = match &session.signed_in_by {
        SignedInBy::Password => {
            values![BY_PASSWORD, None::<Address>, None::<ChainId>, None::<B256>, None::<Bytes>]
        }
        SignedInBy::Key(address) => {
            values![BY_KEY, *address, None::<ChainId>, None::<B256>, None::<Bytes>]
        }
        SignedInBy::Contract(kept) => {
            let signature = kept.expose().clone();
            values![BY_CONTRACT, kept.address, kept.chain, kept.digest, signature]
        }
    };
    let insert = query(
        "INSERT INTO access_session \
         (id, user_id, signed_in_by, wallet, chain, digest, signature, signed_in, refreshed, \
         over_at, done_at, address, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let insert = by
        .into_iter()
        .fold(insert.bind(session.id).bind(session.user), |insert, value| insert.bind(value));
    insert
        .bind(session.signed_in)
        .bind(session.refreshed)
        .bind(session.until)
        .bind(session.until)
        .bind(session.address.map(|address: IpAddr| address.to_string()))
        .bind(session.user_agent.as_ref().map(UserAgent::as_str))
        .execute(db)
        .await?;
    Ok(())
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

const END: &str = "UPDATE access_session SET ended = ?, end_reason = ?, done_at = ? \
                   WHERE ended IS NULL AND user_id = ?";

/// Ends every session of a user but one, and returns how many.
pub(super) async fn end_all(
    db: &mut dyn Connection,
    user: UserId,
    keep: Option<SessionId>,
    (at, end): (StoreTime, SessionEnd),
) -> Result<u64, Fault> {
    let ended = |sql: String| query(sql).bind(at).bind(end.name()).bind(at).bind(user);
    match keep {
        Some(keep) => ended(format!("{END} AND id <> ?")).bind(keep).execute(db).await,
        None => ended(END.to_owned()).execute(db).await,
    }
}

/// Ends every session of a user that began with a wallet.
pub(super) async fn end_of_wallet(
    db: &mut dyn Connection,
    user: UserId,
    wallet: &Wallet,
    (at, end): (StoreTime, SessionEnd),
) -> Result<(), Fault> {
    let (condition, chain) = match wallet.signs {
        Signs::ByKey => ("chain IS NULL", None),
        Signs::ByContract(chain) => ("chain = ?", Some(chain)),
    };
    let ended = query(format!("{END} AND wallet = ? AND {condition}"))
        .bind(at)
        .bind(end.name())
        .bind(at)
        .bind(user)
        .bind(wallet.address);
    let ended = match chain {
        Some(chain) => ended.key(chain),
        None => ended,
    };
    ended.execute(db).await?;
    Ok(())
}

/// Ends a session of a user.
pub(super) async fn end(
    db: &mut dyn Connection,
    (user, session): (UserId, SessionId),
    (at, end): (StoreTime, SessionEnd),
) -> Result<(), Fault> {
    query(format!("{END} AND id = ?"))
        .bind(at)
        .bind(end.name())
        .bind(at)
        .bind(user)
        .bind(session)
        .execute(db)
        .await?;
    Ok(())
}

async fn end_all_by(db: &mut dyn Connection, user: UserId, by: &By) -> Result<u64, Failure> {
    let subject = Subject::there(db, user, by).await?;
    let now = subject.now;
    let count = end_all(db, user, None, (now, SessionEnd::EndedByOther)).await?;
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
        let read = find(unit.db(), id, "").await;
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
            end(unit.db(), (user, session), (at, reason)).await
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
            end_all(unit.db(), user, keep, (at, reason)).await
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
