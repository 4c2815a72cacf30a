//! Events, and how far each consumer was told.

use pledge_core::event::{Consumer, Event, EventSeq, SequencedEvent};
use pledge_core::ports::check_delivery;
use sqlx::SqliteConnection;

use crate::error::Fault;
use crate::row::{Sql, ceiling, limit};

/// Appends an event to those of the transaction. Only one transaction writes at a time, so a number
/// is never given below one that can be read.
pub(crate) async fn record(db: &mut SqliteConnection, event: &Event) -> Result<(), Fault> {
    sqlx::query("INSERT INTO event (payload) VALUES (?)")
        .bind(serde_json::to_string(event)?)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn after(
    db: &mut SqliteConnection,
    after: EventSeq,
    rows_max: usize,
) -> Result<Vec<SequencedEvent>, Fault> {
    let rows: Vec<(Sql<EventSeq>, String)> = sqlx::query_as(
        "SELECT sequence, payload FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
    )
    .bind(ceiling(after.get()))
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
    db: &mut SqliteConnection,
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
    db: &mut SqliteConnection,
    consumer: &Consumer,
    from: EventSeq,
    to: EventSeq,
) -> Result<(), Fault> {
    let stands = delivered(db, consumer).await?;
    let newest: Option<Sql<EventSeq>> =
        sqlx::query_scalar("SELECT max(sequence) FROM event").fetch_one(&mut *db).await?;
    let newest = newest.map_or(EventSeq::START, |newest| newest.0);
    check_delivery(consumer, (stands, newest), (from, to))?;
    sqlx::query(
        "INSERT INTO event_delivery (consumer, delivered) VALUES (?, ?) \
         ON CONFLICT (consumer) DO UPDATE SET delivered = excluded.delivered",
    )
    .bind(consumer.as_str())
    .bind(Sql(to))
    .execute(db)
    .await?;
    Ok(())
}
