//! Chains and tokens: the small tables.

use pledge_core::event::Event;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{TokenSpec, TokenState, TokenTotals};
use pledge_core::ports::{ChainReport, ChainState, Seen};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, ChainId, TokenId};
use sqlx::MySqlConnection;

use crate::error::Fault;
use crate::events::record;
use crate::row::{Record, Sql, TokenRow, limit};

pub(crate) async fn register_chain(
    db: &mut MySqlConnection,
    chain: ChainId,
    name: &str,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO chain (id, name, status) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE name = VALUES(name)",
    )
    .bind(Sql(chain))
    .bind(name)
    .bind(ChainStatus::default().name())
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn chains(db: &mut MySqlConnection) -> Result<Vec<ChainState>, Fault> {
    let rows: Vec<Record<ChainState>> =
        sqlx::query_as("SELECT * FROM chain ORDER BY id").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

async fn require_chain(db: &mut MySqlConnection, chain: ChainId) -> Result<ChainState, Fault> {
    chain_by(db, "SELECT * FROM chain WHERE id = ?", chain).await
}

/// The chain, which nobody else writes until the transaction ends. Whoever writes to several tokens
/// takes their chain first, so that no two wait for each other.
pub(crate) async fn lock_chain(
    db: &mut MySqlConnection,
    chain: ChainId,
) -> Result<ChainState, Fault> {
    chain_by(db, "SELECT * FROM chain WHERE id = ? FOR UPDATE", chain).await
}

async fn chain_by(
    db: &mut MySqlConnection,
    select: &'static str,
    chain: ChainId,
) -> Result<ChainState, Fault> {
    let row: Option<Record<ChainState>> =
        sqlx::query_as(select).bind(Sql(chain)).fetch_optional(db).await?;
    row.map(|row| row.0).ok_or_else(|| Fault::invalid(format!("chain {chain} is not registered")))
}

pub(crate) async fn report_chain(
    db: &mut MySqlConnection,
    report: &ChainReport,
) -> Result<(), Fault> {
    let before = lock_chain(db, report.chain).await?;
    save_chain(db, &before.after(report)).await?;
    match &report.status {
        ChainStatus::Halted(reason) if before.status != report.status => {
            let (chain, reason) = (report.chain, reason.clone());
            record(db, &Event::ChainHalted { chain, reason }).await
        }
        _ => Ok(()),
    }
}

pub(crate) async fn resume_chain(db: &mut MySqlConnection, chain: ChainId) -> Result<(), Fault> {
    let mut state = lock_chain(db, chain).await?;
    if state.status.is_latched() {
        state.status = ChainStatus::Syncing;
        save_chain(db, &state).await?;
    }
    Ok(())
}

async fn save_chain(db: &mut MySqlConnection, state: &ChainState) -> Result<(), Fault> {
    sqlx::query("UPDATE chain SET status = ?, reason = ?, head = ?, processed = ? WHERE id = ?")
        .bind(state.status.name())
        .bind(state.status.reason())
        .bind(state.head.map(Sql))
        .bind(state.processed.map(Sql))
        .bind(Sql(state.chain))
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn register_token(
    db: &mut MySqlConnection,
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
    let none = TokenTotals::default();
    sqlx::query(
        "INSERT INTO token \
         (chain, address, symbol, decimals, start_block, epoch, holders, supply, minted, burned) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(Sql(spec.id.chain))
    .bind(Sql(spec.id.address))
    .bind(&spec.metadata.symbol)
    .bind(Sql(spec.metadata.decimals.get()))
    .bind(Sql(spec.start_block))
    .bind(Sql(state.epoch))
    .bind(Sql(none.holders))
    .bind(Sql(none.supply))
    .bind(Sql(none.minted))
    .bind(Sql(none.burned))
    .execute(db)
    .await?;
    Ok(state)
}

pub(crate) async fn tokens(
    db: &mut MySqlConnection,
    chain: ChainId,
) -> Result<Vec<TokenState>, Fault> {
    let rows: Vec<TokenRow> =
        sqlx::query_as("SELECT * FROM token WHERE chain = ? ORDER BY address")
            .bind(Sql(chain))
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|row| row.state).collect())
}

pub(crate) async fn find_token(
    db: &mut MySqlConnection,
    token: TokenId,
) -> Result<Option<TokenRow>, Fault> {
    token_by(db, "SELECT * FROM token WHERE chain = ? AND address = ?", token).await
}

async fn token_by(
    db: &mut MySqlConnection,
    select: &'static str,
    token: TokenId,
) -> Result<Option<TokenRow>, Fault> {
    let query = sqlx::query_as(select).bind(Sql(token.chain)).bind(Sql(token.address));
    Ok(query.fetch_optional(db).await?)
}

pub(crate) async fn require_token(
    db: &mut MySqlConnection,
    token: TokenId,
) -> Result<TokenRow, Fault> {
    known(token, find_token(db, token).await?)
}

/// The token, to whose ledger and points nobody else writes until the transaction ends. So a read
/// that follows in this transaction sees what the token's last writer left.
pub(crate) async fn lock_token(
    db: &mut MySqlConnection,
    token: TokenId,
) -> Result<TokenRow, Fault> {
    let select = "SELECT * FROM token WHERE chain = ? AND address = ? FOR UPDATE";
    known(token, token_by(db, select, token).await?)
}

fn known(token: TokenId, row: Option<TokenRow>) -> Result<TokenRow, Fault> {
    row.ok_or_else(|| Fault::invalid(format!("token {token} is not registered")))
}

/// The token, locked, which must stand at `base`.
pub(crate) async fn token_at(
    db: &mut MySqlConnection,
    token: TokenId,
    base: Option<BlockId>,
) -> Result<TokenRow, Fault> {
    let row = lock_token(db, token).await?;
    if row.state.cursor.map(|cursor| cursor.id()) == base {
        Ok(row)
    } else {
        Err(Fault::conflict(row.state.stands_elsewhere(base)))
    }
}

pub(crate) async fn halt_token(
    db: &mut MySqlConnection,
    token: TokenId,
    base: Option<BlockId>,
    reason: Option<&str>,
) -> Result<(), Fault> {
    let row = token_at(db, token, base).await?;
    sqlx::query("UPDATE token SET halted = ? WHERE id = ?")
        .bind(reason)
        .bind(row.key)
        .execute(&mut *db)
        .await?;
    match reason {
        Some(reason) if row.state.is_active() => {
            let reason = reason.to_owned();
            record(db, &Event::TokenHalted { token, reason }).await
        }
        _ => Ok(()),
    }
}

/// Writes what a commit or a rewind changes of a token.
pub(crate) async fn save_token(db: &mut MySqlConnection, row: &TokenRow) -> Result<(), Fault> {
    let TokenState { cursor, start_time, epoch, totals, .. } = &row.state;
    sqlx::query(
        "UPDATE token SET cursor_block = ?, cursor_hash = ?, cursor_parent_hash = ?, \
         cursor_time = ?, start_time = ?, epoch = ?, holders = ?, supply = ?, minted = ?, \
         burned = ? WHERE id = ?",
    )
    .bind(cursor.map(|cursor| Sql(cursor.number)))
    .bind(cursor.map(|cursor| Sql(cursor.hash)))
    .bind(cursor.map(|cursor| Sql(cursor.parent_hash)))
    .bind(cursor.map(|cursor| Sql(cursor.time)))
    .bind(start_time.map(Sql))
    .bind(Sql(*epoch))
    .bind(Sql(totals.holders))
    .bind(Sql(totals.supply))
    .bind(Sql(totals.minted))
    .bind(Sql(totals.burned))
    .bind(row.key)
    .execute(db)
    .await?;
    Ok(())
}

/// An answer with where the token stood when it was read.
pub(crate) fn seen<T>(token: &TokenState, value: T) -> Seen<T> {
    Seen { cursor: token.cursor, epoch: token.epoch, value }
}

pub(crate) async fn headers(
    db: &mut MySqlConnection,
    chain: ChainId,
    at_most: BlockNumber,
    rows_max: usize,
) -> Result<Vec<BlockRef>, Fault> {
    require_chain(db, chain).await?;
    let rows: Vec<Record<BlockRef>> = sqlx::query_as(
        "SELECT * FROM block_header WHERE chain = ? AND block <= ? ORDER BY block DESC LIMIT ?",
    )
    .bind(Sql(chain))
    .bind(Sql(at_most))
    .bind(limit(rows_max))
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
