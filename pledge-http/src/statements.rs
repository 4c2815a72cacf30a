//! The rows that sum to an account's settled points.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::{Statement, StatementKind, StatementPlace};
use pledge_core::query::{ProgrammeChoice, StatementList};
use pledge_core::types::{Epoch, Scale, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::OfAccountAndProgramme;
use super::extract::{Limit, Path, Query, TokenAccountPath};
use super::json::Sign;
use super::page::{self, Page, PageKey};
use super::problem::Problem;

/// What the account was credited for one window, or what one rewind took back from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
pub(super) struct StatementView {
    /// The first second of the window.
    window_start: Timestamp,
    /// The first second after it.
    window_end: Timestamp,
    /// `earned`, or `reversed` for a row that takes back everything listed from `window_start` on.
    kind: StatementKind,
    /// The number of rewinds of the ledger when it was computed, or before it was taken back.
    epoch: Epoch,
    /// Negative for a `reversed` row.
    #[schema(value_type = crate::schema::SignedPointsSchema)]
    points: String,
    #[schema(value_type = crate::schema::SignedRawPointsSchema)]
    points_raw: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

impl PageKey for StatementPlace {
    const LIST: &'static str = "statements as published";
}

/// Statements of an account
///
/// What it was credited and what was taken back, in the order of publication: each window in which it
/// earned something or its balance changed. The rows sum to its settled points.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}/accounts/{account}/statements",
    operation_id = "statements",
    tag = "points",
    params(TokenAccountPath, Params),
    responses((status = 200, body = Page<StatementView>), OfAccountAndProgramme),
)]
pub(super) async fn list(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Page<StatementView>>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let page = page::query(params.cursor.as_deref(), params.limit)?;
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let read = StatementList::read(&api.queries, token, account, programme, page);
    let StatementList { scale, page } = read.await?;
    Ok(Json(Page::show(page, |row| view(&row, scale))))
}

fn view(row: &Statement, scale: Scale) -> StatementView {
    let sign = match row.kind {
        StatementKind::Earned => Sign::Plus,
        StatementKind::Reversed => Sign::Minus,
    };
    StatementView {
        window_start: row.window.start,
        window_end: row.window.end,
        kind: row.kind,
        epoch: row.epoch,
        points: sign.of(scale.points(row.raw)),
        points_raw: sign.of(row.raw),
    }
}
