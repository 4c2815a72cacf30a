//! The changes of an account's balance.

use serde::{Deserialize, Serialize};

use super::{Page, PageQuery, Queries, QueryError};
use crate::ledger::{Change, ChangeType};
use crate::ports::ChangesQuery;
use crate::types::{Account, BlockNumber, LogIndex, TokenId};

/// A change's place among those of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePlace {
    /// Its block, newest first.
    pub block: BlockNumber,
    /// Its log within the block, last first.
    pub log_index: LogIndex,
    /// Distinguishes the two changes of a self-transfer.
    pub change_type: ChangeType,
}

impl ChangePlace {
    const fn of(change: &Change) -> Self {
        let Change { block, log_index, change_type, .. } = change;
        Self { block: *block, log_index: *log_index, change_type: *change_type }
    }
}

impl Page<Change, ChangePlace> {
    /// An account's changes, newest first, after a place of the list. An account without any has an
    /// empty list; a token without a confirmed block is an error.
    pub async fn read(
        queries: &Queries,
        token: TokenId,
        account: Account,
        page: PageQuery<ChangePlace>,
    ) -> Result<Self, QueryError> {
        queries.token(token).await?;
        let query = ChangesQuery {
            token,
            account,
            before: page.after.map(|place| (place.block, place.log_index, place.change_type.leg())),
            limit: page.rows(),
        };
        let changes = queries.ledger.changes(&query).await?.value;
        // Only a first page that is empty can be that of a token without a confirmed block.
        if changes.is_empty() && page.after.is_none() {
            queries.account(token, account, None, None).await?;
        }
        Ok(Self::cut(changes, page.limit, ChangePlace::of))
    }
}
