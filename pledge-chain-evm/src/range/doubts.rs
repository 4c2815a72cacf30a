//! Blocks in which a node may have omitted logs, and the question that settles it.

use std::collections::BTreeMap;

use pledge_core::error::ChainError;
use pledge_core::ports::{LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, Log, LogFilter};
use serde_json::json;

use crate::chain::EvmChain;
use crate::classify::Fault;
use crate::headers::header_by_hash_call;
use crate::http::{Answer, Call};
use crate::range::bloom::examine;
use crate::range::logs::{placed, wire_filter};
use crate::range::{OPERATION, Slice};
use crate::wire::WireLog;

/// A node's answer about a range, and where its word alone is not enough.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) answer: LogsAnswer,
    pub(crate) doubts: Vec<Doubt>,
    /// Host and port of the node.
    pub(crate) node: String,
}

/// A block whose bloom may hold a log that the answer lacks.
#[derive(Debug)]
pub(crate) struct Doubt {
    pub(crate) block: BlockId,
    /// What the answer has of the block.
    pub(crate) logs: Vec<Log>,
}

/// A block of which one of two answers lacks logs.
#[derive(Debug)]
pub(crate) struct Omission {
    /// Whether the reading lacks them; otherwise the answer by the block's hash does.
    pub(crate) is_of_reading: bool,
    /// What each has of which block.
    pub(crate) difference: String,
    /// `Transient`: who omits what.
    pub(crate) error: ChainError,
}

impl EvmChain {
    /// Asks this node for the logs of each doubted block by its hash, and returns the first
    /// omission. The reading may be another node's.
    ///
    /// `BlockGone` if this node does not have such a block.
    pub(crate) async fn settle_doubts(
        &self,
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Result<Option<Omission>, ChainError> {
        let doubts = &reading.doubts;
        let parts = self.parts(request);
        let calls = doubts.iter().flat_map(|Doubt { block, .. }| {
            let logs = parts.iter().map(|part| block_logs_call(part, *block));
            [header_by_hash_call(*block)].into_iter().chain(logs)
        });
        let mut answers = self.rpc().many(calls.collect()).await.into_iter();
        for doubt in doubts {
            let mut next = || answers.next().expect("an answer for each call");
            let header = next();
            let logs = parts.iter().map(|_| next()).collect();
            let logs = self.logs_of_block(request, doubt.block, header, logs).await?;
            if logs != doubt.logs {
                return Ok(Some(self.omission(reading, doubt, &logs)));
            }
        }
        Ok(None)
    }

    async fn logs_of_block(
        &self,
        request: &LogsRequest<'_>,
        block: BlockId,
        header: Answer,
        logs: Vec<Answer>,
    ) -> Result<Vec<Log>, ChainError> {
        // Some nodes answer an empty list for a block that they do not have.
        let header = self.header(OPERATION, block.number, header)?;
        if header.block.hash != block.hash {
            return Err(self.lost(OPERATION, block));
        }
        let slice = Slice { from: block.number, to: block.number, request };
        let parsed = logs.into_iter().map(|logs| self.rpc().parse::<Vec<WireLog>>(logs?));
        let logs = match parsed.collect::<Result<Vec<_>, _>>() {
            Ok(logs) => placed(&slice, logs.concat())?,
            Err(failure) if failure.recurs || failure.fault == Fault::Malformed => {
                return self.heavy_block_logs(&slice).await.map(|(_, logs)| logs);
            }
            Err(failure) => return Err(failure.during(OPERATION)),
        };
        if logs.iter().any(|log| log.block_hash != block.hash) {
            return Err(self.lost(OPERATION, block));
        }
        let headers = BTreeMap::from([(block.number, header)]);
        let chain = self.rpc().chain();
        match examine(&headers, &logs, request.filters, chain, &self.first_bloom) {
            Ok(_) => Ok(logs),
            Err(detail) => {
                let detail = format!("{}: {detail}", self.endpoint());
                Err(ChainError::transient(OPERATION, detail))
            }
        }
    }

    fn omission(&self, reading: &Reading, doubt: &Doubt, logs: &[Log]) -> Omission {
        let (one, other, block) = (&reading.node, self.endpoint(), doubt.block);
        let counts = (doubt.logs.len(), logs.len());
        let is_of_reading = logs.iter().any(|log| !doubt.logs.contains(log));
        let who = if is_of_reading { one } else { other };
        let difference = format!(
            "block {block}: the range that {one} gave has {}, {other} by the block's hash has {}",
            counts.0, counts.1
        );
        let detail = format!("{who} omits logs of {difference}; if this lasts, do without {who}");
        Omission { is_of_reading, difference, error: ChainError::transient(OPERATION, detail) }
    }
}

fn block_logs_call(filter: &LogFilter<'_>, block: BlockId) -> Call {
    let mut filter = wire_filter(filter);
    filter["blockHash"] = json!(block.hash);
    Call::new("eth_getLogs", json!([filter])).divisible()
}
