//! The rows that sum to an account's settled points.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::{Statement, StatementKind, StatementPlace};
use pledge_core::types::{Epoch, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Limit, Path, Query, TokenAccountPath};
use super::json::Sign;
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use super::read::ProgrammeName;

#[derive(Debug, Serialize)]
pub(super) struct StatementView {
    window_start: Timestamp,
    window_end: Timestamp,
    /// `earned`, or `reversed` for a row that takes back everything listed from `window_start` on.
    kind: StatementKind,
    /// The number of rewinds of the ledger when it was computed, or before it was taken back.
    epoch: Epoch,
    /// Negative for a `reversed` row.
    points: String,
    points_raw: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    programme: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

impl PageKey for StatementPlace {
    const LIST: &'static str = "statements as published";
}

/// What an account was credited and what was taken back, in the order of publication: each window
/// in which it earned something or its balance changed. The rows sum to its settled points.
pub(super) async fn list(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Page<StatementView>>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let after: Option<StatementPlace> = page::decode(params.cursor.as_deref())?;
    let state = api.queries.token(token).await?;
    let name = ProgrammeName::asked(params.programme.as_ref());
    let programme = name.require(&api, token).await?.programme.id;
    let count = params.limit.and_one();
    let rows = api.queries.statements(&programme, account, after, count).await?;
    if rows.is_empty() && after.is_none() {
        // An account without rows gets an empty list; a token without a confirmed block is an
        // error.
        api.queries.account(token, account, None, None).await?;
    }
    let scale = Scale::of(state.spec.metadata.decimals);
    let page = Page::cut(rows, params.limit, Statement::place);
    Ok(Json(page.map(|row| view(&row, scale))))
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
