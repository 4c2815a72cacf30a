//! Sign-ins: their rows, and how they end.

use std::net::IpAddr;

use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::ChainId;
use pledge_office::access::{
    ContractSignature, Session, SessionEnd, SessionId, SignedInBy, Signs, TokenHash, UserAgent,
    UserId, Wallet,
};
use pledge_office::base::StoreTime;

use crate::bulk::values;
use crate::connection::{Connection, Row, Value};
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

const BY_PASSWORD: &str = "password";
const BY_KEY: &str = "key";
const BY_CONTRACT: &str = "contract";
/// The most sessions that one sign-in ends. There are more than one only where a release without a bound left them.
const DISPLACED_MAX: usize = 100;

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

/// A session, whatever became of it.
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

/// Adds a session that has not ended.
pub(super) async fn add(db: &mut dyn Connection, session: &Session) -> Result<(), Fault> {
    // How it began takes five columns, of which only a contract fills all.
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

/// Ends what a user has too many of with one more session: those that were unused for longest.
pub(super) async fn make_room(
    db: &mut dyn Connection,
    user: UserId,
    now: StoreTime,
) -> Result<(), Fault> {
    let used_last = query(
        "SELECT id FROM access_session WHERE user_id = ? AND ended IS NULL AND over_at > ? \
         ORDER BY refreshed DESC, signed_in DESC, id DESC LIMIT ?",
    );
    let kept = Session::PER_USER_MAX - 1;
    let rows = used_last.bind(user).bind(now).limit(kept + DISPLACED_MAX).rows(db).await?;
    for unused in rows.iter().skip(kept) {
        end(db, (user, unused.get("id")?), (now, SessionEnd::Displaced)).await?;
    }
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
