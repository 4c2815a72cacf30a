//! Nonces, tickets and failed sign-ins.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::primitives::B128;
use pledge_office::access::{
    ApiKeyId, AttemptStore, Attempted, FailureKey, Failures, NonceId, SessionId, TICKET_LASTS,
    TicketHolder, TokenHash,
};
use pledge_office::base::StoreTime;

use super::row_made::row_made;
use crate::connection::{Connection, Row, Value};
use crate::database::Database;
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::row::FromRow;
use crate::store::SqlStore;

struct NonceRow {
    is_used: bool,
}

impl FromRow for NonceRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { is_used: row.get("is_used")? })
    }
}

async fn use_nonce(db: &mut dyn Connection, nonce: &NonceId) -> Result<bool, Fault> {
    let random = B128::from(nonce.random);
    let or_keep = db.dialect().on_conflict(Conflict { key: &["nonce"], updates: &[] });
    let for_update = db.dialect().for_update();
    let insert = "INSERT INTO access_nonce (nonce, over_at, is_used) VALUES (?, ?, 0)";
    let make = || query(format!("{insert} {or_keep}")).bind(random).bind(nonce.over_at);
    let select = "SELECT * FROM access_nonce WHERE nonce = ?";
    let lock = || query(format!("{select} {for_update}")).bind(random);
    let row: NonceRow = row_made(db, make, lock).await?;
    if row.is_used {
        return Ok(false);
    }
    query("UPDATE access_nonce SET is_used = 1 WHERE nonce = ?").bind(random).execute(db).await?;
    Ok(true)
}

const OF_SESSION: u8 = 0;
const OF_KEY: u8 = 1;

struct TicketRow {
    holder: TicketHolder,
    over_at: StoreTime,
}

impl FromRow for TicketRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let holder = match row.get("holder_kind")? {
            OF_SESSION => TicketHolder::Session(row.get::<SessionId>("holder")?),
            OF_KEY => TicketHolder::ApiKey(row.get::<ApiKeyId>("holder")?),
            _ => return Err(Fault::malformed("holder_kind", "not a kind of holder")),
        };
        Ok(Self { holder, over_at: row.get("over_at")? })
    }
}

async fn ticket(db: &mut dyn Connection, hash: &TokenHash) -> Result<Option<TicketRow>, Fault> {
    let for_update = db.dialect().for_update();
    let select = format!("SELECT * FROM access_ticket WHERE hash = ? {for_update}");
    query(select).bind(*hash).one(db).await
}

async fn add_ticket(
    db: &mut dyn Connection,
    hash: &TokenHash,
    holder: TicketHolder,
) -> Result<(), Fault> {
    if ticket(db, hash).await?.is_some() {
        return Err(Fault::conflict("the ticket is there already"));
    }
    let now = now(db).await?;
    let (kind, holder): (u8, Value) = match holder {
        TicketHolder::Session(session) => (OF_SESSION, session.into()),
        TicketHolder::ApiKey(key) => (OF_KEY, key.into()),
    };
    query("INSERT INTO access_ticket (hash, holder_kind, holder, over_at) VALUES (?, ?, ?, ?)")
        .bind(*hash)
        .bind(kind)
        .bind(holder)
        .bind(now.checked_add(TICKET_LASTS).unwrap_or(StoreTime::MAX))
        .execute(db)
        .await?;
    Ok(())
}

async fn take_ticket(
    db: &mut dyn Connection,
    hash: &TokenHash,
) -> Result<Option<TicketHolder>, Fault> {
    let Some(found) = ticket(db, hash).await? else {
        return Ok(None);
    };
    query("DELETE FROM access_ticket WHERE hash = ?").bind(*hash).execute(db).await?;
    let now = now(db).await?;
    // One that would last for longer than any does is of a clock that was set back since.
    let latest = now.checked_add(TICKET_LASTS).unwrap_or(StoreTime::MAX);
    let lasts = now < found.over_at && found.over_at <= latest;
    Ok(lasts.then_some(found.holder))
}

struct FailureRow(Option<Failures>);

impl FromRow for FailureRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let failures = Failures { count: row.get("failures")?, last: row.get("last_at")? };
        Ok(Self((failures.count > 0).then_some(failures)))
    }
}

async fn attempt(db: &mut dyn Connection, key: FailureKey) -> Result<Attempted, Fault> {
    let or_keep = db.dialect().on_conflict(Conflict { key: &["attempted"], updates: &[] });
    let for_update = db.dialect().for_update();
    let insert = "INSERT INTO access_failure (attempted, failures, last_at) VALUES (?, 0, 0)";
    let make = || query(format!("{insert} {or_keep}")).bind(key);
    let select = "SELECT * FROM access_failure WHERE attempted = ?";
    let lock = || query(format!("{select} {for_update}")).bind(key);
    let FailureRow(before) = row_made(db, make, lock).await?;
    let now = now(db).await?;
    let known = before.map(|before| before.known_at(now));
    let wait = known.map(|known| known.wait(now)).filter(|wait| !wait.is_zero());
    // One that has to wait counts for nothing: others could keep a name waiting for ever.
    let after = match wait {
        Some(_) => known,
        None => Some(Failures::and_another(known, now)),
    };
    if let Some(after) = after.filter(|_| after != before) {
        query("UPDATE access_failure SET failures = ?, last_at = ? WHERE attempted = ?")
            .bind(after.count)
            .bind(after.last)
            .bind(key)
            .execute(db)
            .await?;
    }
    Ok(wait.map_or(Attempted::May, Attempted::Wait))
}

async fn take_back(db: &mut dyn Connection, key: FailureKey) -> Result<(), Fault> {
    let fewer = "UPDATE access_failure SET failures = failures - 1";
    query(format!("{fewer} WHERE attempted = ? AND failures > 0")).bind(key).execute(db).await?;
    Ok(())
}

#[async_trait]
impl<D: Database> AttemptStore for SqlStore<D> {
    async fn use_nonce(&self, nonce: &NonceId) -> Result<bool, StoreError> {
        let mut unit = self.write("use a nonce").await?;
        let used = use_nonce(unit.db(), nonce).await;
        unit.finish(used).await
    }

    async fn add_ticket(&self, hash: &TokenHash, holder: TicketHolder) -> Result<(), StoreError> {
        let mut unit = self.write("keep a ticket").await?;
        let added = add_ticket(unit.db(), hash, holder).await;
        unit.finish(added).await
    }

    async fn take_ticket(&self, hash: &TokenHash) -> Result<Option<TicketHolder>, StoreError> {
        let mut unit = self.write("take a ticket").await?;
        let taken = take_ticket(unit.db(), hash).await;
        unit.finish(taken).await
    }

    async fn attempt(&self, key: FailureKey) -> Result<Attempted, StoreError> {
        let mut unit = self.write("attempt a sign-in").await?;
        let attempted = attempt(unit.db(), key).await;
        unit.finish(attempted).await
    }

    async fn take_back(&self, key: FailureKey) -> Result<(), StoreError> {
        let mut unit = self.write("take an attempt back").await?;
        let taken = take_back(unit.db(), key).await;
        unit.finish(taken).await
    }

    async fn forget_failures(&self, key: FailureKey) -> Result<(), StoreError> {
        let mut unit = self.write("forget failed sign-ins").await?;
        let delete = query("DELETE FROM access_failure WHERE attempted = ?").bind(key);
        let forgotten = delete.execute(unit.db()).await.map(drop);
        unit.finish(forgotten).await
    }
}
