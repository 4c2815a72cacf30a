//! Chains and tokens: the small tables.

use pledge_core::audit::{Act, Action, Attribution};
use pledge_core::event::Event;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{SupplyAnswer, TokenSpec, TokenState, TokenStatus};
use pledge_core::ports::{ChainReport, ChainState, Seen};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, ChainId, TokenId};

use crate::audit::attribute;
use crate::connection::Connection;
use crate::dialect::Conflict;
use crate::events::record;
use crate::fault::Fault;
use crate::query::query;
use crate::row::TokenRow;

pub(crate) async fn register_chain(
    db: &mut dyn Connection,
    chain: ChainId,
    name: &str,
) -> Result<(), Fault> {
    let or_update = db.dialect().on_conflict(Conflict { key: &["id"], updates: &["name"] });
    query(format!("INSERT INTO chain (id, name, status) VALUES (?, ?, ?) {or_update}"))
        .bind(chain)
        .bind(name)
        .bind(ChainStatus::default().name())
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn chains(db: &mut dyn Connection) -> Result<Vec<ChainState>, Fault> {
    query("SELECT * FROM chain ORDER BY id").all(db).await
}

pub(crate) async fn require_chain(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<ChainState, Fault> {
    find_chain(db, chain).await?.ok_or_else(|| unknown(chain))
}

/// The chain, which no other writes until the transaction ends. A write to several tokens takes
/// their chain first, so that no two wait for each other.
pub(crate) async fn lock_chain(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<ChainState, Fault> {
    let for_update = db.dialect().for_update();
    let locked = query(format!("SELECT * FROM chain WHERE id = ? {for_update}"));
    locked.key(chain).one(db).await?.ok_or_else(|| unknown(chain))
}

/// The chain, locked, which neither a person nor a fault has stopped.
pub(crate) async fn lock_followed_chain(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<ChainState, Fault> {
    let state = lock_chain(db, chain).await?;
    state.require_followed().map_err(Fault::conflict)?;
    Ok(state)
}

/// One chain; `None` if it is unknown.
pub(crate) async fn find_chain(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<Option<ChainState>, Fault> {
    query("SELECT * FROM chain WHERE id = ?").key(chain).one(db).await
}

fn unknown(chain: ChainId) -> Fault {
    Fault::invalid(format!("chain {chain} is not registered"))
}

pub(crate) async fn report_chain(
    db: &mut dyn Connection,
    report: &ChainReport,
) -> Result<(), Fault> {
    report.check().map_err(Fault::invalid)?;
    let before = lock_chain(db, report.chain).await?;
    let after = before.after(report);
    save_chain(db, &after).await?;
    match &report.status {
        ChainStatus::Halted(reason) if before.status != after.status => {
            let (chain, reason) = (report.chain, reason.clone());
            record(db, Event::ChainHalted { chain, reason }).await
        }
        _ => Ok(()),
    }
}

pub(crate) async fn pause_chain(
    db: &mut dyn Connection,
    chain: ChainId,
    by: &Attribution,
) -> Result<(), Fault> {
    let before = lock_chain(db, chain).await?;
    let status = before.status.paused(by).map_err(Fault::conflict)?;
    set_status(db, before, status, (Action::PAUSE_CHAIN, by)).await
}

pub(crate) async fn resume_chain(
    db: &mut dyn Connection,
    chain: ChainId,
    found: &ChainStatus,
    by: &Attribution,
) -> Result<(), Fault> {
    let before = lock_chain(db, chain).await?;
    let status = before.status.resumed(found).map_err(Fault::conflict)?;
    set_status(db, before, status, (Action::RESUME_CHAIN, by)).await
}

/// Gives a locked chain another status, by a person's act.
async fn set_status(
    db: &mut dyn Connection,
    before: ChainState,
    status: ChainStatus,
    (action, by): (Action, &Attribution),
) -> Result<(), Fault> {
    let act = Act::on_chain(action, before.chain, &before.status, &status);
    if act.is_some() {
        save_chain(db, &ChainState { status, ..before }).await?;
    }
    attribute(db, by, act).await
}

pub(crate) async fn save_chain(db: &mut dyn Connection, state: &ChainState) -> Result<(), Fault> {
    query(
        "UPDATE chain SET status = ?, reason = ?, halt_reason = ?, head = ?, head_time = ?, \
         processed = ? WHERE id = ?",
    )
    .bind(state.status.name())
    .bind(state.status.reason())
    .bind(state.status.halt_under_pause())
    .bind(state.head)
    .bind(state.head_time)
    .bind(state.processed)
    .bind(state.chain)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn register_token(
    db: &mut dyn Connection,
    spec: &TokenSpec,
) -> Result<TokenState, Fault> {
    lock_chain(db, spec.id.chain).await?;
    if let Some(known) = find_token(db, spec.id).await? {
        return if known.state.spec == *spec {
            Ok(known.state)
        } else {
            Err(known.state.spec.refuse(spec).into())
        };
    }
    let state = TokenState::registered(spec.clone());
    add_token(db, &state).await?;
    Ok(state)
}

/// Adds a token with all that is known of it, and returns its key.
pub(crate) async fn add_token(db: &mut dyn Connection, state: &TokenState) -> Result<u64, Fault> {
    let TokenState { spec, cursor, start_time, epoch, status, totals, .. } = state;
    // Every column is bound, also those that a new token has at zero: an import adds tokens in any
    // state.
    let check = state.supply_check;
    query(
        "INSERT INTO token (chain, address, symbol, decimals, start_block, cursor_block, \
         cursor_hash, cursor_parent_hash, cursor_time, start_time, epoch, rewinds_by_person, halted, holders, \
         supply, minted, burned, unreadable_logs, supply_block, supply_time, supply_ledger, \
         supply_on_chain, supply_unanswered, paused, halt_reason) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(spec.id.chain)
    .bind(spec.id.address)
    .bind(spec.metadata.symbol.as_str())
    .bind(spec.metadata.decimals.get())
    .bind(spec.start_block)
    .cursor(*cursor)
    .bind(*start_time)
    .bind(*epoch)
    .bind(state.rewinds_by_operator)
    .bind(status.reason())
    .bind(totals.holders)
    .bind(totals.supply)
    .bind(totals.minted)
    .bind(totals.burned)
    .bind(state.unreadable_logs)
    .bind(check.map(|check| check.block))
    .bind(check.map(|check| check.time))
    .bind(check.map(|check| check.ledger))
    .bind(check.map(|check| check.on_chain))
    .bind(state.supply_unanswered.as_deref())
    .bind(status.is_paused())
    .bind(status.halt_under_pause())
    .new_key(db, "id")
    .await
}

/// The tokens of a chain, ascending by address.
pub(crate) async fn tokens(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<Vec<TokenRow>, Fault> {
    query("SELECT * FROM token WHERE chain = ? ORDER BY address").key(chain).all(db).await
}

pub(crate) async fn find_token(
    db: &mut dyn Connection,
    token: TokenId,
) -> Result<Option<TokenRow>, Fault> {
    token_by(db, token, "").await
}

async fn token_by(
    db: &mut dyn Connection,
    token: TokenId,
    tail: &'static str,
) -> Result<Option<TokenRow>, Fault> {
    query(format!("SELECT * FROM token WHERE chain = ? AND address = ? {tail}"))
        .key(token.chain)
        .bind(token.address)
        .one(db)
        .await
}

pub(crate) async fn require_token(
    db: &mut dyn Connection,
    token: TokenId,
) -> Result<TokenRow, Fault> {
    known(token, find_token(db, token).await?)
}

/// The token, to whose ledger and points no other writes until the transaction ends. So a read
/// that follows in this transaction sees what the token's last writer left.
pub(crate) async fn lock_token(db: &mut dyn Connection, token: TokenId) -> Result<TokenRow, Fault> {
    let for_update = db.dialect().for_update();
    known(token, token_by(db, token, for_update).await?)
}

fn known(token: TokenId, row: Option<TokenRow>) -> Result<TokenRow, Fault> {
    row.ok_or_else(|| Fault::invalid(format!("token {token} is not registered")))
}

/// The token, locked, whose cursor must be at `base`.
pub(crate) async fn token_at(
    db: &mut dyn Connection,
    token: TokenId,
    base: Option<BlockId>,
) -> Result<TokenRow, Fault> {
    let row = lock_token(db, token).await?;
    row.state.require_cursor(base).map_err(Fault::conflict)?;
    Ok(row)
}

pub(crate) async fn halt_token(
    db: &mut dyn Connection,
    token: TokenId,
    base: Option<BlockId>,
    reason: &str,
) -> Result<(), Fault> {
    let row = token_at(db, token, base).await?;
    set_token_status(db, row.key, &row.state.status.halted(reason)).await?;
    if !row.state.status.is_halted() {
        record(db, Event::TokenHalted { token, reason: reason.to_owned() }).await?;
    }
    Ok(())
}

pub(crate) async fn heal_token(
    db: &mut dyn Connection,
    token: TokenId,
    base: Option<BlockId>,
) -> Result<(), Fault> {
    let row = token_at(db, token, base).await?;
    set_token_status(db, row.key, &row.state.status.healed()).await
}

pub(crate) async fn pause_token(
    db: &mut dyn Connection,
    token: TokenId,
    by: &Attribution,
) -> Result<(), Fault> {
    let row = lock_token(db, token).await?;
    let status = row.state.status.paused(by);
    change_token_status(db, &row, &status, (Action::PAUSE_TOKEN, by)).await
}

pub(crate) async fn resume_token(
    db: &mut dyn Connection,
    token: TokenId,
    base: Option<BlockId>,
    found: &TokenStatus,
    by: &Attribution,
) -> Result<(), Fault> {
    let row = token_at(db, token, base).await?;
    let resumed = row.state.status.resumed(found).map_err(Fault::conflict)?;
    change_token_status(db, &row, &resumed, (Action::RESUME_TOKEN, by)).await
}

/// Gives a locked token another status, by a person's act.
async fn change_token_status(
    db: &mut dyn Connection,
    row: &TokenRow,
    status: &TokenStatus,
    (action, by): (Action, &Attribution),
) -> Result<(), Fault> {
    let act = Act::on_token(action, row.state.spec.id, &row.state.status, status);
    set_token_status(db, row.key, status).await?;
    attribute(db, by, act).await
}

async fn set_token_status(
    db: &mut dyn Connection,
    token: u64,
    status: &TokenStatus,
) -> Result<(), Fault> {
    query("UPDATE token SET halted = ?, paused = ?, halt_reason = ? WHERE id = ?")
        .bind(status.reason())
        .bind(status.is_paused())
        .bind(status.halt_under_pause())
        .bind(token)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn record_supply(
    db: &mut dyn Connection,
    token: TokenId,
    base: BlockId,
    answer: &SupplyAnswer,
) -> Result<(), Fault> {
    let mut row = token_at(db, token, Some(base)).await?;
    row.state.record_supply(answer);
    save_token(db, &row).await
}

/// Writes what a commit, a rewind or a comparison of supplies changes of a token.
pub(crate) async fn save_token(db: &mut dyn Connection, row: &TokenRow) -> Result<(), Fault> {
    // The rest of the row is what the token was registered with, which no write changes.
    let TokenState { cursor, start_time, epoch, totals, supply_check: check, .. } = &row.state;
    query(
        "UPDATE token SET cursor_block = ?, cursor_hash = ?, cursor_parent_hash = ?, \
         cursor_time = ?, start_time = ?, epoch = ?, rewinds_by_person = ?, halted = ?, holders = ?, supply = ?, \
         minted = ?, burned = ?, unreadable_logs = ?, supply_block = ?, supply_time = ?, supply_ledger = ?, \
         supply_on_chain = ?, supply_unanswered = ?, paused = ?, halt_reason = ? WHERE id = ?",
    )
    .cursor(*cursor)
    .bind(*start_time)
    .bind(*epoch)
    .bind(row.state.rewinds_by_operator)
    .bind(row.state.status.reason())
    .bind(totals.holders)
    .bind(totals.supply)
    .bind(totals.minted)
    .bind(totals.burned)
    .bind(row.state.unreadable_logs)
    .bind(check.map(|check| check.block))
    .bind(check.map(|check| check.time))
    .bind(check.map(|check| check.ledger))
    .bind(check.map(|check| check.on_chain))
    .bind(row.state.supply_unanswered.as_deref())
    .bind(row.state.status.is_paused())
    .bind(row.state.status.halt_under_pause())
    .bind(row.key)
    .execute(db)
    .await?;
    Ok(())
}

/// An answer with the token's cursor when it was read.
pub(crate) fn seen<T>(token: &TokenState, value: T) -> Seen<T> {
    Seen { cursor: token.cursor, epoch: token.epoch, value }
}

pub(crate) async fn headers(
    db: &mut dyn Connection,
    chain: ChainId,
    at_most: BlockNumber,
    rows_max: usize,
) -> Result<Vec<BlockRef>, Fault> {
    require_chain(db, chain).await?;
    query("SELECT * FROM block_header WHERE chain = ? AND block <= ? ORDER BY block DESC LIMIT ?")
        .bind(chain)
        .bound(at_most.get())
        .limit(rows_max)
        .all(db)
        .await
}
