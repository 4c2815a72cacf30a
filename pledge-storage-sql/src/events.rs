//! Events, and how far each consumer was told.

use pledge_core::event::{Consumer, Event, EventSeq, SequencedEvent};
use pledge_core::ports::check_delivery;

use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

/// Appends an event to those of the transaction, last of all that it does: whoever takes a number
/// holds up the others until it ends, so a number is never given below one that can be read.
pub(crate) async fn record(db: &mut dyn Connection, event: &Event) -> Result<(), Fault> {
    let payload = serde_json::to_string(event)?;
    let insert = match db.dialect().take_event_number() {
        None => query("INSERT INTO event (payload) VALUES (?)"),
        Some(next) => {
            let taken = query(next).execute(db).await?;
            if taken.rows_affected != 1 {
                return Err(Fault::corrupt("the counter of events is gone"));
            }
            query("INSERT INTO event (sequence, payload) VALUES (?, ?)").bind(taken.last_insert_id)
        }
    };
    insert.bind(payload).execute(db).await?;
    Ok(())
}

impl FromRow for SequencedEvent {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let event = serde_json::from_str(&row.get::<String>("payload")?)?;
        Ok(Self { sequence: row.get("sequence")?, event })
    }
}

pub(crate) async fn after(
    db: &mut dyn Connection,
    after: EventSeq,
    rows_max: usize,
) -> Result<Vec<SequencedEvent>, Fault> {
    query("SELECT sequence, payload FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?")
        .bound(after.get())
        .limit(rows_max)
        .all(db)
        .await
}

pub(crate) async fn delivered(
    db: &mut dyn Connection,
    consumer: &Consumer,
) -> Result<EventSeq, Fault> {
    let stands = query("SELECT delivered FROM event_delivery WHERE consumer = ?")
        .bind(consumer.as_str())
        .value(db, "delivered")
        .await?;
    Ok(stands.unwrap_or(EventSeq::START))
}

pub(crate) async fn record_delivered(
    db: &mut dyn Connection,
    consumer: &Consumer,
    from: EventSeq,
    to: EventSeq,
) -> Result<(), Fault> {
    let stands = lock_delivery(db, consumer).await?;
    let newest = query("SELECT max(sequence) AS newest FROM event").value(db, "newest").await?;
    let newest = newest.unwrap_or(EventSeq::START);
    check_delivery(consumer, (stands, newest), (from, to))?;
    query("UPDATE event_delivery SET delivered = ? WHERE consumer = ?")
        .bind(to)
        .bind(consumer.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// A consumer's position, which nobody else moves until the transaction ends. A row that is not
/// there cannot be locked, so it is made.
async fn lock_delivery(db: &mut dyn Connection, consumer: &Consumer) -> Result<EventSeq, Fault> {
    let or_keep = db.dialect().or_keep("consumer");
    query(format!("INSERT INTO event_delivery (consumer, delivered) VALUES (?, ?) {or_keep}"))
        .bind(consumer.as_str())
        .bind(EventSeq::START)
        .execute(db)
        .await?;
    delivered(db, consumer).await
}
