//! Adding blocks to the ledger.

use std::collections::BTreeMap;

use pledge_core::event::Event;
use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::ports::{LedgerCommit, TokenCommit};
use pledge_core::types::{Account, BlockRef};
use sqlx::MySqlConnection;

use crate::bulk;
use crate::error::Fault;
use crate::events::record;
use crate::registry::{lock_chain, save_token, token_at};
use crate::row::{Record, Sql, TokenRow};

pub(crate) async fn commit(db: &mut MySqlConnection, commit: &LedgerCommit) -> Result<(), Fault> {
    commit.check().map_err(Fault::invalid)?;
    lock_chain(db, commit.chain).await?;
    refuse_contradiction(db, commit).await?;
    let mut changes = 0;
    for part in &commit.tokens {
        let token = token_to_advance(db, commit, part).await?;
        commit.check_follows(token.state.cursor.as_ref()).map_err(Fault::invalid)?;
        add_changes(db, token.key, &part.changes).await?;
        let last = part.changes.iter();
        let states = last.map(|change| (change.account, change.checkpoint()));
        save_states(db, token.key, &states.collect()).await?;
        advance(db, token, commit, part).await?;
        changes += part.changes.len() as u64;
    }
    hold_headers(db, commit).await?;
    let event = Event::Confirmed {
        chain: commit.chain,
        from: commit.first.number,
        to: commit.tip.id(),
        changes,
    };
    record(db, &event).await
}

/// A header that we hold and that names another hash at the same height.
async fn refuse_contradiction(
    db: &mut MySqlConnection,
    commit: &LedgerCommit,
) -> Result<(), Fault> {
    let (Some(first), Some(last)) = (commit.headers.first(), commit.headers.last()) else {
        return Ok(());
    };
    let held: Vec<Record<BlockRef>> =
        sqlx::query_as("SELECT * FROM block_header WHERE chain = ? AND block BETWEEN ? AND ?")
            .bind(Sql(commit.chain))
            .bind(Sql(first.number))
            .bind(Sql(last.number))
            .fetch_all(db)
            .await?;
    let held: BTreeMap<_, _> = held.iter().map(|held| (held.0.number, held.0)).collect();
    for header in &commit.headers {
        match held.get(&header.number) {
            Some(other) if other.hash != header.hash => {
                let detail = format!("block {header} contradicts the held header {other}");
                return Err(Fault::conflict(detail));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn token_to_advance(
    db: &mut MySqlConnection,
    commit: &LedgerCommit,
    part: &TokenCommit,
) -> Result<TokenRow, Fault> {
    let token = token_at(db, part.token, commit.base).await?;
    if token.state.is_active() {
        Ok(token)
    } else {
        Err(Fault::conflict(format!("token {} is halted", part.token)))
    }
}

async fn add_changes(
    db: &mut MySqlConnection,
    token: u64,
    changes: &[Change],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_balance_change (token, account, block, log_index, leg, time, \
                  change_type, amount, balance_after, balance_seconds, counterparty, tx_hash)";
    bulk::write(db, insert, "", changes, |params, change| {
        params
            .put(token)?
            .put(Sql(change.account))?
            .put(Sql(change.block))?
            .put(Sql(change.log_index))?
            .put(Sql(change.change_type.leg()))?
            .put(Sql(change.time))?
            .put(Sql(change.change_type))?
            .put(Sql(change.amount))?
            .put(Sql(change.balance_after))?
            .put(Sql(change.balance_seconds))?
            .put(change.counterparty.map(Sql))?
            .put(Sql(change.tx_hash))?;
        Ok(())
    })
    .await
}

/// Writes accounts' newest states, by address: neighbours share pages.
pub(crate) async fn save_states(
    db: &mut MySqlConnection,
    token: u64,
    states: &BTreeMap<Account, Checkpoint>,
) -> Result<(), Fault> {
    let rows: Vec<_> = states.iter().collect();
    let insert = "INSERT INTO user_balance (token, account, balance, balance_seconds, time, block)";
    let or_update = "ON DUPLICATE KEY UPDATE balance = VALUES(balance), \
                     balance_seconds = VALUES(balance_seconds), time = VALUES(time), \
                     block = VALUES(block)";
    bulk::write(db, insert, or_update, &rows, |params, (account, state)| {
        params
            .put(token)?
            .put(Sql(**account))?
            .put(Sql(state.balance))?
            .put(Sql(state.balance_seconds))?
            .put(Sql(state.time))?
            .put(Sql(state.block))?;
        Ok(())
    })
    .await
}

async fn advance(
    db: &mut MySqlConnection,
    mut token: TokenRow,
    commit: &LedgerCommit,
    part: &TokenCommit,
) -> Result<(), Fault> {
    let state = &mut token.state;
    state.start_time = state.start_time.or(Some(commit.first.time));
    state.cursor = Some(commit.tip);
    state.totals = part.totals;
    save_token(db, &token).await
}

async fn hold_headers(db: &mut MySqlConnection, commit: &LedgerCommit) -> Result<(), Fault> {
    let insert = "INSERT INTO block_header (chain, block, hash, parent_hash, time)";
    // One that is held already is the same: a contradiction was refused before.
    let or_keep = "ON DUPLICATE KEY UPDATE block = VALUES(block)";
    bulk::write(db, insert, or_keep, &commit.headers, |params, header| {
        params
            .put(Sql(commit.chain))?
            .put(Sql(header.number))?
            .put(Sql(header.hash))?
            .put(Sql(header.parent_hash))?
            .put(Sql(header.time))?;
        Ok(())
    })
    .await?;
    sqlx::query("DELETE FROM block_header WHERE chain = ? AND block < ?")
        .bind(Sql(commit.chain))
        .bind(Sql(commit.retain_from))
        .execute(db)
        .await?;
    Ok(())
}
