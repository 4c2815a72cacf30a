//! Adding blocks to the ledger.

use std::collections::BTreeMap;

use pledge_core::event::Event;
use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::ports::{LedgerCommit, TokenCommit};
use pledge_core::types::Account;

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::dialect::Conflict;
use crate::events::record;
use crate::fault::Fault;
use crate::registry::{lock_followed_chain, save_token, token_at};
use crate::row::TokenRow;
use crate::{new_blocks, unreadable};

pub(crate) async fn commit(db: &mut dyn Connection, commit: &LedgerCommit) -> Result<(), Fault> {
    // The chain is locked first, then its tokens, and the event is numbered last: in one order
    // everywhere, so that no two writes wait for each other.
    commit.check().map_err(Fault::invalid)?;
    lock_followed_chain(db, commit.blocks.chain).await?;
    new_blocks::refuse_contradiction(db, &commit.blocks).await?;
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
    new_blocks::hold(db, &commit.blocks).await?;
    let event = Event::Confirmed {
        chain: commit.blocks.chain,
        from: commit.blocks.first.number,
        to: commit.blocks.tip.id(),
        changes,
    };
    record(db, event).await
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
        let status = token.state.status.name();
        Err(Fault::conflict(format!("token {} is {status}", part.token)))
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
    let updates = &["balance", "balance_seconds", "time", "block"];
    let or_update = db.dialect().on_conflict(Conflict { key: &["token", "account"], updates });
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
