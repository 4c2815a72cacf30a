//! Rows of programmes, progress and points.

use pledge_core::points::{BatchSpan, Holding, Programme, WindowRow};
use pledge_core::ports::{BatchFailure, ShardProgress, ShardRun, Statement, WindowTotal};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, Epoch, ProgrammeId, RawPoints, ShardId, TokenId, Window};

use super::FromRow;
use crate::connection::Row;
use crate::fault::Fault;

/// A programme and the small number that is its key in the large tables.
#[derive(Debug)]
pub(crate) struct ProgrammeRow {
    pub(crate) key: u64,
    pub(crate) programme: Programme,
}

impl ProgrammeRow {
    /// The programme in a row, whose token is known from the query.
    pub(crate) fn of_token(token: TokenId, row: &dyn Row) -> Result<Self, Fault> {
        let id = ProgrammeId::new(token, &row.get::<String>("name")?);
        let programme = Programme {
            id: id.map_err(|error| Fault::malformed("name", error))?,
            rates: row.get("rates")?,
            window: row.get("window_seconds")?,
            shards: row.get("shards")?,
        };
        Ok(Self { key: row.get("id")?, programme })
    }
}

impl FromRow for ShardProgress {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let run = match row.find("run_from")? {
            None => None,
            Some(from) => Some(ShardRun {
                from,
                to: row.get("run_to")?,
                through: row.find("run_through")?,
                scanned: row.get("run_scanned")?,
                failures: Vec::new(),
            }),
        };
        let (settled, published) = (row.find("settled")?, row.find("published")?);
        Ok(Self { shard: row.get("shard")?, settled, run, published })
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
    /// The zero address, which is no account, means a span from the start of its shard.
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

impl FromRow for FailureRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            shard: row.get("shard")?,
            epoch: row.get("epoch")?,
            span: BatchSpan {
                after: Account::new(row.get("span_after")?),
                through: row.find("span_through")?,
            },
            attempts: row.get("attempts")?,
            reason: row.get("reason")?,
        })
    }
}

impl FromRow for (ShardId, WindowRow) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let total = WindowTotal {
            start: row.get("window_start")?,
            accounts: row.get("accounts")?,
            raw: row.get("raw")?,
            blocks: row.find("first_block")?.zip(row.find("last_block")?),
        };
        let closing = Holding { holders: row.get("holders")?, balance: row.get("balance")? };
        Ok((row.get("shard")?, WindowRow { total, closing }))
    }
}

impl FromRow for (Account, RawPoints) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok((row.get("account")?, row.get("raw")?))
    }
}

impl FromRow for Statement {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            account: row.get("account")?,
            window: Window { start: row.get("window_start")?, end: row.get("window_end")? },
            epoch: row.get("epoch")?,
            raw: row.get("raw")?,
            kind: row.get("reversed")?,
            balance: row.get("balance")?,
        })
    }
}
