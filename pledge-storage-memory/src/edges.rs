//! The last blocks before instants.

use pledge_core::error::StoreError;
use pledge_core::ledger::BlockEdge;
use pledge_core::types::{Epoch, TokenId};

use crate::state::State;

pub(crate) fn record(
    state: &mut State,
    token: TokenId,
    epoch: Epoch,
    edges: &[BlockEdge],
) -> Result<(), StoreError> {
    const OPERATION: &str = "record edges";
    let ledger = &state.token(token)?.state;
    ledger.require_epoch(epoch).map_err(|detail| StoreError::conflict(OPERATION, detail))?;
    let checked = BlockEdge::check(edges, ledger);
    checked.map_err(|detail| StoreError::invalid(OPERATION, detail))?;
    let kept = &mut state.chain_mut(token.chain)?.edges;
    let other = |edge: &&BlockEdge| kept.get(&edge.instant).is_some_and(|kept| kept != *edge);
    if let Some(edge) = edges.iter().find(other) {
        return Err(StoreError::conflict(OPERATION, edge.refuse()));
    }
    kept.extend(edges.iter().map(|edge| (edge.instant, *edge)));
    Ok(())
}
