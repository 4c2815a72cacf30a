//! The changes of an account's balance.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::{Change, ChangeType, Leg};
use pledge_core::primitives::B256;
use pledge_core::query::{self, ChangePlace};
use pledge_core::types::{Amount, BalanceSeconds, BlockNumber, LogIndex, Timestamp};
use serde::Serialize;

use super::Api;
use super::extract::{Path, Query, TokenAccountPath};
use super::json::{Eip55, Sign};
use super::page::{Page, PageKey, PageParams};
use super::problem::Problem;

#[derive(Debug, Serialize)]
pub(super) struct ChangeView {
    change_type: ChangeType,
    /// Positive for in and mint, negative for out and burn.
    amount: String,
    balance_after: Amount,
    /// Whether `balance_after` is the balance at the end of the block, because log by log it would
    /// leave its range in between.
    netted: bool,
    balance_seconds: BalanceSeconds,
    /// Null for mint and burn.
    counterparty: Option<Eip55>,
    tx_hash: B256,
    log_index: LogIndex,
    block: BlockNumber,
    block_time: Timestamp,
}

impl PageKey for ChangePlace {
    const LIST: &'static str = "changes";
}

/// The account's changes, newest first.
pub(super) async fn list(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<ChangeView>>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let page = query::Page::read(&api.queries, token, account, params.query()?).await?;
    Ok(Json(Page::show(page, view)))
}

fn view(change: Change) -> ChangeView {
    let sign = match change.change_type.leg() {
        Leg::In => Sign::Plus,
        Leg::Out => Sign::Minus,
    };
    ChangeView {
        change_type: change.change_type,
        amount: sign.of(change.amount),
        balance_after: change.balance_after,
        netted: change.netted,
        balance_seconds: change.balance_seconds,
        counterparty: change.counterparty.map(|other| Eip55(other.address())),
        tx_hash: change.tx_hash,
        log_index: change.log_index,
        block: change.block,
        block_time: change.time,
    }
}
