//! The outbox: messages, and every attempt to send one.

use std::time::Duration;

use pledge_office::base::{
    Attempt, AttemptEnd, AttemptOutcome, BegunAttempt, ChannelName, Claim, ClaimName, Detail,
    Message, MessageId, MessageState, MessageStatus, RetrySchedule, StoreTime,
};

use super::claims;
use super::time::{now, out_of_range};
use crate::bulk;
use crate::connection::{Connection, Row};
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

const DELIVERED: &str = "delivered";
const AGAIN: &str = "again";
const GIVEN_UP: &str = "given_up";

impl FromRow for MessageState {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let (subject, body): (String, String) = (row.get("subject")?, row.get("body")?);
        let message = Message::new(row.get("id")?, row.get("channel")?, subject, body);
        let status = match (row.find("due")?, row.find("ended")?, row.get("delivered")?) {
            (Some(due), None, false) => MessageStatus::Due(due),
            (None, Some(ended), true) => MessageStatus::Delivered(ended),
            (None, Some(ended), false) => MessageStatus::GivenUp(ended),
            _ => return Err(Fault::malformed("due", "a message that is due and has ended")),
        };
        Ok(Self {
            message: message.map_err(|error| Fault::malformed("subject", error))?,
            enqueued: row.get("enqueued")?,
            attempts: row.get("attempts")?,
            status,
        })
    }
}

impl FromRow for Attempt {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let end = match (row.find("ended")?, row.find::<String>("outcome")?) {
            (None, None) => None,
            (Some(ended), Some(outcome)) => {
                let outcome = match (&*outcome, row.find("again_after")?) {
                    (DELIVERED, None) => AttemptOutcome::Delivered,
                    (GIVEN_UP, None) => AttemptOutcome::GivenUp,
                    (AGAIN, Some(after)) => {
                        AttemptOutcome::Again { after: Duration::from_millis(after) }
                    }
                    _ => return Err(Fault::malformed("outcome", "not an outcome")),
                };
                let detail = Detail::new(&row.get::<String>("detail")?);
                Some((ended, AttemptEnd { outcome, detail }))
            }
            _ => return Err(Fault::malformed("outcome", "an end without an outcome")),
        };
        Ok(Self { number: row.get("attempt")?, began: row.get("began")?, end })
    }
}

/// Adds messages to those of the transaction. One that is there already stays as it is; `Invalid` if it has
/// another text. Domains call it where they write what the messages are about.
pub(crate) async fn append(db: &mut dyn Connection, messages: &[Message]) -> Result<(), Fault> {
    // Rows are written in the order of their keys, so that two writers wait for each other in one order.
    let mut sorted: Vec<_> = messages.iter().collect();
    sorted.sort_by_key(|message| message.id());
    let now = now(db).await?;
    let or_keep = db.dialect().on_conflict(Conflict { key: &["id"], updates: &[] });
    let insert = format!(
        "INSERT INTO outbox_message \
         (id, channel, subject, body, enqueued, attempts, due, delivered) \
         VALUES (?, ?, ?, ?, ?, 0, ?, 0) {or_keep}"
    );
    for message in sorted {
        let id = message.id();
        query(insert.clone())
            .bind(id)
            .bind(message.channel().as_str())
            .bind(message.subject())
            .bind(message.body())
            .bind(now)
            .bind(now)
            .execute(db)
            .await?;
        if find(db, id, "").await?.is_none_or(|known| known.message != *message) {
            return Err(Fault::invalid(format!("message {id} is there with another text")));
        }
    }
    Ok(())
}

pub(crate) async fn due(
    db: &mut dyn Connection,
    channel: &ChannelName,
    rows_max: usize,
) -> Result<Vec<MessageState>, Fault> {
    let now = now(db).await?;
    let mut due = page(db, channel, ("due <= ?", now), rows_max).await?;
    if due.len() < rows_max {
        // Two ranges of one index: as one condition they would be sorted.
        let latest = MessageStatus::latest_due(now);
        due.extend(page(db, channel, ("due > ?", latest), rows_max - due.len()).await?);
    }
    Ok(due)
}

