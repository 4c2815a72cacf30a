//! Programmes and the progress of their shards.

use pledge_core::audit::{Act, Attribution};
use pledge_core::points::Programme;
use pledge_core::ports::{BatchFailure, ProgrammeState, ShardProgress};
use pledge_core::types::{ProgrammeId, Timestamp, TokenId};

use crate::audit::attribute;
use crate::bulk::{self, values};
use crate::column::rates;
use crate::connection::Connection;
use crate::decision_log;
use crate::fault::Fault;
use crate::query::query;
use crate::registry::{lock_token, require_token};
use crate::row::{FailureRow, ProgrammeRow, TokenRow};

pub(crate) async fn register(
    db: &mut dyn Connection,
    programme: &Programme,
    by: &Attribution,
) -> Result<(), Fault> {
    // Of two that add one name, the second looks for it once the first has committed.
    let token = lock_token(db, programme.id.token).await?;
    if find(db, &token, programme.id.name()).await?.is_some() {
        return Err(Fault::conflict(format!("programme {} is there already", programme.id)));
    }
    add_decided(db, &token, programme, by).await
}

pub(crate) async fn put(
    db: &mut dyn Connection,
    programme: &Programme,
    by: &Attribution,
) -> Result<(), Fault> {
    let token = lock_token(db, programme.id.token).await?;
    let Some(known) = find(db, &token, programme.id.name()).await? else {
        return add_decided(db, &token, programme, by).await;
    };
    let shards = shards_of(db, &known).await?;
    let reached = shards.iter().filter_map(ShardProgress::published).max();
    if let Some(reason) = known.programme.refuse_change(programme, reached) {
        return Err(Fault::invalid(reason));
    }
    query("UPDATE programme SET rates = ? WHERE id = ?")
        .bind(rates(programme)?)
        .bind(known.key)
        .execute(db)
        .await?;
    decision_log::decide_rates(db, &known, programme).await?;
    attribute(db, by, Act::programme(Some(&known.programme), programme)).await
}

/// Adds a programme to a locked token, by the decisions that reach it already.
async fn add_decided(
    db: &mut dyn Connection,
    token: &TokenRow,
    programme: &Programme,
    by: &Attribution,
) -> Result<(), Fault> {
    // The number is locked first: a decision that reaches every programme of the token is found here,
    // or finds the programme.
    decision_log::newest(db).await?;
    let key = add(db, token.key, programme).await?;
    let version = decision_log::newest_of_token(db, token).await?;
    query("UPDATE programme SET version = ? WHERE id = ?")
        .bind(version)
        .bind(key)
        .execute(db)
        .await?;
    attribute(db, by, Act::programme(None, programme)).await
}

