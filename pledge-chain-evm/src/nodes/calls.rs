//! Calls: what returns nothing on one node may return something on another.

use std::error::Error;
use std::fmt;

use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockId, Call, CallOutcome};

use crate::chain::EvmChain;

pub(super) const OPERATION: &str = "call contracts";

/// The source of an error of a node on which a call returned nothing: what it answered, in case no
/// other node answers better.
#[derive(Debug)]
struct NothingReturned(Vec<CallOutcome>);

impl fmt::Display for NothingReturned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call returned nothing")
    }
}

impl Error for NothingReturned {}

/// The outcomes of a node. If a call reverted or returned no bytes, they are the source of a
/// `Persistent` error, so that the other nodes are asked too: one with a lower limit on gas, or
/// without the state, answers like a contract that has no such function.
pub(super) async fn ask_node(
    node: &EvmChain,
    calls: &[Call],
    at: BlockId,
) -> Result<Vec<CallOutcome>, ChainError> {
    let outcomes = node.calls(calls, at).await?;
    let returns = |outcome: &CallOutcome| outcome.as_ref().is_ok_and(|bytes| !bytes.is_empty());
    if outcomes.iter().all(returns) {
        return Ok(outcomes);
    }
    let error = ChainError::persistent(OPERATION, format!("{}: nothing returned", node.endpoint()));
    Err(error.caused_by(NothingReturned(outcomes)))
}

/// What the nodes answered together: the outcomes that an error of [`ask_node`] carries count if no
/// node had better ones.
pub(super) fn outcomes_of(
    answer: Result<Vec<CallOutcome>, ChainError>,
) -> Result<Vec<CallOutcome>, ChainError> {
    answer.or_else(|error| {
        let source = error.source().and_then(|source| source.downcast_ref::<NothingReturned>());
        source.map(|NothingReturned(outcomes)| outcomes.clone()).ok_or(error)
    })
}
