//! The calls that ask for logs, and the form that their answers must have. Pure.

use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, Log, LogFilter};
use serde_json::{Value, json};

use super::OPERATION;
use super::slice::Slice;
use crate::http::Call;
use crate::wire::{BadLog, WireLog};

/// The logs of a part of a slice: its request has one filter.
pub(super) fn logs_call(part: &Slice<'_>) -> Call {
    let mut filter = wire_filter(&part.request.filters[0]);
    filter["fromBlock"] = json!(format!("{:#x}", part.from.get()));
    filter["toBlock"] = json!(format!("{:#x}", part.to.get()));
    Call::new("eth_getLogs", json!([filter])).divisible()
}

/// The logs of a block that is named by its hash.
pub(super) fn block_logs_call(filter: &LogFilter<'_>, block: BlockId) -> Call {
    let mut filter = wire_filter(filter);
    filter["blockHash"] = json!(block.hash);
    Call::new("eth_getLogs", json!([filter])).divisible()
}

/// What a node matches logs with, to which a range or a block is added. The first topic is one word
/// where one is enough, which every node takes.
fn wire_filter(filter: &LogFilter<'_>) -> Value {
    let topics = match filter.topic0s {
        None => json!([]),
        Some([topic0]) => json!([topic0]),
        Some(topic0s) => json!([topic0s]),
    };
    json!({ "address": filter.addresses, "topics": topics })
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
        if !slice.request.selects(&log) || !(slice.from..=slice.to).contains(&log.block) {
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
