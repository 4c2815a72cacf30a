//! Rows and the records they stand for. Nothing read from the database is trusted: a row that is not a
//! record is an error, never a guess.

mod column;
mod points;

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    Change, Checkpoint, TokenMetadata, TokenSpec, TokenState, TokenStatus, TokenTotals,
};
use pledge_core::ports::ChainState;
use pledge_core::types::{Account, BlockRef, Decimals, TokenId};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, Decode, Encode, FromRow, MySql, Row, Type};

pub(crate) use column::{Column, Sql, limit};
pub(crate) use points::{EarnerRow, FailureRow, ProgrammeRow};

use crate::error::Fault;

/// A record of core, read from a row by the names of its columns.
#[derive(Debug)]
pub(crate) struct Record<T>(pub(crate) T);

/// No value but a text needs more bytes: raw points and their length.
const VALUE_BYTES_MAX: usize = 72;

/// Values to bind, in order, and how many bytes they are at most.
#[derive(Default)]
pub(crate) struct Params {
    arguments: MySqlArguments,
    bytes: usize,
}

impl Params {
    pub(crate) fn put<'q, T: Encode<'q, MySql> + Type<MySql>>(
        &mut self,
        value: T,
    ) -> Result<&mut Self, Fault> {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        self.bytes += VALUE_BYTES_MAX;
        Ok(self)
    }

    pub(crate) fn put_text(&mut self, text: &str) -> Result<&mut Self, Fault> {
        self.bytes += text.len();
        self.put(text)
    }

    /// A small key, then accounts that belong to it.
    pub(crate) fn put_accounts(&mut self, key: u64, accounts: &[Account]) -> Result<(), Fault> {
        self.put(key)?;
        for account in accounts {
            self.put(Sql(*account))?;
        }
        Ok(())
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl From<Params> for MySqlArguments {
    fn from(params: Params) -> Self {
        params.arguments
    }
}

fn column<'r, T>(row: &'r MySqlRow, name: &str) -> sqlx::Result<T>
where
    T: Column<Stored: Decode<'r, MySql> + Type<MySql>>,
{
    row.try_get::<Sql<T>, _>(name).map(|value| value.0)
}

fn optional<'r, T>(row: &'r MySqlRow, name: &str) -> sqlx::Result<Option<T>>
where
    T: Column<Stored: Decode<'r, MySql> + Type<MySql>>,
{
    let value = row.try_get::<Option<Sql<T>>, _>(name)?;
    Ok(value.map(|value| value.0))
}

fn malformed(column: &str, source: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

impl FromRow<'_, MySqlRow> for Record<ChainState> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let (status, reason): (String, Option<String>) =
            (row.try_get("status")?, row.try_get("reason")?);
        let status = match (status.as_str(), reason) {
            ("syncing", None) => ChainStatus::Syncing,
            ("live", None) => ChainStatus::Live,
            ("paused", None) => ChainStatus::Paused,
            ("degraded", Some(reason)) => ChainStatus::Degraded(reason),
            ("halted", Some(reason)) => ChainStatus::Halted(reason),
            _ => return Err(malformed("status", format!("`{status}` is not a status"))),
        };
        Ok(Self(ChainState {
            chain: column(row, "id")?,
            name: row.try_get("name")?,
            status,
            head: optional(row, "head")?,
            processed: optional(row, "processed")?,
        }))
    }
}

impl FromRow<'_, MySqlRow> for Record<BlockRef> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self(BlockRef {
            number: column(row, "block")?,
            hash: column(row, "hash")?,
            parent_hash: column(row, "parent_hash")?,
            time: column(row, "time")?,
        }))
    }
}

/// A token and the small number that stands for it in the large tables.
#[derive(Debug)]
pub(crate) struct TokenRow {
    pub(crate) key: u64,
    pub(crate) state: TokenState,
}

impl FromRow<'_, MySqlRow> for TokenRow {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let halted: Option<String> = row.try_get("halted")?;
        let decimals = Decimals::new(column(row, "decimals")?);
        let spec = TokenSpec {
            id: TokenId { chain: column(row, "chain")?, address: column(row, "address")? },
            metadata: TokenMetadata {
                symbol: row.try_get("symbol")?,
                decimals: decimals.map_err(|e| malformed("decimals", e))?,
            },
            start_block: column(row, "start_block")?,
        };
        let state = TokenState {
            spec,
            cursor: cursor(row)?,
            start_time: optional(row, "start_time")?,
            epoch: column(row, "epoch")?,
            status: halted.map_or(TokenStatus::Active, TokenStatus::Halted),
            totals: TokenTotals {
                holders: column(row, "holders")?,
                supply: column(row, "supply")?,
                minted: column(row, "minted")?,
                burned: column(row, "burned")?,
            },
        };
        Ok(Self { key: row.try_get("id")?, state })
    }
}

fn cursor(row: &MySqlRow) -> sqlx::Result<Option<BlockRef>> {
    let Some(number) = optional(row, "cursor_block")? else {
        return Ok(None);
    };
    Ok(Some(BlockRef {
        number,
        hash: column(row, "cursor_hash")?,
        parent_hash: column(row, "cursor_parent_hash")?,
        time: column(row, "cursor_time")?,
    }))
}

impl FromRow<'_, MySqlRow> for Record<Checkpoint> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self(Checkpoint {
            balance: column(row, "balance")?,
            balance_seconds: column(row, "balance_seconds")?,
            time: column(row, "time")?,
            block: column(row, "block")?,
        }))
    }
}

impl FromRow<'_, MySqlRow> for Record<(Account, Checkpoint)> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let Record(checkpoint) = Record::from_row(row)?;
        Ok(Self((column(row, "account")?, checkpoint)))
    }
}

impl FromRow<'_, MySqlRow> for Record<Change> {
    fn from_row(row: &MySqlRow) -> sqlx::Result<Self> {
        let change = Change {
            account: column(row, "account")?,
            change_type: column(row, "change_type")?,
            amount: column(row, "amount")?,
            balance_after: column(row, "balance_after")?,
            balance_seconds: column(row, "balance_seconds")?,
            counterparty: optional(row, "counterparty")?,
            tx_hash: column(row, "tx_hash")?,
            block: column(row, "block")?,
            time: column(row, "time")?,
            log_index: column(row, "log_index")?,
        };
        if change.change_type.leg() != column(row, "leg")? {
            return Err(malformed("leg", "another leg than that of the change type"));
        }
        Ok(Self(change))
    }
}
