//! Tables in the order of their keys, a page at a time.

use async_trait::async_trait;
use pledge_core::archive::ArchiveRecord;
use pledge_core::audit::AuditNumber;
use pledge_core::event::EventSeq;
use pledge_core::ledger::UnreadableLog;
use pledge_core::points::WindowRow;
use pledge_core::ports::{Statement, StatementKind};
use pledge_core::primitives::Address;
use pledge_core::types::{
    Account, BlockNumber, BlockRef, ChainId, Epoch, ProgrammeId, RawPoints, ShardId, Timestamp,
};

use crate::audit;
use crate::connection::Connection;
use crate::events;
use crate::fault::Fault;
use crate::query::query;
use crate::row::{ProgrammeRow, TokenRow};
use crate::unreadable;

pub(super) const PAGE_ROWS: usize = 1_024;

/// A part of an archive. A page begins behind the last.
#[async_trait]
pub(super) trait Pages: Send {
    /// The next page; an empty one ends the part.
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault>;
}

pub(super) struct Headers {
    chain: ChainId,
    after: Option<BlockNumber>,
}

impl Headers {
    pub(super) const fn new(chain: ChainId) -> Self {
        Self { chain, after: None }
    }
}

#[async_trait]
impl Pages for Headers {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let chain = self.chain;
        let page: Vec<BlockRef> = query(
            "SELECT * FROM block_header WHERE chain = ? AND block >= ? ORDER BY block LIMIT ?",
        )
        .bind(chain)
        .bound(self.after.map_or(0, |after| after.next().get()))
        .limit(PAGE_ROWS)
        .all(db)
        .await?;
        self.after = page.last().map(|block| block.number).or(self.after);
        Ok(page.into_iter().map(|block| ArchiveRecord::Header { chain, block }).collect())
    }
}

pub(super) struct Unreadable<'a> {
    token: &'a TokenRow,
    after: Option<UnreadableLog>,
}

impl<'a> Unreadable<'a> {
    pub(super) const fn new(token: &'a TokenRow) -> Self {
        Self { token, after: None }
    }
}

#[async_trait]
impl Pages for Unreadable<'_> {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let after = self.after.map(|log| log.place());
        let page = unreadable::page(db, self.token, after, PAGE_ROWS).await?;
        self.after = page.last().copied().or(self.after);
        let token = self.token.state.spec.id;
        Ok(page.into_iter().map(|log| ArchiveRecord::UnreadableLog { token, log }).collect())
    }
}

pub(super) struct Windows {
    key: u64,
    programme: ProgrammeId,
    after: Option<(ShardId, Timestamp)>,
}

impl Windows {
    pub(super) fn new(row: &ProgrammeRow) -> Self {
        Self { key: row.key, programme: row.programme.id.clone(), after: None }
    }
}

#[async_trait]
impl Pages for Windows {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let (shard, next_start) = self
            .after
            .map_or((ShardId::new(0), 0), |(shard, start)| (shard, start.get().saturating_add(1)));
        let page: Vec<(ShardId, WindowRow)> = query(
            "SELECT * FROM settlement_window WHERE programme = ? AND shard >= ? \
             AND (shard > ? OR window_start >= ?) ORDER BY shard, window_start LIMIT ?",
        )
        .bind(self.key)
        .bind(shard)
        .bind(shard)
        .bound(next_start)
        .limit(PAGE_ROWS)
        .all(db)
        .await?;
        self.after = page.last().map(|(shard, row)| (*shard, row.total.start)).or(self.after);
        let programme = || self.programme.clone();
        let record = |(shard, row)| ArchiveRecord::Window { programme: programme(), shard, row };
        Ok(page.into_iter().map(record).collect())
    }
}

pub(super) struct Totals {
    key: u64,
    programme: ProgrammeId,
    after: Address,
}

impl Totals {
    /// The zero address is no account's.
    pub(super) fn new(row: &ProgrammeRow) -> Self {
        Self { key: row.key, programme: row.programme.id.clone(), after: Address::ZERO }
    }
}

#[async_trait]
impl Pages for Totals {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let page: Vec<(Account, RawPoints)> = query(
            "SELECT * FROM user_points WHERE programme = ? AND account > ? \
             ORDER BY account LIMIT ?",
        )
        .bind(self.key)
        .bind(self.after)
        .limit(PAGE_ROWS)
        .all(db)
        .await?;
        self.after = page.last().map_or(self.after, |(account, _)| account.address());
        let record = |(account, raw)| ArchiveRecord::Total {
            programme: self.programme.clone(),
            account,
            raw,
        };
        Ok(page.into_iter().map(record).collect())
    }
}

pub(super) struct Statements {
    key: u64,
    programme: ProgrammeId,
    after: Option<(Account, StatementKind, Epoch, Timestamp)>,
}

impl Statements {
    pub(super) fn new(row: &ProgrammeRow) -> Self {
        Self { key: row.key, programme: row.programme.id.clone(), after: None }
    }

    /// The rest of the account that the last page ended in.
    async fn rest(&self, db: &mut dyn Connection) -> Result<Vec<Statement>, Fault> {
        let Some((account, kind, epoch, start)) = self.after else {
            return Ok(Vec::new());
        };
        let rows = |range| {
            let order = "ORDER BY reversed, epoch, window_start LIMIT ?";
            let select = "SELECT * FROM user_points_change WHERE programme = ? AND account = ? AND";
            query(format!("{select} {range} {order}")).bind(self.key).bind(account)
        };
        // Each is one range of the index. One condition with `OR` would read the account from its
        // start.
        let ranges = [
            rows("reversed = ? AND epoch = ? AND window_start > ?")
                .bind(kind)
                .bind(epoch)
                .bind(start),
            rows("reversed = ? AND epoch > ?").bind(kind).bind(epoch),
            rows("reversed > ?").bind(kind),
        ];
        let mut rest: Vec<Statement> = Vec::new();
        for range in ranges {
            if rest.len() < PAGE_ROWS {
                rest.extend(range.limit(PAGE_ROWS - rest.len()).all(db).await?);
            }
        }
        Ok(rest)
    }
}

#[async_trait]
impl Pages for Statements {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let mut page = self.rest(db).await?;
        let others: Vec<Statement> = query(
            "SELECT * FROM user_points_change WHERE programme = ? AND account > ? \
             ORDER BY account, reversed, epoch, window_start LIMIT ?",
        )
        .bind(self.key)
        .bind(self.after.map_or(Address::ZERO, |(account, ..)| account.address()))
        .limit(PAGE_ROWS - page.len())
        .all(db)
        .await?;
        page.extend(others);
        let place = |row: &Statement| (row.account, row.kind, row.epoch, row.window.start);
        self.after = page.last().map(place).or(self.after);
        let record =
            |statement| ArchiveRecord::Statement { programme: self.programme.clone(), statement };
        Ok(page.into_iter().map(record).collect())
    }
}

#[derive(Default)]
pub(super) struct Audit {
    after: AuditNumber,
}

#[async_trait]
impl Pages for Audit {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let page = audit::after(db, self.after, PAGE_ROWS).await?;
        self.after = page.last().map_or(self.after, |record| record.number);
        Ok(page.into_iter().map(|record| ArchiveRecord::Audit(Box::new(record))).collect())
    }
}

#[derive(Default)]
pub(super) struct Events {
    after: EventSeq,
}

#[async_trait]
impl Pages for Events {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let page = events::after(db, self.after, PAGE_ROWS).await?;
        self.after = page.last().map_or(self.after, |event| event.sequence);
        Ok(page.into_iter().map(ArchiveRecord::Event).collect())
    }
}
