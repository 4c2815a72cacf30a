//! A slice by way of `eth_getLogs`, compared with all that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::error::ChainError;
use pledge_core::ports::{HeaderDetail, RangeRequest};
use pledge_core::types::BlockNumber;
use serde_json::json;

use crate::chain::EvmChain;
use crate::classify::Failure;
use crate::decode::TRANSFER_TOPIC;
use crate::headers::header_call;
use crate::http::Call;
use crate::range::bloom::examine;
use crate::range::doubts::Reading;
use crate::range::{OPERATION, Slice, SliceError, facts, refused_or_failed, wants};
use crate::response::Json;
use crate::wire::{Header, Log, Unplaced, WireHeader, WireLog};

/// One answer of a batch of both.
enum Piece {
    Header(Option<Box<WireHeader>>),
    Logs(Vec<WireLog>),
}

impl Piece {
    fn into_header(self) -> Option<WireHeader> {
        match self {
            Self::Header(header) => header.map(|header| *header),
            Self::Logs(_) => None,
        }
    }

    fn into_logs(self) -> Vec<WireLog> {
        match self {
            Self::Logs(logs) => logs,
            Self::Header(_) => Vec::new(),
        }
    }
}

impl EvmChain {
    pub(super) async fn read_slice(&self, slice: &Slice<'_>) -> Result<Reading, SliceError> {
        let requests = self.parts(slice.request);
        let parts: Vec<Slice<'_>> =
            requests.iter().map(|request| Slice { request, ..*slice }).collect();
        let (ends, logs) = self.ends_and_logs(slice, &parts).await?;
        for (part, logs) in parts.iter().zip(&logs) {
            self.compare_with_halves(part, logs).await?;
        }
        let mut logs = logs.concat();
        logs.sort_by_key(Log::place);
        let headers = self.missing_headers(slice, ends, &logs).await;
        logs.retain(|log| headers.range(log.block..).next().is_some());
        check_branch(&headers, &logs)?;
        let (tokens, chain) = (slice.request.tokens, self.rpc().chain());
        let examined = examine(&headers, &logs, tokens, chain, &self.first_bloom);
        let examined = examined.map_err(|detail| {
            ChainError::transient(OPERATION, format!("{}: {detail}", self.endpoint()))
        })?;
        if let Some(block) = examined.bloomless {
            self.tell_of_missing_blooms(block).await;
        }
        let blocks = headers.into_values().map(|header| header.block).collect();
        Ok(Reading {
            facts: facts(blocks, &logs),
            doubts: examined.doubts,
            node: self.endpoint().to_owned(),
        })
    }

