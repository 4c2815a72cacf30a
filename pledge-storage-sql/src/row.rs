//! Rows and the records in them. Nothing read from a database is trusted: a row that is not a
//! record is an error, never a guess.

mod points;

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    Change, Checkpoint, SupplyCheck, TokenMetadata, TokenSpec, TokenState, TokenStatus, TokenTotals,
};
use pledge_core::ports::ChainState;
use pledge_core::types::{Account, BlockRef, Decimals, TokenId};

pub(crate) use points::{DecisionRow, EntryRow, FailureRow, ProgrammeRow};

use crate::column::Column;
use crate::connection::Row;
use crate::fault::Fault;

/// A record, read from a row by the names of its columns.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &dyn Row) -> Result<Self, Fault>;
}

impl dyn Row + '_ {
    /// A column that always has a value.
    pub(crate) fn get<T: Column>(&self, name: &str) -> Result<T, Fault> {
        self.find(name)?.ok_or_else(|| Fault::malformed(name, "null"))
    }

    /// A column that may be null.
    pub(crate) fn find<T: Column>(&self, name: &str) -> Result<Option<T>, Fault> {
        T::read(self, name)
    }
}

impl FromRow for ChainState {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let (status, reason): (String, _) = (row.get("status")?, row.find("reason")?);
        let status = ChainStatus::from_parts(&status, reason, row.find("halt_reason")?)
            .map_err(|error| Fault::malformed("status", error))?;
        Ok(Self {
            chain: row.get("id")?,
            name: row.get("name")?,
            status,
            head: row.find("head")?,
            head_time: row.find("head_time")?,
            processed: row.find("processed")?,
        })
    }
}

impl FromRow for BlockRef {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            number: row.get("block")?,
            hash: row.get("hash")?,
            parent_hash: row.get("parent_hash")?,
            time: row.get("time")?,
        })
    }
}

/// A token and the small number that is its key in the large tables.
#[derive(Debug)]
pub(crate) struct TokenRow {
    pub(crate) key: u64,
    pub(crate) state: TokenState,
}

impl FromRow for TokenRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        // `find` only where `NULL` has a meaning; all else that is missing or wrong is an error.
        let decimals = Decimals::new(row.get("decimals")?);
        let spec = TokenSpec {
            id: TokenId { chain: row.get("chain")?, address: row.get("address")? },
            metadata: TokenMetadata {
                symbol: row.get("symbol")?,
                decimals: decimals.map_err(|error| Fault::malformed("decimals", error))?,
            },
            start_block: row.get("start_block")?,
        };
        let state = TokenState {
            spec,
            cursor: cursor(row)?,
            start_time: row.find("start_time")?,
            epoch: row.get("epoch")?,
            rewinds_by_operator: row.get("rewinds_by_person")?,
            status: token_status(row)?,
            totals: TokenTotals {
                holders: row.get("holders")?,
                supply: row.get("supply")?,
                minted: row.get("minted")?,
                burned: row.get("burned")?,
            },
            unreadable_logs: row.get("unreadable_logs")?,
            supply_check: supply_check(row)?,
            supply_unanswered: row.find("supply_unanswered")?,
        };
        Ok(Self { key: row.get("id")?, state })
    }
}

fn token_status(row: &dyn Row) -> Result<TokenStatus, Fault> {
    let (reason, is_paused) = (row.find("halted")?, row.get("paused")?);
    match (reason, is_paused, row.find("halt_reason")?) {
        (None, false, None) => Ok(TokenStatus::Active),
        (Some(reason), false, None) => Ok(TokenStatus::Halted(reason)),
        (reason, true, None) => Ok(TokenStatus::Paused(reason)),
        (pause, true, Some(halt)) => Ok(TokenStatus::PausedAndHalted { pause, halt }),
        (_, false, Some(_)) => Err(Fault::malformed("halt_reason", "the token is not paused")),
    }
}

/// The cursor of a token or a contract, if it has one.
pub(crate) fn cursor(row: &dyn Row) -> Result<Option<BlockRef>, Fault> {
    let Some(number) = row.find("cursor_block")? else {
        return Ok(None);
    };
    Ok(Some(BlockRef {
        number,
        hash: row.get("cursor_hash")?,
        parent_hash: row.get("cursor_parent_hash")?,
        time: row.get("cursor_time")?,
    }))
}

fn supply_check(row: &dyn Row) -> Result<Option<SupplyCheck>, Fault> {
    let Some(block) = row.find("supply_block")? else {
        return Ok(None);
    };
    Ok(Some(SupplyCheck {
        block,
        time: row.get("supply_time")?,
        ledger: row.get("supply_ledger")?,
        on_chain: row.get("supply_on_chain")?,
    }))
}

impl FromRow for Checkpoint {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            balance: row.get("balance")?,
            balance_seconds: row.get("balance_seconds")?,
            time: row.get("time")?,
            block: row.get("block")?,
        })
    }
}

impl FromRow for (Account, Checkpoint) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok((row.get("account")?, Checkpoint::from_row(row)?))
    }
}

impl FromRow for Change {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let change = Self {
            account: row.get("account")?,
            change_type: row.get("change_type")?,
            amount: row.get("amount")?,
            balance_after: row.get("balance_after")?,
            balance_seconds: row.get("balance_seconds")?,
            counterparty: row.find("counterparty")?,
            tx_hash: row.get("tx_hash")?,
            block: row.get("block")?,
            time: row.get("time")?,
            log_index: row.get("log_index")?,
            netted: row.get("netted")?,
        };
        if change.change_type.leg() != row.get("leg")? {
            return Err(Fault::malformed("leg", "another leg than that of the change type"));
        }
        Ok(change)
    }
}
