//! The blocks of a write and their headers, which belong to the chain: the same for every kind of
//! write.

use std::collections::BTreeMap;

use pledge_core::ports::NewBlocks;
use pledge_core::types::{BlockRef, ChainId};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;

/// `Conflict` if a held header contradicts one of these.
pub(crate) async fn refuse_contradiction(
    db: &mut dyn Connection,
    blocks: &NewBlocks,
) -> Result<(), Fault> {
    let (Some(first), Some(last)) = (blocks.headers.first(), blocks.headers.last()) else {
        return Ok(());
    };
    // All between the first and the last are read at once: a slice near the head has every header.
    let held: Vec<BlockRef> =
        query("SELECT * FROM block_header WHERE chain = ? AND block BETWEEN ? AND ?")
            .bind(blocks.chain)
            .bound(first.number.get())
            .bound(last.number.get())
            .all(db)
            .await?;
    let held: BTreeMap<_, _> = held.into_iter().map(|held| (held.number, held)).collect();
    blocks.check_held(|number| held.get(&number).copied()).map_err(Fault::conflict)
}

/// Holds the headers, and drops those that may be forgotten.
pub(crate) async fn hold(db: &mut dyn Connection, blocks: &NewBlocks) -> Result<(), Fault> {
    hold_headers(db, blocks.chain, &blocks.headers).await?;
    query("DELETE FROM block_header WHERE chain = ? AND block < ?")
        .bind(blocks.chain)
        .bound(blocks.retain_from.get())
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn hold_headers(
    db: &mut dyn Connection,
    chain: ChainId,
    headers: &[BlockRef],
) -> Result<(), Fault> {
    let insert = "INSERT INTO block_header (chain, block, hash, parent_hash, time)";
    // One that is held already is the same: a contradiction was refused before.
    let or_keep = db.dialect().on_conflict(Conflict { key: &["chain", "block"], updates: &[] });
    bulk::write(db, insert, &or_keep, headers, |header| {
        values![chain, header.number, header.hash, header.parent_hash, header.time]
    })
    .await
}
