//! Who did what.

use axum::Json;
use axum::extract::State;
use pledge_core::audit::{Action, Actor, AuditNumber, AuditObject, AuditRecord};
use pledge_core::ports::AuditQuery;
use pledge_core::query;
use pledge_core::types::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::document::OfAdminList;
use crate::extract::{Limit, Query};
use crate::page::{self, Page, PageKey};
use crate::problem::Problem;

/// What one person or program did, once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub(crate) struct AuditView {
    /// Ascending in the order in which records become visible, with gaps.
    #[schema(value_type = crate::schema::CountSchema)]
    pub(super) number: AuditNumber,
    /// When, by a clock of the actor's side.
    pub(super) at: Timestamp,
    /// Who: what vouches for the name, a colon, and the name.
    #[schema(value_type = crate::schema::ActorSchema)]
    pub(super) actor: String,
    /// What was done.
    #[schema(value_type = crate::schema::ActionSchema)]
    pub(super) action: String,
    /// To what: its kind, a colon, and its id.
    #[schema(value_type = crate::schema::ObjectSchema)]
    pub(super) object: String,
    /// Why, in the actor's words.
    pub(super) reason: Option<String>,
    /// The request that asked for it.
    pub(super) request_id: Option<String>,
    /// Where the request came from.
    pub(super) address: Option<String>,
    /// What the write found.
    #[schema(value_type = Option<crate::schema::SnapshotSchema>)]
    pub(super) before: Option<serde_json::Value>,
    /// What it left.
    #[schema(value_type = Option<crate::schema::SnapshotSchema>)]
    pub(super) after: Option<serde_json::Value>,
}

impl AuditView {
    pub(super) fn of(record: AuditRecord) -> Self {
        let AuditRecord { number, by, act } = record;
        let snapshot = |snapshot| serde_json::to_value(snapshot).ok();
        Self {
            number,
            at: by.at,
            actor: by.actor.to_string(),
            action: act.action.to_string(),
            object: act.object.to_string(),
            reason: by.reason.map(String::from),
            request_id: by.request.map(String::from),
            address: by.address.map(|address| address.to_string()),
            before: act.before.and_then(snapshot),
            after: act.after.and_then(snapshot),
        }
    }
}

/// The record below which a page begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct AuditPlace(AuditNumber);

impl PageKey for AuditPlace {
    const LIST: &'static str = "audit";
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// Only what this actor did.
    #[param(inline, value_type = Option<crate::schema::ActorSchema>)]
    actor: Option<String>,
    /// Only acts of this name.
    #[param(inline, value_type = Option<crate::schema::ActionSchema>)]
    action: Option<String>,
    /// Only what was done to this.
    #[param(inline, value_type = Option<crate::schema::ObjectSchema>)]
    object: Option<String>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

/// The filters of a list of acts.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    actor: Option<Actor>,
    action: Option<Action>,
    object: Option<AuditObject>,
}

impl Filters {
    pub(super) fn read(
        actor: Option<String>,
        action: Option<String>,
        object: Option<String>,
    ) -> Result<Self, Problem> {
        fn read<T: std::str::FromStr>(
            name: &str,
            text: Option<String>,
        ) -> Result<Option<T>, Problem> {
            let read = |text: String| text.parse().map_err(|_| Problem::malformed(name, &text));
            text.map(read).transpose()
        }
        Ok(Self {
            actor: read("actor", actor)?,
            action: read("action", action)?,
            object: read("object", object)?,
        })
    }

    /// The records that they leave, below a number.
    pub(super) fn below(&self, below: Option<AuditNumber>, limit: usize) -> AuditQuery {
        let Self { actor, action, object } = self.clone();
        AuditQuery { below, above: AuditNumber::START, actor, action, object, limit }
    }
}

/// Who did what
///
/// The newest first: those that the filters leave.
#[utoipa::path(
    get,
    path = "/admin/audit",
    operation_id = "audit",
    tag = "admins",
    params(ListParams),
    responses((status = 200, body = Page<AuditView>), OfAdminList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    Query(params): Query<ListParams>,
) -> Result<Json<Page<AuditView>>, Problem> {
    let page = page::query::<AuditPlace>(params.cursor.as_deref(), params.limit)?;
    let filters = Filters::read(params.actor, params.action, params.object)?;
    let below = page.after.as_ref().map(|AuditPlace(number)| *number);
    let rows = api.audit.audit(&filters.below(below, page.rows())).await?;
    let place = |record: &AuditRecord| AuditPlace(record.number);
    Ok(Json(Page::show(query::Page::cut(rows, page.limit, place), AuditView::of)))
}