/// Adds a programme with fresh shards, and returns its key.
pub(crate) async fn add(
    db: &mut dyn Connection,
    token: u64,
    programme: &Programme,
) -> Result<u64, Fault> {
    let key = query(
        "INSERT INTO programme (token, name, rates, window_seconds, shards) \
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(token)
    .bind(programme.id.name())
    .bind(rates(programme)?)
    .bind(programme.window)
    .bind(programme.shards)
    .new_key(db, "id")
    .await?;
    let shards: Vec<_> = programme.shards.shards().collect();
    let insert = "INSERT INTO shard_progress (programme, shard)";
    bulk::write(db, insert, "", &shards, |shard| values![key, *shard]).await?;
    Ok(key)
}

async fn find(
    db: &mut dyn Connection,
    token: &TokenRow,
    name: &str,
) -> Result<Option<ProgrammeRow>, Fault> {
    let rows = query("SELECT * FROM programme WHERE token = ? AND name = ?")
        .bind(token.key)
        .bind(name)
        .rows(db)
        .await?;
    rows.first().map(|row| ProgrammeRow::of_token(token.state.spec.id, &**row)).transpose()
}

/// A programme and its token, to read.
pub(crate) async fn require(
    db: &mut dyn Connection,
    id: &ProgrammeId,
) -> Result<(TokenRow, ProgrammeRow), Fault> {
    let token = require_token(db, id.token).await?;
    let programme = registered(db, &token, id).await?;
    Ok((token, programme))
}

/// A programme and its token, which no other writes until the transaction ends.
pub(crate) async fn lock(
    db: &mut dyn Connection,
    id: &ProgrammeId,
) -> Result<(TokenRow, ProgrammeRow), Fault> {
    let token = lock_token(db, id.token).await?;
    let programme = registered(db, &token, id).await?;
    Ok((token, programme))
}

async fn registered(
    db: &mut dyn Connection,
    token: &TokenRow,
    id: &ProgrammeId,
) -> Result<ProgrammeRow, Fault> {
    let programme = find(db, token, id.name()).await?;
    programme.ok_or_else(|| Fault::invalid(format!("programme {id} is not registered")))
}

/// The programmes of a token, ascending by name.
pub(crate) async fn of_token(
    db: &mut dyn Connection,
    token: &TokenRow,
) -> Result<Vec<ProgrammeRow>, Fault> {
    let rows = query("SELECT * FROM programme WHERE token = ? ORDER BY name")
        .bind(token.key)
        .rows(db)
        .await?;
    rows.iter().map(|row| ProgrammeRow::of_token(token.state.spec.id, &**row)).collect()
}

pub(crate) async fn states(
    db: &mut dyn Connection,
    token: TokenId,
) -> Result<Vec<ProgrammeState>, Fault> {
    let token = require_token(db, token).await?;
    let mut states = Vec::new();
    for row in of_token(db, &token).await? {
        states.push(state_of(db, &token, &row).await?);
    }
    Ok(states)
}

/// A programme as it is seen from outside.
pub(crate) async fn state_of(
    db: &mut dyn Connection,
    token: &TokenRow,
    row: &ProgrammeRow,
) -> Result<ProgrammeState, Fault> {
    Ok(ProgrammeState {
        programme: row.programme.clone(),
        epoch: token.state.epoch,
        version: row.version,
        versions: decision_log::versions(db, row).await?,
        shards: shards_of(db, row).await?,
    })
}

/// Every shard of a programme, in order, with its failures.
pub(crate) async fn shards_of(
    db: &mut dyn Connection,
    row: &ProgrammeRow,
) -> Result<Vec<ShardProgress>, Fault> {
    let mut shards: Vec<ShardProgress> =
        query("SELECT * FROM shard_progress WHERE programme = ? ORDER BY shard")
            .bind(row.key)
            .all(db)
            .await?;
    // Shards are found by their number from here on, so a missing one would shift all behind it.
    let expected = row.programme.shards.shards();
    if !shards.iter().map(|shard| shard.shard).eq(expected) {
        let detail = format!("programme {} lacks shards", row.programme.id);
        return Err(Fault::corrupt(detail));
    }
    let failures: Vec<FailureRow> =
        query("SELECT * FROM batch_failure WHERE programme = ? ORDER BY shard, span_after")
            .bind(row.key)
            .all(db)
            .await?;
    for failure in failures {
        let shard = shards.get_mut(usize::from(failure.shard.get()));
        let run = shard.and_then(|shard| shard.run.as_mut());
        let run = run.ok_or_else(|| Fault::corrupt("a failed batch belongs to no settlement"))?;
        let failure = failure.of_run(&row.programme.id, run);
        run.failures.push(failure);
    }
    Ok(shards)
}

/// End of the newest window settled in every shard.
pub(crate) fn settled(shards: &[ShardProgress]) -> Option<Timestamp> {
    shards.iter().map(|shard| shard.settled).min().flatten()
}

/// Replaces a shard's progress, failures included.
pub(crate) async fn save_shard(
    db: &mut dyn Connection,
    programme: u64,
    before: &ShardProgress,
    progress: &ShardProgress,
) -> Result<(), Fault> {
    let run = progress.run.as_ref();
    query(
        "UPDATE shard_progress SET settled = ?, run_from = ?, run_to = ?, run_through = ?, \
         run_scanned = ?, published = ? WHERE programme = ? AND shard = ?",
    )
    .bind(progress.settled)
    .bind(run.map(|run| run.from))
    .bind(run.map(|run| run.to))
    .bind(run.and_then(|run| run.through))
    .bind(run.is_some_and(|run| run.scanned))
    .bind(progress.published)
    .bind(programme)
    .bind(progress.shard)
    .execute(db)
    .await?;
    // Failures are replaced whole, since an attempt may change any of them. Most shards have none,
    // which spares the delete.
    if !failures_of(before).is_empty() {
        query("DELETE FROM batch_failure WHERE programme = ? AND shard = ?")
            .bind(programme)
            .bind(progress.shard)
            .execute(db)
            .await?;
    }
    add_failures(db, programme, failures_of(progress)).await
}

fn failures_of(progress: &ShardProgress) -> &[BatchFailure] {
    progress.run.as_ref().map_or(&[], |run| &run.failures)
}

async fn add_failures(
    db: &mut dyn Connection,
    programme: u64,
    failures: &[BatchFailure],
) -> Result<(), Fault> {
    let insert = "INSERT INTO batch_failure \
                  (programme, shard, span_after, span_through, epoch, attempts, reason)";
    bulk::write(db, insert, "", failures, |failure| {
        values![
            programme,
            failure.shard,
            FailureRow::span_after(failure.span),
            failure.span.through,
            failure.epoch,
            failure.attempts,
            failure.reason.as_str(),
        ]
    })
    .await
}
