//! The blocks of a write and their headers, which belong to the chain: the same for every kind of
//! write.

use std::collections::BTreeMap;

use pledge_core::ports::NewBlocks;
use pledge_core::types::{BlockRef, BlockSpan, ChainId};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;

/// `Conflict` if a held header contradicts one of these, or the block that confirms them is not held.
pub(crate) async fn refuse_contradiction(
    db: &mut dyn Connection,
    blocks: &NewBlocks,
) -> Result<(), Fault> {
    // All between the first and the last are read at once: a slice near the head has every header.
    let given = blocks.headers.first().zip(blocks.headers.last());
    let spans = [
        given.map(|(first, last)| BlockSpan { first: first.number, last: last.number }),
        blocks.confirmed_by.map(|by| BlockSpan::one(by.number)),
    ];
    let mut held = BTreeMap::new();
    for span in spans.into_iter().flatten() {
        let read: Vec<BlockRef> =
            query("SELECT * FROM block_header WHERE chain = ? AND block BETWEEN ? AND ?")
                .bind(blocks.chain)
                .bound(span.first.get())
                .bound(span.last.get())
                .all(db)
                .await?;
        held.extend(read.into_iter().map(|held| (held.number, held)));
    }
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
