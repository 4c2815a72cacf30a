//! Transfers of a range of blocks, with the headers that prove where they belong.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ports::{HeaderDetail, RangeFacts, RangeRequest};
use pledge_core::types::{BlockNumber, BlockRef};
use serde_json::json;

use crate::chain::EvmChain;
use crate::classify::Failure;
use crate::decode::{TRANSFER_TOPIC, decode};
use crate::headers::header_call;
use crate::http::{Answer, Call};
use crate::wire::{Log, Unplaced, WireLog};

const OPERATION: &str = "read transfers";

/// A question of a size that the node may take.
struct Slice<'a> {
    from: BlockNumber,
    to: BlockNumber,
    request: &'a RangeRequest<'a>,
}

/// Why a slice has no answer.
enum SliceError {
    /// Fewer blocks may pass.
    Refused(Failure),
    Failed(ChainError),
}

impl From<ChainError> for SliceError {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}

impl EvmChain {
    /// The longest prefix of the range that the node gives in one answer.
    pub(crate) async fn read_range(
        &self,
        request: &RangeRequest<'_>,
    ) -> Result<RangeFacts, ChainError> {
        let Some(blocks) = request.to.above(request.from) else {
            let detail = format!("{}..={} is no range", request.from, request.to);
            return Err(ChainError::persistent(OPERATION, detail));
        };
        if request.tokens.is_empty() {
            return Err(ChainError::persistent(OPERATION, "no token to read"));
        }
        loop {
            let size = self.range_size.of(blocks.saturating_add(1));
            let slice = Slice { from: request.from, to: request.from.up(size - 1), request };
            match self.read_slice(&slice).await {
                Ok(facts) => {
                    self.range_size.answered(size);
                    return Ok(facts);
                }
                Err(SliceError::Refused(failure)) if !self.is_to_blame(&failure).await => {
                    return Err(failure.during(OPERATION));
                }
                Err(SliceError::Refused(failure)) if size > 1 => {
                    tracing::info!(
                        endpoint = self.endpoint(),
                        blocks = size,
                        hint = failure.blocks_at_most,
                        cause = failure.detail,
                        "range refused, asking for less"
                    );
                    self.range_size.refused(size, failure.blocks_at_most);
                }
                Err(SliceError::Refused(failure)) => {
                    return Err(failure.during_as(ChainErrorKind::Transient, OPERATION));
                }
                Err(SliceError::Failed(error)) => return Err(error),
            }
        }
    }

    /// Whether the range is to blame for a refusal: a node that answers another question right after is
    /// not down.
    async fn is_to_blame(&self, failure: &Failure) -> bool {
        !failure.fault.is_outage() || self.rpc().is_well().await
    }

    async fn read_slice(&self, slice: &Slice<'_>) -> Result<RangeFacts, SliceError> {
        let (ends, logs) = self.ends_and_logs(slice).await?;
        let headers = self.missing_headers(slice, ends, &logs).await?;
        check_branch(&headers, &logs)?;
        let mut facts =
            RangeFacts { headers: headers.into_values().collect(), ..RangeFacts::default() };
        for log in &logs {
            match decode(log) {
                Some(transfer) => facts.transfers.push(transfer),
                None => facts.set_aside += 1,
            }
        }
        let asked = RangeRequest { to: slice.to, ..*slice.request };
        facts.verify(&asked)?;
        Ok(facts)
    }

    /// Both ends and the logs in one batch. The upper end is read before and after the logs: if it
    /// stayed the same, the logs in between are of its branch.
    async fn ends_and_logs(
        &self,
        slice: &Slice<'_>,
    ) -> Result<(BTreeMap<BlockNumber, BlockRef>, Vec<Log>), SliceError> {
        let calls = [
            header_call(slice.from),
            header_call(slice.to),
            logs_call(slice),
            header_call(slice.to),
        ];
        let answers = self.rpc().together(&calls).await;
        let answers = answers.map_err(refused_or_failed)?;
        let [first, before, logs, after] =
            <[Answer; 4]>::try_from(answers).expect("a batch has an answer for each call");
        let first = self.header(OPERATION, slice.from, first)?;
        let last = self.header(OPERATION, slice.to, before)?;
        if self.header(OPERATION, slice.to, after)? != last {
            let detail = format!("block {last} was replaced while its range was read");
            return Err(ChainError::block_gone(OPERATION, detail).into());
        }
        let logs = logs
            .and_then(|logs| self.rpc().parse::<Vec<WireLog>>(logs))
            .map_err(refused_or_failed)?;
        let logs = placed(slice, logs)?;
        Ok(([first, last].map(|end| (end.number, end)).into(), logs))
    }

    /// The other headers that the request wants, joined to the ends.
    async fn missing_headers(
        &self,
        slice: &Slice<'_>,
        mut headers: BTreeMap<BlockNumber, BlockRef>,
        logs: &[Log],
    ) -> Result<BTreeMap<BlockNumber, BlockRef>, ChainError> {
        let wanted: BTreeSet<BlockNumber> = match slice.request.detail {
            HeaderDetail::All => {
                (slice.from.get()..=slice.to.get()).map(BlockNumber::new).collect()
            }
            HeaderDetail::Sparse => logs.iter().map(|log| log.block).collect(),
        };
        let missing: Vec<BlockNumber> =
            wanted.into_iter().filter(|number| !headers.contains_key(number)).collect();
        let found = self.headers_of(OPERATION, &missing).await?;
        headers.extend(found.into_iter().map(|header| (header.number, header)));
        Ok(headers)
    }
}

fn logs_call(slice: &Slice<'_>) -> Call {
    let filter = json!({
        "fromBlock": format!("{:#x}", slice.from.get()),
        "toBlock": format!("{:#x}", slice.to.get()),
        "address": slice.request.tokens,
        "topics": [TRANSFER_TOPIC],
    });
    Call::new("eth_getLogs", json!([filter]))
}

fn refused_or_failed(failure: Failure) -> SliceError {
    if failure.fault.may_be_range_size() {
        SliceError::Refused(failure)
    } else {
        SliceError::Failed(failure.during(OPERATION))
    }
}

/// The logs of a slice in the chain's order, each once.
fn placed(slice: &Slice<'_>, logs: Vec<WireLog>) -> Result<Vec<Log>, ChainError> {
    let mut placed = Vec::with_capacity(logs.len());
    for log in logs {
        let log = Log::try_from(log).map_err(|unplaced| match unplaced {
            Unplaced::Removed => ChainError::block_gone(OPERATION, "a log was removed meanwhile"),
            Unplaced::Pending => ChainError::transient(OPERATION, "a log has no place in a block"),
        })?;
        let asked = (slice.from..=slice.to).contains(&log.block)
            && slice.request.tokens.contains(&log.address)
            && log.topics.first() == Some(&TRANSFER_TOPIC);
        if !asked {
            let detail =
                format!("a log of {} in block {} was not asked for", log.address, log.block);
            return Err(ChainError::transient(OPERATION, detail));
        }
        placed.push(log);
    }
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

/// Every log must be of the very block whose header we hold.
fn check_branch(headers: &BTreeMap<BlockNumber, BlockRef>, logs: &[Log]) -> Result<(), ChainError> {
    let stray = logs
        .iter()
        .find(|log| headers.get(&log.block).is_none_or(|header| header.hash != log.block_hash));
    match stray {
        None => Ok(()),
        Some(log) => {
            let detail = format!(
                "block {} ({}) was replaced while its logs were read",
                log.block, log.block_hash
            );
            Err(ChainError::block_gone(OPERATION, detail))
        }
    }
}
