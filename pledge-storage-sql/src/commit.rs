//! Adding blocks to the ledger.

use std::collections::BTreeMap;

use pledge_core::event::Event;
use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::ports::{LedgerCommit, TokenCommit};
use pledge_core::types::{Account, BlockRef, ChainId};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::events::record;
use crate::fault::Fault;
use crate::query::query;
use crate::registry::{lock_chain, save_token, token_at};
use crate::row::TokenRow;
use crate::unreadable;

pub(crate) async fn commit(db: &mut dyn Connection, commit: &LedgerCommit) -> Result<(), Fault> {
    // The chain is locked first, then its tokens, and the event is numbered last: in one order
    // everywhere, so that no two writes wait for each other.
    commit.check().map_err(Fault::invalid)?;
    lock_chain(db, commit.blocks.chain).await?;
    refuse_contradiction(db, commit).await?;
    let mut changes = 0;
    for part in &commit.tokens {
        let token = token_to_advance(db, commit, part).await?;
        commit.blocks.check_follows(token.state.cursor.as_ref()).map_err(Fault::invalid)?;
        add_changes(db, token.key, &part.changes).await?;
        unreadable::add(db, token.key, &part.unreadable_logs).await?;
        let last = part.changes.iter();
        let states = last.map(|change| (change.account, change.checkpoint()));
        save_states(db, token.key, &states.collect()).await?;
        advance(db, token, commit, part).await?;
        changes += part.changes.len() as u64;
    }
    hold_headers(db, commit.blocks.chain, &commit.blocks.headers).await?;
    query("DELETE FROM block_header WHERE chain = ? AND block < ?")
        .bind(commit.blocks.chain)
        .bound(commit.blocks.retain_from.get())
        .execute(db)
        .await?;
    let event = Event::Confirmed {
        chain: commit.blocks.chain,
        from: commit.blocks.first.number,
        to: commit.blocks.tip.id(),
        changes,
    };
    record(db, &event).await
}

/// A header that we hold and that names another hash at the same height.
async fn refuse_contradiction(db: &mut dyn Connection, commit: &LedgerCommit) -> Result<(), Fault> {
    let (Some(first), Some(last)) = (commit.blocks.headers.first(), commit.blocks.headers.last())
    else {
        return Ok(());
    };
    let held: Vec<BlockRef> =
        query("SELECT * FROM block_header WHERE chain = ? AND block BETWEEN ? AND ?")
            .bind(commit.blocks.chain)
            .bound(first.number.get())
            .bound(last.number.get())
            .all(db)
            .await?;
    let held: BTreeMap<_, _> = held.into_iter().map(|held| (held.number, held)).collect();
    for header in &commit.blocks.headers {
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
    db: &mut dyn Connection,
    commit: &LedgerCommit,
    part: &TokenCommit,
) -> Result<TokenRow, Fault> {
    let token = token_at(db, part.token, commit.blocks.base).await?;
    if token.state.is_active() {
        Ok(token)
    } else {
        Err(Fault::conflict(format!("token {} is halted", part.token)))
    }
}

pub(crate) async fn add_changes(
    db: &mut dyn Connection,
    token: u64,
    changes: &[Change],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_balance_change (token, account, block, log_index, leg, time, \
                  change_type, amount, balance_after, balance_seconds, counterparty, tx_hash, \
                  netted)";
    // The type implies the leg. It has a column because the order of changes, and the key, end with
    // it.
    bulk::write(db, insert, "", changes, |change| {
        values![
            token,
            change.account,
            change.block,
            change.log_index,
            change.change_type.leg(),
            change.time,
            change.change_type,
            change.amount,
            change.balance_after,
            change.balance_seconds,
            change.counterparty,
            change.tx_hash,
            change.netted,
        ]
    })
    .await
}

/// Writes accounts' newest states, by address: neighbours share pages.
pub(crate) async fn save_states(
    db: &mut dyn Connection,
    token: u64,
    states: &BTreeMap<Account, Checkpoint>,
) -> Result<(), Fault> {
    let rows: Vec<_> = states.iter().collect();
    let insert = "INSERT INTO user_balance (token, account, balance, balance_seconds, time, block)";
    let or_update = db.dialect().or_update(&["balance", "balance_seconds", "time", "block"]);
    bulk::write(db, insert, &or_update, &rows, |(account, state)| {
        values![token, **account, state.balance, state.balance_seconds, state.time, state.block,]
    })
    .await
}

async fn advance(
    db: &mut dyn Connection,
    mut token: TokenRow,
    commit: &LedgerCommit,
    part: &TokenCommit,
) -> Result<(), Fault> {
    let state = &mut token.state;
    state.start_time = state.start_time.or(Some(commit.blocks.first.time));
    state.cursor = Some(commit.blocks.tip);
    state.totals = part.totals;
    state.unreadable_logs += part.unreadable_logs.len() as u64;
    save_token(db, &token).await
}

pub(crate) async fn hold_headers(
    db: &mut dyn Connection,
    chain: ChainId,
    headers: &[BlockRef],
) -> Result<(), Fault> {
    let insert = "INSERT INTO block_header (chain, block, hash, parent_hash, time)";
    // One that is held already is the same: a contradiction was refused before.
    let or_keep = db.dialect().or_keep("block");
    bulk::write(db, insert, &or_keep, headers, |header| {
        values![chain, header.number, header.hash, header.parent_hash, header.time]
    })
    .await
}
