//! Taking a chain back: first a plan, which writes nothing, then what the plan has.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::RewindPlan;
use pledge_core::operate;
use pledge_core::primitives::B256;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::actual::Actual;
use crate::access::background::{RewindAct, RunningRewind, in_background};
use crate::access::body::Body;
use crate::access::key::Key;
use crate::access::{AccessApi, Operator};
use crate::document::{OfChainPlan, OfRewind};
use crate::extract::{ChainPath, Path, Query};
use crate::json::Eip55;
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanParams {
    /// The newest block to keep.
    #[param(inline)]
    to_block: BlockNumber,
}

/// What a rewind would take back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewindPlanAnswer {
    chain_id: ChainId,
    /// The newest block that would be kept.
    to_block: BlockNumber,
    /// What names exactly this plan: a rewind with it is refused once it would take back something else.
    digest: B256,
    /// The tokens whose ledgers would go back.
    tokens: Vec<PlannedTokenView>,
    /// The contracts whose logs would be removed.
    contracts: Vec<PlannedContractView>,
}

/// A token whose ledger would go back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlannedToken)]
pub(crate) struct PlannedTokenView {
    token: Eip55,
    /// Its symbol, as its contract returned it.
    symbol: String,
    /// Its newest block.
    from_block: BlockNumber,
    /// When that was mined.
    from_time: Timestamp,
}

/// A contract whose logs would be removed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlannedContract)]
pub(crate) struct PlannedContractView {
    /// Its name in the configuration.
    name: String,
    /// Its newest block.
    from_block: BlockNumber,
    /// When that was mined.
    from_time: Timestamp,
}

impl From<RewindPlan> for RewindPlanAnswer {
    fn from(plan: RewindPlan) -> Self {
        let digest = plan.digest();
        let tokens = plan.tokens.into_iter().map(|one| PlannedTokenView {
            token: Eip55(one.token.address),
            symbol: one.symbol,
            from_block: one.from.number,
            from_time: one.from.time,
        });
        let contracts = plan.contracts.into_iter().map(|one| PlannedContractView {
            name: one.contract.name().to_owned(),
            from_block: one.from.number,
            from_time: one.from.time,
        });
        Self {
            chain_id: plan.chain,
            to_block: plan.to,
            digest,
            tokens: tokens.collect(),
            contracts: contracts.collect(),
        }
    }
}

/// Plan a rewind
///
/// What going back to a block would take back. Reads the store alone, and writes nothing.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/rewind",
    operation_id = "plan_rewind",
    tag = "operators",
    params(ChainPath, PlanParams),
    responses((status = 200, body = RewindPlanAnswer), OfChainPlan),
)]
pub(super) async fn plan(
    State(api): State<AccessApi>,
    Path(path): Path<ChainPath>,
    Query(params): Query<PlanParams>,
) -> Result<Json<RewindPlanAnswer>, Problem> {
    let ports = &api.operator.ports;
    let plan = operate::plan_rewind(ports, path.chain_id, params.to_block).await?;
    Ok(Json(plan.into()))
}

/// A rewind that was planned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RewindRequest {
    /// The newest block to keep.
    to_block: BlockNumber,
    /// The digest of the plan.
    digest: B256,
    /// Kept with who did it.
    reason: Reason,
}

/// A chain that went back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewoundChain {
    chain_id: ChainId,
    /// The newest block that was kept.
    to_block: BlockNumber,
    /// When that was mined.
    to_time: Timestamp,
    /// How many tokens went back.
    tokens: usize,
    /// How many contracts went back.
    contracts: usize,
    /// How many changes of balances were undone.
    changes_removed: u64,
    /// How many published statements were taken back by rows that were added.
    statements_reversed: u64,
    /// How many logs of contracts were removed.
    logs_removed: u64,
}

impl From<ReorgRecord> for RewoundChain {
    fn from(record: ReorgRecord) -> Self {
        let (tokens, contracts) = (&record.tokens, &record.contracts);
        Self {
            chain_id: record.chain,
            to_block: record.to.number,
            to_time: record.to.time,
            tokens: tokens.len(),
            contracts: contracts.len(),
            changes_removed: tokens.iter().map(|one| one.changes_removed).sum(),
            statements_reversed: tokens.iter().map(|one| one.statements_reversed).sum(),
            logs_removed: contracts.iter().map(|one| one.logs_removed).sum(),
        }
    }
}

/// Take a chain back as planned
///
/// The chain is paused or halted, and stays so. The node is asked whether it has the same chain up to the block;
/// where it has another one, nothing is written. Once accepted it goes on when the request ends: where that takes
/// longer than the request may, the answer is 202, and the same request is answered with how it ended. One rewind of a
/// chain goes on at a time.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/rewind",
    operation_id = "rewind_chain",
    tag = "operators",
    params(ChainPath),
    request_body = RewindRequest,
    responses(
        (status = 200, body = RewoundChain),
        (status = 202, body = RunningRewind, description = "It goes on: ask again with the same key.", headers(
            ("Retry-After" = u64, description = "Seconds after which to ask how it ended."),
        )),
        OfRewind,
    ),
)]
pub(super) async fn apply(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<ChainPath>,
    key: Key,
    body: Body<RewindRequest>,
) -> Result<Response, Problem> {
    let RewindRequest { to_block, digest, reason } = body.value;
    let by = actual.attribution(Some(reason))?;
    let rewind = RewindAct { chain: path.chain_id, to_block };
    let (Operator { ports, rewinder, .. }, whose) = (api.operator.clone(), by.clone());
    in_background(&api, &actual, (key, body.digest), (rewind, &by), async move {
        let of = (rewind.chain, rewind.to_block);
        let rewound = operate::rewind_as_planned(&ports, &*rewinder, of, digest, &whose);
        Ok(RewoundChain::from(rewound.await?))
    })
    .await
}
