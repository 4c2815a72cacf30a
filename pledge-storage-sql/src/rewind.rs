//! Going back to an ancestor: ledger, points and contracts' logs in one transaction.

use std::collections::BTreeMap;

use pledge_core::audit::Act;
use pledge_core::event::{Event, ReorgRecord, RewindCause, RewoundToken};
use pledge_core::ledger::{Checkpoint, Leg, SupplyMoves};
use pledge_core::ports::Rewind;
use pledge_core::types::{Account, BlockNumber, BlockRef, LogIndex, Timestamp};

use crate::audit::attribute;
use crate::bulk::{self, values};
use crate::commit::save_states;
use crate::connection::{Connection, Value};
use crate::events::record;
use crate::fault::Fault;
use crate::query::query;
use crate::reads::states_at;
use crate::registry::{lock_chain, lock_followed_chain, save_chain, save_token, token_at, tokens};
use crate::restate::reopen;
use crate::row::TokenRow;
use crate::{contracts, edges, unreadable};

/// Changes looked at together.
const PAGE_ROWS: usize = 1_024;

pub(crate) async fn rewind(
    db: &mut dyn Connection,
    request: &Rewind,
) -> Result<ReorgRecord, Fault> {
    // The chain is locked first, then its tokens and contracts, and the event is numbered last: the
    // order of a commit, so that the two never wait for each other. An act is numbered before the event.
    request.check().map_err(Fault::invalid)?;
    let chain_before = match &request.cause {
        RewindCause::Operator { .. } => lock_chain(db, request.chain).await?,
        RewindCause::Reorg => lock_followed_chain(db, request.chain).await?,
    };
    require_held(db, request).await?;
    let states = tokens(db, request.chain).await?;
    let followed = contracts::list(db, request.chain).await?;
    let left = request
        .check_left(states.iter().map(|row| &row.state), followed.iter().map(|row| &row.state));
    left.map_err(Fault::conflict)?;
    let mut rewound = Vec::with_capacity(request.tokens.len());
    let mut acts = Vec::new();
    for (token, cursor) in &request.tokens {
        let row = token_at(db, *token, Some(*cursor)).await?;
        if request.keeps_ledger(&row.state) {
            refuse_other_times(db, row.key, request).await?;
        }
        let (record, act) = rewind_token(db, row, request).await?;
        rewound.push(record);
        acts.push(act);
    }
    let contracts = contracts::rewind(db, request).await?;
    query("DELETE FROM block_header WHERE chain = ? AND block > ?")
        .bind(request.chain)
        .bound(request.to.number.get())
        .execute(db)
        .await?;
    edges::remove_above(db, request).await?;
    save_chain(db, &chain_before.rewound(request.to.number)).await?;
    let (chain, to) = (request.chain, request.to);
    let reorg = ReorgRecord { chain, to, tokens: rewound, contracts };
    if let RewindCause::Operator { by } = &request.cause {
        attribute(db, by, [Act::rewind(&reorg)].into_iter().chain(acts)).await?;
    }
    record(db, Event::of_rewind(&request.cause, reorg.clone())).await?;
    Ok(reorg)
}

/// The ancestor must be a held header, or the parent of one, or the operator's.
async fn require_held(db: &mut dyn Connection, request: &Rewind) -> Result<(), Fault> {
    let to = request.to;
    let near: Vec<BlockRef> =
        query("SELECT * FROM block_header WHERE chain = ? AND block IN (?, ?)")
            .bind(request.chain)
            .bound(to.number.get())
            .bound(to.number.next().get())
            .all(db)
            .await?;
    match near.iter().find(|held| held.number == to.number) {
        Some(held) if *held == to => return Ok(()),
        Some(held) if request.cause.is_operator() || held.hash == to.hash => {
            let detail = format!("block {to} contradicts the held header {held}");
            return Err(Fault::conflict(detail));
        }
        None if request.cause.is_operator() => return Ok(()),
        _ if near.iter().any(|above| to.is_parent_of(above)) => return Ok(()),
        _ => {}
    }
    let detail = format!("block {to} is no held header, nor the parent of one");
    Err(Fault::beyond_retention(detail))
}

async fn refuse_other_times(
    db: &mut dyn Connection,
    token: u64,
    request: &Rewind,
) -> Result<(), Fault> {
    let nearest = [
        "SELECT block FROM user_balance_change WHERE token = ? AND time < ? \
         ORDER BY time DESC, block DESC LIMIT 1",
        "SELECT block FROM user_balance_change WHERE token = ? AND time > ? \
         ORDER BY time, block LIMIT 1",
    ];
    let [earlier, later] = nearest.map(|sql| query(sql).bind(token).bind(request.to.time));
    let (earlier, later) = (earlier.value(db, "block").await?, later.value(db, "block").await?);
    request.check_times(earlier, later).map_err(Fault::conflict)
}

