//! The rows from which an account's settled points can be audited.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::{Statement, StatementKind};
use pledge_core::types::{Epoch, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Limit, Path, Query, TokenAccountPath};
use super::json::Sign;
use super::page::{self, Page, Place};
use super::problem::Problem;
use super::read::ProgrammeName;

#[derive(Debug, Serialize)]
pub(super) struct StatementView {
    window_start: Timestamp,
    window_end: Timestamp,
    /// `earned`, or `reversed` for a row that takes back one of the same window and epoch.
    kind: RowKind,
    /// How often the ledger had been rewound when it was computed.
    epoch: Epoch,
    /// Negative if it takes back.
    points: String,
    points_raw: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowKind {
    Earned,
    Reversed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    programme: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementPlace {
    window_start: Timestamp,
    epoch: Epoch,
    kind: RowKind,
}

impl Place for StatementPlace {
    const LIST: &'static str = "statements";
}

/// Every row written for an account, those taken back included, oldest window first. Windows in which
/// its balance stood still have no row.
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
    let mut rows = api.queries.points().statements(&programme, account).await?;
    if rows.is_empty() {
        // No window of its settled yet, or an account that was never seen: that is an error.
        api.queries.account(token, account, None, None).await?;
    }
    rows.retain(|row| after.as_ref().is_none_or(|after| place(row) > *after));
    rows.truncate(params.limit.and_one());
    let scale = Scale::of(state.spec.metadata.decimals);
    let page = Page::cut(rows, params.limit, place);
    Ok(Json(page.map(|row| view(&row, scale))))
}

const fn kind_of(row: &Statement) -> RowKind {
    match row.kind {
        StatementKind::Earned => RowKind::Earned,
        StatementKind::Reversed => RowKind::Reversed,
    }
}

const fn place(row: &Statement) -> StatementPlace {
    StatementPlace { window_start: row.window.start, epoch: row.epoch, kind: kind_of(row) }
}

fn view(row: &Statement, scale: Scale) -> StatementView {
    let sign = match row.kind {
        StatementKind::Earned => Sign::Plus,
        StatementKind::Reversed => Sign::Minus,
    };
    StatementView {
        window_start: row.window.start,
        window_end: row.window.end,
        kind: kind_of(row),
        epoch: row.epoch,
        points: sign.of(scale.points(row.raw)),
        points_raw: sign.of(row.raw),
    }
}
