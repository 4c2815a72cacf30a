//! The logs that are kept of a contract.

use super::{ATTEMPTS_MAX, Page, Queries, QueryError};
use crate::logs::{ConfirmedLog, ContractState};
use crate::moving::while_ledger_moves;
use crate::ports::ContractLogsQuery;
use crate::types::{BlockNumber, LogIndex};

/// A page of a contract's logs, and the state of the contract that has exactly these logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractLogs {
    /// The contract, at the cursor of the page.
    pub contract: ContractState,
    /// Its logs, in the order asked for.
    pub page: Page<ConfirmedLog, (BlockNumber, LogIndex)>,
}

impl ContractLogs {
    /// A page of a contract's logs; `None` if the contract is unknown.
    pub async fn read(
        queries: &Queries,
        query: &ContractLogsQuery,
    ) -> Result<Option<Self>, QueryError> {
        if queries.logs.contract(&query.contract).await?.is_none() {
            return Ok(None);
        }
        let and_one = ContractLogsQuery { limit: query.limit.saturating_add(1), ..query.clone() };
        let attempt = || async {
            let read = queries.logs.contract_logs(&and_one).await?;
            let contract = queries.logs.contract(&query.contract).await?;
            // A page of another cursor may have more logs, or fewer, than the contract counts.
            let contract = contract.filter(|s| (s.cursor, s.epoch) == (read.cursor, read.epoch));
            let contract = contract.ok_or_else(QueryError::moved)?;
            let place = |log: &ConfirmedLog| (log.log.block, log.log.log_index);
            Ok(Self { contract, page: Page::cut(read.value, query.limit, place) })
        };
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await.map(Some)
    }
}
