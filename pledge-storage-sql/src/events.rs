//! Events, and the position of each consumer.

use pledge_core::event::{Consumer, EventEnvelope, EventSeq, SequencedEvent};
use pledge_core::ports::{KeptEvents, check_delivery};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row};
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

/// Appends an event to those of the transaction, last of all that it does: the one that takes a
/// number holds up the others until it ends, so a number is never given below one that can be read.
pub(crate) async fn record(
    db: &mut dyn Connection,
    event: impl Into<EventEnvelope>,
) -> Result<(), Fault> {
    let payload = event.into().to_json();
    let insert = match take_number(db).await? {
        None => query("INSERT INTO event (payload) VALUES (?)"),
        Some(number) => query("INSERT INTO event (sequence, payload) VALUES (?, ?)").bind(number),
    };
    insert.bind(payload).execute(db).await?;
    Ok(())
}

/// The next number, which no other takes until the transaction ends; `None` where the table gives
/// it, and only one transaction writes.
pub(crate) async fn take_number(db: &mut dyn Connection) -> Result<Option<u64>, Fault> {
    let Some(counter) = db.dialect().event_counter() else {
        return Ok(None);
    };
    let taken = query(counter.take).key_taken(db).await?;
    taken.map(Some).ok_or_else(|| Fault::corrupt("the counter of events is gone"))
}

/// Adds events that have their numbers already.
pub(crate) async fn add_events(
    db: &mut dyn Connection,
    events: &[SequencedEvent],
) -> Result<(), Fault> {
    let rows: Vec<_> = events.iter().map(|event| (event.sequence, event.event.to_json())).collect();
    let insert = "INSERT INTO event (sequence, payload)";
    bulk::write(db, insert, "", &rows, |(sequence, payload)| values![*sequence, payload.as_str()])
        .await
}

/// Numbers events on after those that were added.
pub(crate) async fn go_on_after(db: &mut dyn Connection, newest: EventSeq) -> Result<(), Fault> {
    if let Some(counter) = db.dialect().event_counter() {
        query(counter.set).bind(newest).execute(db).await?;
    }
    Ok(())
}

/// Adds the position of a consumer that has none.
pub(crate) async fn add_position(
    db: &mut dyn Connection,
    consumer: &Consumer,
    delivered: EventSeq,
) -> Result<(), Fault> {
    query("INSERT INTO event_delivery (consumer, delivered) VALUES (?, ?)")
        .bind(consumer.as_str())
        .bind(delivered)
        .execute(db)
        .await?;
    Ok(())
}

impl FromRow for SequencedEvent {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let payload: String = row.get("payload")?;
        let event = EventEnvelope::from_json(&payload);
        let event = event.map_err(|error| Fault::malformed("payload", error))?;
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

impl FromRow for KeptEvents {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let edge = |column| Ok::<_, Fault>(row.find(column)?.unwrap_or(EventSeq::START));
        Ok(Self { oldest: edge("oldest")?, newest: edge("newest")? })
    }
}

pub(crate) async fn kept(db: &mut dyn Connection) -> Result<KeptEvents, Fault> {
    // Two looks at the key: together they would be a walk over every event.
    let select = "SELECT (SELECT min(sequence) FROM event) AS oldest, \
                  (SELECT max(sequence) FROM event) AS newest";
    let kept = query(select).one(db).await?;
    kept.ok_or_else(|| Fault::corrupt("the database answers no row to a question about all events"))
}

pub(crate) async fn delivered(
    db: &mut dyn Connection,
    consumer: &Consumer,
) -> Result<EventSeq, Fault> {
    position(db, consumer, "").await
}

async fn position(
    db: &mut dyn Connection,
    consumer: &Consumer,
    tail: &'static str,
) -> Result<EventSeq, Fault> {
    let known = query(format!("SELECT delivered FROM event_delivery WHERE consumer = ? {tail}"))
        .bind(consumer.as_str())
        .value(db, "delivered")
        .await?;
    Ok(known.unwrap_or(EventSeq::START))
}

pub(crate) async fn record_delivered(
    db: &mut dyn Connection,
    consumer: &Consumer,
    from: EventSeq,
    to: EventSeq,
) -> Result<(), Fault> {
    let current = lock_delivery(db, consumer).await?;
    let newest = kept(db).await?.newest;
    check_delivery(consumer, (current, newest), (from, to))?;
    query("UPDATE event_delivery SET delivered = ?, silent_since = NULL WHERE consumer = ?")
        .bind(to)
        .bind(consumer.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// A consumer's position, which no other moves until the transaction ends. A row that is not
/// there cannot be locked, so it is made.
async fn lock_delivery(db: &mut dyn Connection, consumer: &Consumer) -> Result<EventSeq, Fault> {
    let or_keep = db.dialect().on_conflict(Conflict { key: &["consumer"], updates: &[] });
    query(format!("INSERT INTO event_delivery (consumer, delivered) VALUES (?, ?) {or_keep}"))
        .bind(consumer.as_str())
        .bind(EventSeq::START)
        .execute(db)
        .await?;
    let for_update = db.dialect().for_update();
    position(db, consumer, for_update).await
}