async fn rewind_token(
    db: &mut dyn Connection,
    mut row: TokenRow,
    request: &Rewind,
) -> Result<(RewoundToken, Act), Fault> {
    let token = row.state.spec.id;
    let cursor =
        row.state.cursor.ok_or_else(|| Fault::corrupt("a token to rewind has no cursor"))?;
    let from = cursor.id();
    let before = row.state.clone();
    let keeps_ledger = request.keeps_ledger(&before);
    // The time is there for the index; what is not of this branch has any.
    let since = if keeps_ledger { request.to.time } else { Timestamp::ZERO };
    let above = Above { block: request.to.number, since };
    let changes_removed = remove_changes(db, &mut row, &above).await?;
    let logs_removed = unreadable::remove_above(db, row.key, above.block).await?;
    let logs_left = row.state.unreadable_logs.checked_sub(logs_removed);
    row.state.unreadable_logs =
        logs_left.ok_or_else(|| Fault::corrupt("more unreadable logs than were counted"))?;
    row.state.forget_supply_above(above.block);
    row.state.cursor = keeps_ledger.then_some(request.to);
    row.state.start_time = before.start_time.filter(|_| keeps_ledger);
    row.state.count_rewind(&request.cause);
    row.state.status = row.state.status.healed();
    save_token(db, &row).await?;
    let statements_reversed = reopen(db, &row, (before.start_time, before.epoch)).await?;
    let epoch = row.state.epoch;
    let record = RewoundToken { token, from, epoch, changes_removed, statements_reversed };
    Ok((record, Act::rewind_token(&before, &row.state)))
}

/// The changes that a rewind takes back.
struct Above {
    block: BlockNumber,
    since: Timestamp,
}

/// Removes the changes above the ancestor and what they did to balances and sums: those of some accounts
/// at a time, so that no more is held of a deep rewind than of a shallow one.
async fn remove_changes(
    db: &mut dyn Connection,
    row: &mut TokenRow,
    above: &Above,
) -> Result<u64, Fault> {
    undo_supply(db, row, above).await?;
    // This ends: each round deletes the very changes by which it found its accounts.
    let mut removed = 0;
    loop {
        let accounts = touched_accounts(db, row.key, above).await?;
        if accounts.is_empty() {
            return Ok(removed);
        }
        let select = "SELECT * FROM user_balance WHERE token = ? AND account IN";
        let newest: Vec<(Account, Checkpoint)> =
            bulk::select(db, select, &values![row.key], &accounts, "").await?;
        let newest: BTreeMap<_, _> = newest.into_iter().collect();
        let delete = "DELETE FROM user_balance_change WHERE token = ? AND block > ? AND account IN";
        let first = values![row.key, Value::Bound(above.block.get())];
        removed += bulk::delete(db, delete, &first, &accounts).await?;
        let restored = states_at(db, row.key, &accounts, above.block).await?;
        for account in &accounts {
            let state = newest.get(account).ok_or_else(|| {
                Fault::corrupt(format!("account {account} has changes and no balance"))
            })?;
            let before = restored.get(account).map(|state| state.balance).unwrap_or_default();
            row.state.totals.balance_moved(state.balance, before)?;
        }
        save_states(db, row.key, &restored).await?;
        let gone = accounts.into_iter().filter(|account| !restored.contains_key(account));
        forget_accounts(db, row.key, &gone.collect::<Vec<_>>()).await?;
    }
}

/// Takes mints and burns back.
async fn undo_supply(
    db: &mut dyn Connection,
    row: &mut TokenRow,
    above: &Above,
) -> Result<(), Fault> {
    // All is summed before anything is undone: one by one, the supply could pass through values
    // that the token never had, below zero among them.
    let mut moves = SupplyMoves::default();
    let mut after = (above.since, above.block, LogIndex::new(u64::MAX), Leg::In);
    loop {
        let (time, block, log_index, leg) = after;
        let page = query(
            "SELECT change_type, amount, time, block, log_index, leg FROM user_balance_change \
             WHERE token = ? AND time >= ? AND block > ? AND (time > ? OR block > ? \
             OR (block = ? AND (log_index > ? OR (log_index = ? AND leg > ?)))) \
             AND change_type IN ('mint', 'burn') ORDER BY time, block, log_index, leg LIMIT ?",
        )
        .bind(row.key)
        .bind(time)
        .bound(above.block.get())
        .bind(time)
        .bound(block.get())
        .bound(block.get())
        .bound(log_index.get())
        .bound(log_index.get())
        .bind(leg)
        .limit(PAGE_ROWS)
        .rows(db)
        .await?;
        let Some(last) = page.last() else {
            return Ok(row.state.totals.undo(&moves)?);
        };
        after = (last.get("time")?, last.get("block")?, last.get("log_index")?, last.get("leg")?);
        for moved in &page {
            moves.add(moved.get("change_type")?, moved.get("amount")?)?;
        }
    }
}

/// Some of the accounts that changed above the ancestor.
async fn touched_accounts(
    db: &mut dyn Connection,
    token: u64,
    above: &Above,
) -> Result<Vec<Account>, Fault> {
    let rows = query(
        "SELECT account FROM user_balance_change WHERE token = ? AND time >= ? AND block > ? \
         ORDER BY time, block, log_index, leg LIMIT ?",
    )
    .bind(token)
    .bind(above.since)
    .bound(above.block.get())
    .limit(PAGE_ROWS)
    .rows(db)
    .await?;
    let accounts = rows.iter().map(|row| row.get("account"));
    let mut accounts: Vec<Account> = accounts.collect::<Result<_, _>>()?;
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

async fn forget_accounts(
    db: &mut dyn Connection,
    token: u64,
    accounts: &[Account],
) -> Result<(), Fault> {
    let delete = "DELETE FROM user_balance WHERE token = ? AND account IN";
    bulk::delete(db, delete, &values![token], accounts).await.map(drop)
}