async fn page(
    db: &mut dyn Connection,
    channel: &ChannelName,
    (range, bound): (&'static str, StoreTime),
    rows_max: usize,
) -> Result<Vec<MessageState>, Fault> {
    query(format!(
        "SELECT * FROM outbox_message WHERE channel = ? AND {range} ORDER BY due, id LIMIT ?"
    ))
    .bind(channel.as_str())
    .bind(bound)
    .limit(rows_max)
    .all(db)
    .await
}

/// Begins an attempt, or gives a message up that has none left by a schedule of fewer.
pub(crate) async fn begin_attempt(
    db: &mut dyn Connection,
    claim: &Claim,
    id: MessageId,
    retry: &RetrySchedule,
) -> Result<Option<BegunAttempt>, Fault> {
    let (now, known) = claimed(db, claim, id).await?;
    if !known.status.is_due(now) {
        return Err(Fault::conflict(format!("message {id} is not due")));
    }
    let ended_before = count_ended(db, id).await?;
    if !retry.has_left(ended_before) {
        return end_message(db, id, false, now).await.map(|()| None);
    }
    let number = known.attempts.checked_add(1);
    let number =
        number.ok_or_else(|| Fault::invalid(format!("message {id} has no number left")))?;
    query("INSERT INTO outbox_attempt (message, attempt, began) VALUES (?, ?, ?)")
        .bind(id)
        .bind(number)
        .bind(now)
        .execute(db)
        .await?;
    // Due again already: nobody is left to write it where this instance dies.
    query("UPDATE outbox_message SET attempts = ?, due = ? WHERE id = ?")
        .bind(number)
        .bind(due_after(now, retry.wait_without_end(number))?)
        .bind(id)
        .execute(db)
        .await?;
    Ok(Some(BegunAttempt { number, ended_before }))
}

/// How many attempts to send a message have an end.
async fn count_ended(db: &mut dyn Connection, id: MessageId) -> Result<u32, Fault> {
    let count = "SELECT COUNT(*) AS ended FROM outbox_attempt \
                 WHERE message = ? AND ended IS NOT NULL";
    Ok(query(count).bind(id).value(db, "ended").await?.unwrap_or(0))
}

pub(crate) async fn end_attempt(
    db: &mut dyn Connection,
    claim: &Claim,
    (id, number): (MessageId, u32),
    end: &AttemptEnd,
) -> Result<(), Fault> {
    let (now, known) = claimed(db, claim, id).await?;
    // The end of an earlier attempt would move the message under the one that began after it.
    let is_last = known.attempts == number;
    if !is_last || save_end(db, (id, number), end, now).await? == 0 {
        let detail = format!("attempt {number} of message {id} is not one that is under way");
        return Err(Fault::conflict(detail));
    }
    match end.outcome {
        AttemptOutcome::Again { after } => {
            query("UPDATE outbox_message SET due = ? WHERE id = ?")
                .bind(due_after(now, after)?)
                .bind(id)
                .execute(db)
                .await?;
            Ok(())
        }
        AttemptOutcome::Delivered => end_message(db, id, true, now).await,
        AttemptOutcome::GivenUp => end_message(db, id, false, now).await,
    }
}

/// The time and the message, for the holder of its channel's claim.
async fn claimed(
    db: &mut dyn Connection,
    claim: &Claim,
    id: MessageId,
) -> Result<(StoreTime, MessageState), Fault> {
    let now = claims::require(db, claim).await?;
    let for_update = db.dialect().for_update();
    let known = find(db, id, for_update).await?;
    let known = known.ok_or_else(|| Fault::invalid(format!("there is no message {id}")))?;
    let needed = ClaimName::of_channel(known.message.channel());
    if claim.name != needed {
        let name = &claim.name;
        return Err(Fault::invalid(format!("message {id} needs claim {needed}, not {name}")));
    }
    Ok((now, known))
}

/// Writes the end of an attempt that has none, and returns how many there were.
async fn save_end(
    db: &mut dyn Connection,
    (id, number): (MessageId, u32),
    end: &AttemptEnd,
    now: StoreTime,
) -> Result<u64, Fault> {
    let (outcome, again_after) = match end.outcome {
        AttemptOutcome::Delivered => (DELIVERED, None),
        AttemptOutcome::Again { after } => (AGAIN, Some(millis(after)?)),
        AttemptOutcome::GivenUp => (GIVEN_UP, None),
    };
    query(
        "UPDATE outbox_attempt SET ended = ?, outcome = ?, again_after = ?, detail = ? \
         WHERE message = ? AND attempt = ? AND ended IS NULL",
    )
    .bind(now)
    .bind(outcome)
    .bind(again_after)
    .bind(end.detail.as_str())
    .bind(id)
    .bind(number)
    .execute(db)
    .await
}

async fn end_message(
    db: &mut dyn Connection,
    id: MessageId,
    is_delivered: bool,
    now: StoreTime,
) -> Result<(), Fault> {
    query("UPDATE outbox_message SET due = NULL, ended = ?, delivered = ? WHERE id = ?")
        .bind(now)
        .bind(is_delivered)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn find(
    db: &mut dyn Connection,
    id: MessageId,
    tail: &'static str,
) -> Result<Option<MessageState>, Fault> {
    query(format!("SELECT * FROM outbox_message WHERE id = ? {tail}")).bind(id).one(db).await
}

pub(crate) async fn attempts(
    db: &mut dyn Connection,
    id: MessageId,
    after: u32,
    rows_max: usize,
) -> Result<Vec<Attempt>, Fault> {
    query("SELECT * FROM outbox_attempt WHERE message = ? AND attempt > ? ORDER BY attempt LIMIT ?")
        .bind(id)
        .bound(after.into())
        .limit(rows_max)
        .all(db)
        .await
}

pub(crate) async fn prune(
    db: &mut dyn Connection,
    kept: Duration,
    rows_max: usize,
) -> Result<u64, Fault> {
    let now = now(db).await?;
    let Some(last) = now.checked_sub(kept) else { return Ok(0) };
    let for_update = db.dialect().for_update();
    let select = format!(
        "SELECT id FROM outbox_message WHERE ended <= ? ORDER BY ended LIMIT ? {for_update}"
    );
    let rows = query(select).bind(last).limit(rows_max).rows(db).await?;
    let mut old: Vec<MessageId> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    old.sort_unstable();
    bulk::delete(db, "DELETE FROM outbox_attempt WHERE message IN", &[], &old).await?;
    bulk::delete(db, "DELETE FROM outbox_message WHERE id IN", &[], &old).await
}

fn due_after(now: StoreTime, wait: Duration) -> Result<StoreTime, Fault> {
    MessageStatus::due_after(now, wait).map_err(out_of_range)
}

fn millis(duration: Duration) -> Result<u64, Fault> {
    u64::try_from(duration.as_millis()).map_err(Fault::too_large)
}
