//! Events, and how far each consumer was told.

use pledge_core::event::{Consumer, Event, EventSeq, SequencedEvent};
use pledge_core::ports::check_delivery;
use sqlx::MySqlConnection;

use crate::error::Fault;
use crate::row::{Sql, limit};

/// Appends an event to those of the transaction, last of all that it does: whoever takes a number
/// holds up the others until it ends, so a number is never given below one that can be read.
pub(crate) async fn record(db: &mut MySqlConnection, event: &Event) -> Result<(), Fault> {
    let payload = serde_json::to_string(event)?;
    let next = "UPDATE event_counter SET newest = LAST_INSERT_ID(newest + 1) WHERE id = 0";
    let taken = sqlx::query(next).execute(&mut *db).await?;
    if taken.rows_affected() != 1 {
        return Err(Fault::corrupt("the counter of events is gone"));
    }
    sqlx::query("INSERT INTO event (sequence, payload) VALUES (?, ?)")
        .bind(taken.last_insert_id())
        .bind(payload)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn after(
    db: &mut MySqlConnection,
    after: EventSeq,
    rows_max: usize,
) -> Result<Vec<SequencedEvent>, Fault> {
    let rows: Vec<(Sql<EventSeq>, String)> = sqlx::query_as(
        "SELECT sequence, payload FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
    )
    .bind(Sql(after))
    .bind(limit(rows_max))
    .fetch_all(db)
    .await?;
    let parse = |(Sql(sequence), payload): (Sql<EventSeq>, String)| {
        let event = serde_json::from_str(&payload)?;
        Ok(SequencedEvent { sequence, event })
    };
    rows.into_iter().map(parse).collect()
}

pub(crate) async fn delivered(
    db: &mut MySqlConnection,
    consumer: &Consumer,
) -> Result<EventSeq, Fault> {
    let stands: Option<Sql<EventSeq>> =
        sqlx::query_scalar("SELECT delivered FROM event_delivery WHERE consumer = ?")
            .bind(consumer.as_str())
            .fetch_optional(db)
            .await?;
    Ok(stands.map_or(EventSeq::START, |stands| stands.0))
}

pub(crate) async fn record_delivered(
    db: &mut MySqlConnection,
    consumer: &Consumer,
    from: EventSeq,
    to: EventSeq,
) -> Result<(), Fault> {
    let stands = lock_delivery(db, consumer).await?;
    let newest: Option<Sql<EventSeq>> =
        sqlx::query_scalar("SELECT max(sequence) FROM event").fetch_one(&mut *db).await?;
    let newest = newest.map_or(EventSeq::START, |newest| newest.0);
    check_delivery(consumer, (stands, newest), (from, to))?;
    sqlx::query("UPDATE event_delivery SET delivered = ? WHERE consumer = ?")
        .bind(Sql(to))
        .bind(consumer.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// A consumer's position, which nobody else moves until the transaction ends. A row that is not
/// there cannot be locked, so it is made.
async fn lock_delivery(db: &mut MySqlConnection, consumer: &Consumer) -> Result<EventSeq, Fault> {
    sqlx::query(
        "INSERT INTO event_delivery (consumer, delivered) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE consumer = VALUES(consumer)",
    )
    .bind(consumer.as_str())
    .bind(Sql(EventSeq::START))
    .execute(&mut *db)
    .await?;
    delivered(db, consumer).await
}
