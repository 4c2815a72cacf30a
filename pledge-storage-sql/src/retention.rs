//! Events that are needed no more, and consumers that are not waited for any more.

use pledge_core::ports::{ConsumerState, EventRetention, KeptEvents, Pruning};
use pledge_core::types::Timestamp;

use crate::connection::{Connection, Row};
use crate::events::{kept, record};
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

impl FromRow for ConsumerState {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            consumer: row.get("consumer")?,
            delivered: row.get("delivered")?,
            silent_since: row.find("silent_since")?,
        })
    }
}

/// Does what the retention plans.
pub(crate) async fn prune(
    db: &mut dyn Connection,
    retention: &EventRetention,
    now: Timestamp,
) -> Result<Pruning, Fault> {
    // Positions are locked first, so that none moves between the plan and the deletes. Events are
    // numbered last, as by every write.
    let for_update = db.dialect().for_update();
    let consumers = format!("SELECT * FROM event_delivery ORDER BY consumer {for_update}");
    let consumers: Vec<ConsumerState> = query(consumers).all(db).await?;
    let KeptEvents { oldest, newest } = kept(db).await?;
    let pruning = retention.plan(&consumers, (oldest, newest), now);
    for consumer in &pruning.silent {
        query("UPDATE event_delivery SET silent_since = ? WHERE consumer = ?")
            .bind(now)
            .bind(consumer.as_str())
            .execute(db)
            .await?;
    }
    for known in &pruning.dropped {
        query("DELETE FROM event_delivery WHERE consumer = ?")
            .bind(known.consumer.as_str())
            .execute(db)
            .await?;
    }
    query("DELETE FROM event WHERE sequence <= ?").bind(pruning.through).execute(db).await?;
    for event in pruning.events() {
        record(db, event).await?;
    }
    Ok(pruning)
}
