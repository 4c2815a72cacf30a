//! The changes of an account's balance.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::{Change, ChangeType, Leg};
use pledge_core::primitives::B256;
use pledge_core::query::{self, ChangePlace};
use pledge_core::types::{Amount, BalanceSeconds, BlockNumber, LogIndex, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::document::OfAccount;
use super::extract::{Path, Query, TokenAccountPath};
use super::json::{Eip55, Sign};
use super::page::{Page, PageKey, PageParams};
use super::problem::Problem;

/// What one transfer did to the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeView {
    change_type: ChangeType,
    /// Positive for in and mint, negative for out and burn.
    #[schema(value_type = crate::schema::SignedAmountSchema)]
    amount: String,
    balance_after: Amount,
    /// Whether `balance_after` is the balance at the end of the block, because log by log it would
    /// leave its range in between.
    netted: bool,
    /// Up to the block's time.
    balance_seconds: BalanceSeconds,
    /// Null for mint and burn.
    counterparty: Option<Eip55>,
    /// The transaction that emitted the log.
    tx_hash: B256,
    log_index: LogIndex,
    block: BlockNumber,
    block_time: Timestamp,
}

impl PageKey for ChangePlace {
    const LIST: &'static str = "changes";
}

/// Changes of an account's balance
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}/accounts/{account}/changes",
    operation_id = "changes",
    tag = "accounts",
    params(TokenAccountPath, PageParams),
    responses((status = 200, body = Page<ChangeView>), OfAccount),
)]
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