    /// A request in parts whose tokens fit into one filter.
    pub(super) fn parts<'a>(&self, request: &RangeRequest<'a>) -> Vec<RangeRequest<'a>> {
        let tokens = request.tokens.chunks(self.filter_tokens(request));
        tokens.map(|tokens| RangeRequest { tokens, ..*request }).collect()
    }

    /// How many of the tokens go into one filter.
    pub(super) fn filter_tokens(&self, request: &RangeRequest<'_>) -> usize {
        let tokens = self.filter_size.of(request.tokens.len() as u64);
        usize::try_from(tokens).expect("not above the length of a list")
    }

    /// Both ends and the logs of each part in one batch. The upper end is read before and after the
    /// logs: if it stayed the same, the logs in between are of its branch. Where the node takes no such
    /// batch, nothing else holds them together.
    async fn ends_and_logs(
        &self,
        slice: &Slice<'_>,
        parts: &[Slice<'_>],
    ) -> Result<(BTreeMap<BlockNumber, Header>, Vec<Vec<Log>>), SliceError> {
        let ends = BTreeSet::from([slice.from, slice.to]);
        let mut calls: Vec<Call> = ends.iter().copied().map(header_call).collect();
        calls.extend(parts.iter().map(logs_call));
        calls.push(header_call(slice.to));
        let read = |call: &Call, answer| self.piece(call, answer);
        let mut pieces = self.rpc().together_as(calls, read).await.into_iter();
        let mut next = || pieces.next().expect("a batch has an answer for each call");
        let header = |number, piece: Result<Piece, Failure>| {
            let header = piece.map_err(|failure| failure.during(OPERATION))?;
            self.header_of(OPERATION, number, header.into_header())
        };
        let mut headers = BTreeMap::new();
        for end in ends {
            headers.insert(end, header(end, next())?);
        }
        let logs: Vec<_> = parts.iter().map(|_| next()).collect();
        if headers[&slice.to] != header(slice.to, next())? {
            let last = headers[&slice.to].block;
            let detail = format!("block {last} was replaced while its range was read");
            return Err(ChainError::block_gone(OPERATION, detail).into());
        }
        let logs = parts
            .iter()
            .zip(logs)
            .map(|(part, logs)| Ok(placed(part, logs.map_err(refused_or_failed)?.into_logs())?));
        let logs = logs.collect::<Result<_, SliceError>>()?;
        Ok((headers, logs))
    }

    fn piece(&self, call: &Call, answer: Json) -> Result<Piece, Failure> {
        if call.is_divisible {
            self.rpc().parse(answer).map(Piece::Logs)
        } else {
            self.rpc().parse(answer).map(Piece::Header)
        }
    }

    /// The other headers that the request wants, joined to the ends. Where the node does not give one,
    /// the answer ends with the header before it: what comes up to there is proven.
    async fn missing_headers(
        &self,
        slice: &Slice<'_>,
        mut headers: BTreeMap<BlockNumber, Header>,
        logs: &[Log],
    ) -> BTreeMap<BlockNumber, Header> {
        let wanted: BTreeSet<BlockNumber> = match slice.request.detail {
            HeaderDetail::All => {
                (slice.from.get()..=slice.to.get()).map(BlockNumber::new).collect()
            }
            HeaderDetail::Sparse => logs.iter().map(|log| log.block).collect(),
        };
        let missing: Vec<BlockNumber> =
            wanted.into_iter().filter(|number| !headers.contains_key(number)).collect();
        let found = self.headers_of(OPERATION, &missing).await;
        for (number, header) in missing.into_iter().zip(found) {
            match header {
                Ok(header) => {
                    headers.insert(number, header);
                }
                Err(error) => {
                    let (endpoint, cause) = (self.endpoint(), error.detail());
                    tracing::debug!(endpoint, %number, cause, "the range ends before a block");
                    headers.split_off(&number);
                    // A sparse range lacks the header of the block before, which has no logs.
                    let end = number.down(1);
                    if !headers.contains_key(&end)
                        && let Ok(header) = self.headers_of(OPERATION, &[end]).await.remove(0)
                    {
                        headers.insert(end, header);
                    }
                    break;
                }
            }
        }
        headers
    }
}

pub(super) fn logs_call(slice: &Slice<'_>) -> Call {
    let filter = json!({
        "fromBlock": format!("{:#x}", slice.from.get()),
        "toBlock": format!("{:#x}", slice.to.get()),
        "address": slice.request.tokens,
        "topics": [TRANSFER_TOPIC],
    });
    Call::new("eth_getLogs", json!([filter])).divisible()
}

/// The logs of a slice in the chain's order, each once.
pub(super) fn placed(slice: &Slice<'_>, logs: Vec<WireLog>) -> Result<Vec<Log>, ChainError> {
    let mut placed = Vec::with_capacity(logs.len());
    for log in logs {
        let log = Log::try_from(log).map_err(|unplaced| match unplaced {
            Unplaced::Removed => ChainError::block_gone(OPERATION, "a log was removed meanwhile"),
            Unplaced::Without(field) => {
                let detail = format!(
                    "a log has no {field}, so it cannot be placed: a node that goes on answering so \
                     cannot be followed, use another"
                );
                ChainError::transient(OPERATION, detail)
            }
        })?;
        if !wants(slice.request, &log) || !(slice.from..=slice.to).contains(&log.block) {
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
fn check_branch(headers: &BTreeMap<BlockNumber, Header>, logs: &[Log]) -> Result<(), ChainError> {
    let stray = logs.iter().find(|log| {
        headers.get(&log.block).is_none_or(|header| header.block.hash != log.block_hash)
    });
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
