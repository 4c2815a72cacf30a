//! Adding a programme, and changing its rates.

use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::operate::{self, NewProgramme};
use pledge_core::ports::ProgrammeState;
use pledge_core::types::{
    ProgrammeId, Rate, RateSchedule, Scale, Step, Timestamp, TokenId, WindowLength,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::key::Key;
use crate::access::once::once;
use crate::document::OfProgrammeWrite;
use crate::extract::{HexAddress, Path, TokenPath};
use crate::problem::{Message, Problem};
use crate::tokens::ProgrammeView;

/// A programme that is added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgrammeRequest {
    /// Its name, unique among the token's programmes.
    #[schema(value_type = crate::schema::ProgrammeNameSchema)]
    programme: String,
    /// Points per whole token per hour, before the first step of the schedule.
    rate: Rate,
    /// The steps of the rate, ascending by time; none without it.
    #[serde(default)]
    schedule: Vec<StepRequest>,
    /// The length of a settlement window; an hour without it.
    #[schema(minimum = 1, maximum = 31622400)]
    window_seconds: Option<u64>,
    /// Kept with who did it.
    reason: Reason,
}

/// Other rates of a programme.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RatesRequest {
    /// Points per whole token per hour, before the first step of the schedule.
    rate: Rate,
    /// The steps of the rate, ascending by time; none without it.
    #[serde(default)]
    schedule: Vec<StepRequest>,
    /// Kept with who did it.
    reason: Reason,
}

/// A rate from an instant on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepRequest {
    from: Timestamp,
    rate: Rate,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ProgrammePath {
    /// The chain of the token.
    #[param(inline)]
    chain_id: pledge_core::types::ChainId,
    /// The token's contract.
    #[param(inline)]
    token: HexAddress,
    /// The name of the programme.
    #[param(inline, value_type = crate::schema::ProgrammeNameSchema)]
    programme: String,
}

/// Add a programme
///
/// It earns from the token's first block on; a rate of zero up to a step begins it later.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/tokens/{token}/programmes",
    operation_id = "add_programme",
    tag = "operators",
    params(TokenPath),
    request_body = ProgrammeRequest,
    responses((status = 200, body = ProgrammeView), OfProgrammeWrite),
)]
pub(super) async fn add(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<TokenPath>,
    key: Key,
    body: Body<ProgrammeRequest>,
) -> Result<Response, Problem> {
    let ProgrammeRequest { programme, rate, schedule, window_seconds, reason } = body.value;
    let id = undeclared(&api, named(path.token(), &programme)?)?;
    let rates = rates(rate, schedule)?;
    let window = window_seconds.map_or(Ok(WindowLength::HOUR), WindowLength::new);
    let window = window.map_err(|_| Problem::wrong_field("window_seconds"))?;
    let by = actual.attribution(Some(reason))?;
    once(&api, &actual, (key, body.digest), async {
        let new = NewProgramme { id, rates, window };
        let added = operate::add_programme(&api.operator.ports, new, &by).await?;
        shown(&api, &added).await
    })
    .await
}

/// Change the rates of a programme
///
/// What is settled keeps its rates: the new ones have to agree with them before that.
#[utoipa::path(
    put,
    path = "/chains/{chain_id}/tokens/{token}/programmes/{programme}",
    operation_id = "change_programme",
    tag = "operators",
    params(ProgrammePath),
    request_body = RatesRequest,
    responses((status = 200, body = ProgrammeView), OfProgrammeWrite),
)]
pub(super) async fn change(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<ProgrammePath>,
    key: Key,
    body: Body<RatesRequest>,
) -> Result<Response, Problem> {
    let token = TokenId { chain: path.chain_id, address: path.token.0 };
    let id = undeclared(&api, named(token, &path.programme)?)?;
    let RatesRequest { rate, schedule, reason } = body.value;
    let rates = rates(rate, schedule)?;
    let by = actual.attribution(Some(reason))?;
    once(&api, &actual, (key, body.digest), async {
        let changed = operate::change_rates(&api.operator.ports, &id, rates, &by).await?;
        shown(&api, &changed.after).await
    })
    .await
}

fn named(token: TokenId, name: &str) -> Result<ProgrammeId, Problem> {
    ProgrammeId::new(token, name)
        .map_err(|_| Problem::invalid("programme", Message::MalformedProgramme {}))
}

/// A programme that the configuration does not have: it would be as that has it again at the next start.
fn undeclared(api: &AccessApi, id: ProgrammeId) -> Result<ProgrammeId, Problem> {
    if api.operator.declared.contains(&id) {
        return Err(Problem::new(Message::ProgrammeDeclared { programme: id.to_string() }));
    }
    Ok(id)
}

fn rates(rate: Rate, schedule: Vec<StepRequest>) -> Result<RateSchedule, Problem> {
    let steps = schedule.into_iter().map(|step| Step { from: step.from, value: step.rate });
    RateSchedule::new(rate, steps.collect()).map_err(|_| Problem::wrong_field("schedule"))
}

async fn shown(api: &AccessApi, state: &ProgrammeState) -> Result<ProgrammeView, Problem> {
    let token = api.queries.token(state.programme.id.token).await?;
    Ok(ProgrammeView::of(state, Scale::of(token.spec.metadata.decimals)))
}
