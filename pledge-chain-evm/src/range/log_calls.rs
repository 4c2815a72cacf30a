//! The calls that ask for logs, and the form that their answers must have. Pure.

use pledge_core::error::ChainError;
use pledge_core::ports::LogsRequest;
use pledge_core::types::{BlockId, Log, LogFilter};
use serde_json::{Value, json};

use super::OPERATION;
use super::slice::Slice;
use crate::http::Call;
use crate::wire::{BadLog, WireLog};

/// The logs of a slice.
pub(super) fn logs_call(slice: &Slice<'_>) -> Call {
    let filter = json!({
        "fromBlock": format!("{:#x}", slice.from.get()),
        "toBlock": format!("{:#x}", slice.to.get()),
        "address": slice.request.filter.addresses,
        "topics": [first_topics(&slice.request.filter)],
    });
    Call::new("eth_getLogs", json!([filter])).divisible()
}

/// The logs of a block that is named by its hash.
pub(super) fn block_logs_call(request: &LogsRequest<'_>, block: BlockId) -> Call {
    let filter = json!({
        "blockHash": block.hash,
        "address": request.filter.addresses,
        "topics": [first_topics(&request.filter)],
    });
    Call::new("eth_getLogs", json!([filter])).divisible()
}

/// What a node may match a log's first topic with: one word where one is enough, which every node
/// takes.
fn first_topics(filter: &LogFilter<'_>) -> Value {
    match filter.topic0s {
        [topic0] => json!(topic0),
        topic0s => json!(topic0s),
    }
}

/// The logs of a slice in the chain's order, each once.
pub(super) fn placed(slice: &Slice<'_>, logs: Vec<WireLog>) -> Result<Vec<Log>, ChainError> {
    let mut placed = Vec::with_capacity(logs.len());
    for log in logs {
        let log = Log::try_from(log).map_err(|bad| match bad {
            BadLog::Removed => ChainError::block_gone(OPERATION, "a log was removed meanwhile"),
            BadLog::Without(field) => {
                let detail = format!(
                    "a log has no {field}, so it cannot be placed: a node that goes on answering so \
                     cannot be followed, use another"
                );
                ChainError::transient(OPERATION, detail)
            }
            BadLog::Topics(error) => ChainError::transient(OPERATION, error.to_string()),
        })?;
        if !slice.request.filter.matches(&log) || !(slice.from..=slice.to).contains(&log.block) {
            let detail =
                format!("a log of {} in block {} was not asked for", log.address, log.block);
            return Err(ChainError::transient(OPERATION, detail));
        }
        placed.push(log);
    }
    // The same log twice is harmless, so it goes before places are compared: two logs at one place
    // are of two branches, or invented.
    placed.sort_by_key(Log::place);
    placed.dedup();
    match placed.windows(2).find(|pair| pair[0].place() == pair[1].place()) {
        None => Ok(placed),
        Some(pair) => {
            let (block, index) = pair[0].place();
            let detail = format!("two different logs at index {} of block {block}", index.get());
            Err(ChainError::transient(OPERATION, detail))
        }
    }
}
