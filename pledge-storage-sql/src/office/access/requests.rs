//! Requests that are made once.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_office::access::{
    Begun, KeptAnswer, RequestDigest, RequestKey, RequestStore, Turn, UNDER_WAY_FOR,
};
use pledge_office::base::StoreTime;

use super::row_made::row_made;
use crate::bulk::values;
use crate::connection::{Connection, Row, Value};
use crate::database::Database;
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::{query, query_with};
use crate::row::FromRow;
use crate::store::SqlStore;

struct RequestRow {
    digest: RequestDigest,
    turn: u32,
    first_begun: StoreTime,
    begun: Option<StoreTime>,
    answer: Option<KeptAnswer>,
}

impl FromRow for RequestRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let answer = match (row.find::<u32>("status")?, row.find::<String>("body")?) {
            (None, None) => None,
            (Some(status), Some(body)) => {
                let status = u16::try_from(status);
                let status = status.map_err(|error| Fault::malformed("status", error))?;
                let answer = KeptAnswer::new(status, body);
                Some(answer.map_err(|error| Fault::malformed("body", error))?)
            }
            _ => return Err(Fault::malformed("body", "an answer without a status or a body")),
        };
        Ok(Self {
            digest: row.get("digest")?,
            turn: row.get("turn")?,
            first_begun: row.get("first_begun")?,
            begun: row.find("begun")?,
            answer,
        })
    }
}

/// How a request begins, decided behind the lock of its row.
async fn begin(
    db: &mut dyn Connection,
    request: &RequestKey,
    digest: RequestDigest,
) -> Result<Begun, Fault> {
    let key = request.hash();
    let or_keep = db.dialect().on_conflict(Conflict { key: &["request"], updates: &[] });
    let for_update = db.dialect().for_update();
    let insert =
        "INSERT INTO access_request (request, digest, turn, first_begun) VALUES (?, ?, 0, 0)";
    let make = || query(format!("{insert} {or_keep}")).bind(key).bind(digest);
    let select = "SELECT * FROM access_request WHERE request = ?";
    let lock = || query(format!("{select} {for_update}")).bind(key);
    let known: RequestRow = row_made(db, make, lock).await?;
    let now = now(db).await?;
    // A row of turn 0 was made by this call.
    let forgotten_at = known.first_begun.checked_add(KeptAnswer::KEPT);
    let is_new = known.turn == 0 || forgotten_at.is_some_and(|end| end <= now);
    if !is_new {
        if known.digest != digest {
            return Ok(Begun::Other);
        }
        if let Some(answer) = known.answer {
            return Ok(Begun::Done(answer));
        }
        if known.begun.is_some_and(|begun| is_under_way(begun, now)) {
            return Ok(Begun::UnderWay);
        }
    }
    let number = known.turn.checked_add(1).ok_or_else(|| Fault::invalid("no turn is left"))?;
    let first_begun = if is_new { now } else { known.first_begun };
    query(
        "UPDATE access_request SET digest = ?, turn = ?, first_begun = ?, begun = ?, \
         status = NULL, body = NULL WHERE request = ?",
    )
    .bind(digest)
    .bind(number)
    .bind(first_begun)
    .bind(now)
    .bind(key)
    .execute(db)
    .await?;
    Ok(Begun::New(Turn { request: request.clone(), number }))
}

/// Whether what began is being done. A clock that was set back since makes nobody wait longer.
fn is_under_way(begun: StoreTime, now: StoreTime) -> bool {
    begun <= now && begun.checked_add(UNDER_WAY_FOR).is_none_or(|end| now < end)
}

/// What only the holder of a turn writes; returns whether it did.
async fn write(
    db: &mut dyn Connection,
    turn: &Turn,
    set: &'static str,
    values: &[Value],
) -> Result<bool, Fault> {
    let still = "WHERE request = ? AND turn = ? AND status IS NULL AND begun IS NOT NULL";
    let update = format!("UPDATE access_request SET {set} {still}");
    let values = [values, &values![turn.request.hash(), turn.number]].concat();
    Ok(query_with(update, values).execute(db).await? > 0)
}

/// The same, as a `Conflict` where another holds the turn, or nobody.
async fn write_held(
    db: &mut dyn Connection,
    turn: &Turn,
    set: &'static str,
    values: &[Value],
) -> Result<(), Fault> {
    if write(db, turn, set, values).await? {
        Ok(())
    } else {
        Err(Fault::conflict("the turn is over: the request was begun again or has an answer"))
    }
}

async fn end(db: &mut dyn Connection, turn: &Turn, answer: &KeptAnswer) -> Result<(), Fault> {
    let values = values![u32::from(answer.status), answer.body()];
    write_held(db, turn, "status = ?, body = ?", &values).await
}

async fn keep(db: &mut dyn Connection, turn: &Turn) -> Result<(), Fault> {
    let now = now(db).await?;
    write_held(db, turn, "begun = ?", &values![now]).await
}

#[async_trait]
impl<D: Database> RequestStore for SqlStore<D> {
    async fn begin_request(
        &self,
        request: &RequestKey,
        digest: RequestDigest,
    ) -> Result<Begun, StoreError> {
        let mut unit = self.write("begin a request").await?;
        let begun = begin(unit.db(), request, digest).await;
        unit.finish(begun).await
    }

    async fn keep_turn(&self, turn: &Turn) -> Result<(), StoreError> {
        let mut unit = self.write("keep a turn").await?;
        let kept = keep(unit.db(), turn).await;
        unit.finish(kept).await
    }

    async fn end_request(&self, turn: &Turn, answer: &KeptAnswer) -> Result<(), StoreError> {
        let mut unit = self.write("keep an answer").await?;
        let ended = end(unit.db(), turn, answer).await;
        unit.finish(ended).await
    }

    async fn give_back(&self, turn: &Turn) -> Result<(), StoreError> {
        let mut unit = self.write("give a request back").await?;
        let given = write(unit.db(), turn, "begun = NULL", &[]).await.map(drop);
        unit.finish(given).await
    }
}
