//! Rows of programmes, progress and points.

use pledge_core::ledger::Checkpoint;
use pledge_core::points::{BatchSpan, Programme};
use pledge_core::ports::{BatchFailure, ShardProgress, ShardRun, Statement, WindowTotal};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, Epoch, ProgrammeId, RawPoints, ShardId, TokenId, Window};
use sqlx::mysql::MySqlRow;
use sqlx::{FromRow, Row};

use super::{Record, column, malformed, optional};

/// A programme and the small number that stands for it in the large tables.
#[derive(Debug)]
pub(crate) struct ProgrammeRow {
    pub(crate) key: u64,
    pub(crate) programme: Programme,
}

impl ProgrammeRow {
    /// The programme in a row, whose token is known from the query.
    pub(crate) fn of_token(token: TokenId, row: &MySqlRow) -> sqlx::Result<Self> {
        let id = ProgrammeId::new(token, row.try_get("name")?);
        let programme = Programme {
            id: id.map_err(|e| malformed("name", e))?,
            rates: column(row, "rates")?,
            window: column(row, "window_seconds")?,
            shards: column(row, "shards")?,
        };
        Ok(Self { key: row.try_get("id")?, programme })
    }
}

impl FromRow<'_, MySqlRow> for Record<ShardProgress> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let run = match optional(row, "run_from")? {
            None => None,
            Some(from) => Some(ShardRun {
                from,
                to: column(row, "run_to")?,
                through: optional(row, "run_through")?,
                scanned: column(row, "run_scanned")?,
                failures: Vec::new(),
            }),
        };
        Ok(Self(ShardProgress {
            shard: column(row, "shard")?,
            settled: optional(row, "settled")?,
            run,
        }))
    }
}

/// A failed batch, without what it shares with the run that it belongs to.
#[derive(Debug)]
pub(crate) struct FailureRow {
    pub(crate) shard: ShardId,
    epoch: Epoch,
    span: BatchSpan,
    attempts: u32,
    reason: String,
}

impl FailureRow {
    /// The zero address, which is no account, stands for a span from the start of its shard.
    pub(crate) fn span_after(span: BatchSpan) -> Address {
        span.after.map(Account::address).unwrap_or_default()
    }

    /// The failure as part of its run.
    pub(crate) fn of_run(self, programme: &ProgrammeId, run: &ShardRun) -> BatchFailure {
        BatchFailure {
            programme: programme.clone(),
            epoch: self.epoch,
            shard: self.shard,
            from: run.from,
            to: run.to,
            span: self.span,
            attempts: self.attempts,
            reason: self.reason,
        }
    }
}

impl FromRow<'_, MySqlRow> for FailureRow {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self {
            shard: column(row, "shard")?,
            epoch: column(row, "epoch")?,
            span: BatchSpan {
                after: Account::new(column(row, "span_after")?),
                through: optional(row, "span_through")?,
            },
            attempts: column(row, "attempts")?,
            reason: row.try_get("reason")?,
        })
    }
}

impl FromRow<'_, MySqlRow> for Record<WindowTotal> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let blocks = optional(row, "first_block")?.zip(optional(row, "last_block")?);
        Ok(Self(WindowTotal {
            start: column(row, "window_start")?,
            accounts: column(row, "accounts")?,
            raw: column(row, "raw")?,
            blocks,
        }))
    }
}

impl FromRow<'_, MySqlRow> for Record<(Account, RawPoints)> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self((column(row, "account")?, column(row, "raw")?)))
    }
}

/// An account's total beside its newest state in the ledger, if it has one.
#[derive(Debug)]
pub(crate) struct EarnerRow {
    pub(crate) account: Account,
    pub(crate) raw: RawPoints,
    pub(crate) newest: Option<Checkpoint>,
}

impl FromRow<'_, MySqlRow> for EarnerRow {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let Record((account, raw)) = Record::from_row(row)?;
        let newest = match row.try_get::<Option<u64>, _>("block")? {
            None => None,
            Some(_) => Some(Record::from_row(row)?.0),
        };
        Ok(Self { account, raw, newest })
    }
}

impl FromRow<'_, MySqlRow> for Record<Statement> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self(Statement {
            account: column(row, "account")?,
            window: Window { start: column(row, "window_start")?, end: column(row, "window_end")? },
            epoch: column(row, "epoch")?,
            raw: column(row, "raw")?,
            kind: column(row, "reversed")?,
        }))
    }
}
