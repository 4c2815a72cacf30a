//! Who did what.

use async_trait::async_trait;
use pledge_core::audit::{
    Act, Action, Actor, ActorKind, Attribution, AuditNumber, AuditObject, AuditRecord, Snapshot,
};
use pledge_core::error::StoreError;
use pledge_core::ports::{AuditQuery, AuditReads};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row, Value};
use crate::database::Database;
use crate::fault::Fault;
use crate::query::{query, query_with};
use crate::row::FromRow;
use crate::store::SqlStore;

const INSERT: &str = "INSERT INTO audit_record (number, actor_kind, actor, acted_at, reason, request, address, \
                      action, object_kind, object, state_before, state_after)";

#[async_trait]
impl<D: Database> AuditReads for SqlStore<D> {
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let mut unit = self.read_once("read who did what").await?;
        let read = list(unit.db(), query).await;
        unit.finish(read).await
    }
}

/// Numbers acts, if there are any, and adds their records. After all that the transaction does but its
/// event, so that no two wait for each other: the one that takes a number holds up the others until it
/// ends, so a number is never given below one that can be read.
pub(crate) async fn attribute(
    db: &mut dyn Connection,
    by: &Attribution,
    acts: impl IntoIterator<Item = Act>,
) -> Result<(), Fault> {
    let acts: Vec<_> = acts.into_iter().collect();
    if acts.is_empty() {
        return Ok(());
    }
    let mut number = newest(db).await?;
    let numbered = acts.into_iter().map(|act| {
        number = number.next();
        AuditRecord { number, by: by.clone(), act }
    });
    let records: Vec<_> = numbered.collect();
    go_on_after(db, number).await?;
    add(db, &records).await
}

/// The number given last, after which no other takes one until the transaction ends.
pub(crate) async fn newest(db: &mut dyn Connection) -> Result<AuditNumber, Fault> {
    let for_update = db.dialect().for_update();
    let newest = query(format!("SELECT newest FROM audit_counter WHERE id = 0 {for_update}"));
    let newest = newest.value(db, "newest").await?;
    newest.ok_or_else(|| Fault::corrupt("the counter of audit records is gone"))
}

/// Numbers records on after this one.
pub(crate) async fn go_on_after(db: &mut dyn Connection, newest: AuditNumber) -> Result<(), Fault> {
    query("UPDATE audit_counter SET newest = ? WHERE id = 0").bind(newest).execute(db).await?;
    Ok(())
}

/// Adds records that have their numbers.
pub(crate) async fn add(db: &mut dyn Connection, records: &[AuditRecord]) -> Result<(), Fault> {
    let rows = records.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    bulk::write(db, INSERT, "", &rows, Clone::clone).await
}

fn row(record: &AuditRecord) -> Result<[Value; 12], Fault> {
    let AuditRecord { number, by, act } = record;
    let text = |state: &Option<Snapshot>| state.as_ref().map(serde_json::to_string).transpose();
    Ok(values![
        *number,
        by.actor.kind.name(),
        by.actor.name(),
        by.at,
        by.reason.as_ref().map(|reason| reason.as_str()),
        by.request.as_ref().map(|request| request.as_str()),
        by.address.map(|address| address.to_string()),
        act.action.name(),
        act.object.kind(),
        act.object.id(),
        text(&act.before)?,
        text(&act.after)?,
    ])
}

/// The records that a query selects, newest first.
async fn list(db: &mut dyn Connection, asked: &AuditQuery) -> Result<Vec<AuditRecord>, Fault> {
    let AuditQuery { below, above, actor, action, object, limit } = asked;
    let mut sql = "SELECT * FROM audit_record WHERE number > ?".to_owned();
    let mut values = vec![Value::Bound(above.get())];
    // Each filter is a text or none, so that a few texts serve every query.
    if let Some(below) = below {
        sql += " AND number < ?";
        values.push(Value::Bound(below.get()));
    }
    if let Some(actor) = actor {
        sql += " AND actor_kind = ? AND actor = ?";
        values.extend(values![actor.kind.name(), actor.name()]);
    }
    if let Some(action) = action {
        sql += " AND action = ?";
        values.push(action.name().into());
    }
    if let Some(object) = object {
        sql += " AND object_kind = ? AND object = ?";
        values.extend(values![object.kind(), object.id()]);
    }
    query_with(sql + " ORDER BY number DESC LIMIT ?", values).limit(*limit).all(db).await
}

/// Records after a number, ascending.
pub(crate) async fn after(
    db: &mut dyn Connection,
    after: AuditNumber,
    rows_max: usize,
) -> Result<Vec<AuditRecord>, Fault> {
    query("SELECT * FROM audit_record WHERE number > ? ORDER BY number LIMIT ?")
        .bound(after.get())
        .limit(rows_max)
        .all(db)
        .await
}

impl FromRow for AuditRecord {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let kind: String = row.get("actor_kind")?;
        let kind = ActorKind::named(&kind).map_err(|e| Fault::malformed("actor_kind", e))?;
        let actor = Actor::new(kind, &row.get::<String>("actor")?);
        let by = Attribution {
            actor: actor.map_err(|error| Fault::malformed("actor", error))?,
            at: row.get("acted_at")?,
            reason: row.find("reason")?,
            request: row.find("request")?,
            address: row.find("address")?,
        };
        let object =
            AuditObject::new(&row.get::<String>("object_kind")?, &row.get::<String>("object")?);
        let act = Act {
            action: row.get::<Action>("action")?,
            object: object.map_err(|error| Fault::malformed("object", error))?,
            before: row.find("state_before")?,
            after: row.find("state_after")?,
        };
        Ok(Self { number: row.get("number")?, by, act })
    }
}
