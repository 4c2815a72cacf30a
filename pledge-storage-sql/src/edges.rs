//! The last blocks before instants.

use std::collections::BTreeMap;

use pledge_core::ledger::BlockEdge;
use pledge_core::ports::Rewind;
use pledge_core::types::{ChainId, Epoch, Timestamp, TokenId};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::query::query;
use crate::registry::{lock_chain, lock_token, require_chain};
use crate::row::FromRow;

impl FromRow for BlockEdge {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { instant: row.get("instant")?, last: row.find("block")? })
    }
}

/// A rewind takes the chain first too, so that none comes between what is compared here and what is written.
pub(crate) async fn record(
    db: &mut dyn Connection,
    token: TokenId,
    epoch: Epoch,
    edges: &[BlockEdge],
) -> Result<(), Fault> {
    lock_chain(db, token.chain).await?;
    let ledger = lock_token(db, token).await?;
    ledger.state.require_epoch(epoch).map_err(Fault::conflict)?;
    BlockEdge::check(edges, &ledger.state).map_err(Fault::invalid)?;
    let instants: Vec<_> = edges.iter().map(|edge| edge.instant).collect();
    let kept = of_instants(db, token.chain, &instants).await?;
    let other = |edge: &&BlockEdge| kept.get(&edge.instant).is_some_and(|kept| kept != *edge);
    if let Some(edge) = edges.iter().find(other) {
        return Err(Fault::conflict(edge.refuse()));
    }
    let fresh = edges.iter().filter(|edge| !kept.contains_key(&edge.instant)).copied();
    let fresh: Vec<_> = fresh.collect();
    let insert = "INSERT INTO block_edge (chain, instant, block)";
    bulk::write(db, insert, "", &fresh, |edge| values![token.chain, edge.instant, edge.last]).await
}

pub(crate) async fn list(
    db: &mut dyn Connection,
    chain: ChainId,
    instants: &[Timestamp],
) -> Result<Vec<Option<BlockEdge>>, Fault> {
    require_chain(db, chain).await?;
    let kept = of_instants(db, chain, instants).await?;
    Ok(instants.iter().map(|instant| kept.get(instant).copied()).collect())
}

async fn of_instants(
    db: &mut dyn Connection,
    chain: ChainId,
    instants: &[Timestamp],
) -> Result<BTreeMap<Timestamp, BlockEdge>, Fault> {
    let select = "SELECT instant, block FROM block_edge WHERE chain = ? AND instant IN";
    let rows: Vec<BlockEdge> = bulk::select(db, select, &values![chain], instants, "").await?;
    Ok(rows.into_iter().map(|edge| (edge.instant, edge)).collect())
}

/// Removes what [`Rewind::keeps_edge`] does not keep.
pub(crate) async fn remove_above(db: &mut dyn Connection, request: &Rewind) -> Result<(), Fault> {
    query("DELETE FROM block_edge WHERE chain = ? AND (instant > ? OR block >= ?)")
        .bind(request.chain)
        .bind(request.to.time)
        .bound(request.to.number.get())
        .execute(db)
        .await?;
    Ok(())
}
