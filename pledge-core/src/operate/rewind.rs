//! Taking a chain back: first planned, then done as planned.

use std::fmt::Debug;

use alloy_primitives::B256;
use async_trait::async_trait;

use super::{OperateError, chain};
use crate::audit::Attribution;
use crate::engine::Ports;
use crate::error::StoreErrorKind;
use crate::event::ReorgRecord;
use crate::indexer::{IndexerError, RewindPlan};
use crate::types::{BlockNumber, ChainId};

/// Takes chains back over their nodes: what an act needs of the process that follows them.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Rewinder: Debug + Send + Sync + 'static {
    /// Takes a chain back as planned, by [`Indexer::rewind_as_planned`](crate::indexer::Indexer::rewind_as_planned).
    /// [`OperateError::NoNode`] for a chain whose nodes it does not know.
    async fn rewind(
        &self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, OperateError>;
}

/// What a rewind to a block would take back. Reads the store alone; writes nothing.
pub async fn plan_rewind(
    ports: &Ports,
    chain: ChainId,
    to: BlockNumber,
) -> Result<RewindPlan, OperateError> {
    let state = chain::state_of(&*ports.balances, chain).await?;
    if !state.status.needs_operator() {
        let (name, status) = (state.name, state.status);
        return Err(OperateError::ChainFollowed { name, status });
    }
    let tokens = ports.balances.tokens(chain).await?;
    let contracts = ports.logs.contracts(chain).await?;
    let plan = RewindPlan::of(chain, to, &tokens, &contracts);
    if plan.is_empty() {
        let tokens = tokens.iter().filter_map(|token| token.cursor);
        let contracts = contracts.iter().filter_map(|contract| contract.cursor);
        let newest = tokens.chain(contracts).map(|cursor| cursor.number).max();
        return Err(OperateError::NothingAbove { to, newest });
    }
    Ok(plan)
}

/// Takes a chain back to a block, if that takes back exactly what the plan with this digest has.
pub async fn rewind_as_planned(
    ports: &Ports,
    rewinder: &dyn Rewinder,
    (chain, to): (ChainId, BlockNumber),
    digest: B256,
    by: &Attribution,
) -> Result<ReorgRecord, OperateError> {
    let plan = plan_rewind(ports, chain, to).await?;
    if plan.digest() != digest {
        return Err(OperateError::PlanMoved);
    }
    match rewinder.rewind(&plan, by).await {
        // What the plan has was read once more by the indexer, and is named in its write.
        Err(OperateError::Rewind(IndexerError::Store(error)))
            if error.kind() == StoreErrorKind::Conflict =>
        {
            Err(OperateError::PlanMoved)
        }
        done => done,
    }
}
