//! Rows that wait to be written together.

use async_trait::async_trait;
use pledge_core::audit::AuditRecord;
use pledge_core::event::SequencedEvent;
use pledge_core::ledger::{Change, Checkpoint, UnreadableLog};
use pledge_core::points::{AccountEntry, WindowRow};
use pledge_core::ports::Statement;
use pledge_core::types::{Account, BlockRef, ChainId, RawPoints, ShardId};

use crate::commit::{add_changes, save_states};
use crate::connection::Connection;
use crate::earnings::{add_statements, save_totals, save_windows};
use crate::events::add_events;
use crate::fault::Fault;
use crate::new_blocks::hold_headers;
use crate::{audit, decision_log, unreadable};

const ROWS_MAX: usize = 1_024;

/// A row of a large table, where rows of one owner are adjacent.
#[async_trait]
pub(super) trait Stored: Sized {
    type Owner: Copy + PartialEq + Send;

    async fn write(
        db: &mut dyn Connection,
        owner: Self::Owner,
        rows: Vec<Self>,
    ) -> Result<(), Fault>;
}

/// Rows of one owner.
pub(super) struct Rows<T: Stored> {
    owner: Option<T::Owner>,
    rows: Vec<T>,
}

impl<T: Stored> Default for Rows<T> {
    fn default() -> Self {
        Self { owner: None, rows: Vec::new() }
    }
}

impl<T: Stored> Rows<T> {
    /// Writes what waits, if the next row is another owner's or enough wait.
    pub(super) async fn push(
        &mut self,
        db: &mut dyn Connection,
        owner: T::Owner,
        row: T,
    ) -> Result<(), Fault> {
        if self.owner != Some(owner) || self.rows.len() == ROWS_MAX {
            self.flush(db).await?;
        }
        self.owner = Some(owner);
        self.rows.push(row);
        Ok(())
    }

    pub(super) async fn flush(&mut self, db: &mut dyn Connection) -> Result<(), Fault> {
        match self.owner.take() {
            Some(owner) => T::write(db, owner, std::mem::take(&mut self.rows)).await,
            None => Ok(()),
        }
    }
}

/// What an owner is, and how its rows are written.
macro_rules! stored {
    ($($row:ty, of $owner:ty: |$db:ident, $key:ident, $rows:ident| $write:expr;)*) => {$(
        #[async_trait]
        impl Stored for $row {
            type Owner = $owner;

            async fn write(
                $db: &mut dyn Connection,
                $key: $owner,
                $rows: Vec<Self>,
            ) -> Result<(), Fault> {
                $write
            }
        }
    )*};
}

stored! {
    BlockRef, of ChainId: |db, chain, rows| hold_headers(db, chain, &rows).await;
    UnreadableLog, of u64: |db, token, rows| unreadable::add(db, token, &rows).await;
    Change, of u64: |db, token, rows| add_changes(db, token, &rows).await;
    (Account, Checkpoint), of u64: |db, token, rows| {
        save_states(db, token, &rows.into_iter().collect()).await
    };
    (ShardId, WindowRow), of u64: |db, programme, rows| {
        save_windows(db, programme, &rows, "").await
    };
    (Account, RawPoints), of u64: |db, programme, rows| save_totals(db, programme, &rows).await;
    Statement, of u64: |db, programme, rows| add_statements(db, programme, &rows).await;
    AccountEntry, of (): |db, _owner, rows| decision_log::add_entries(db, &rows).await;
    AuditRecord, of (): |db, _owner, rows| audit::add(db, &rows).await;
    SequencedEvent, of (): |db, _owner, rows| add_events(db, &rows).await;
}
