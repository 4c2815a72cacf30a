//! A slice by way of `eth_getLogs`, compared with all that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::error::ChainError;
use pledge_core::ports::{HeaderDetail, RangeRequest};
use pledge_core::types::BlockNumber;
use serde_json::json;

use crate::chain::EvmChain;
use crate::decode::TRANSFER_TOPIC;
use crate::headers::header_call;
use crate::http::{Answer, Call};
use crate::range::bloom::examine;
use crate::range::doubts::Reading;
use crate::range::{OPERATION, Slice, SliceError, facts, refused_or_failed, wants};
use crate::wire::{Header, Log, Unplaced, WireLog};

/// Geth takes no more addresses in a filter.
const FILTER_TOKENS_MAX: usize = 1_000;

impl EvmChain {
    pub(super) async fn read_slice(&self, slice: &Slice<'_>) -> Result<Reading, SliceError> {
        let requests = parts(slice.request);
        let parts: Vec<Slice<'_>> =
            requests.iter().map(|request| Slice { request, ..*slice }).collect();
        let (ends, logs) = self.ends_and_logs(slice, &parts).await?;
        for (part, logs) in parts.iter().zip(&logs) {
            self.compare_with_halves(part, logs).await?;
        }
        let mut logs = logs.concat();
        logs.sort_by_key(Log::place);
        let headers = self.missing_headers(slice, ends, &logs).await?;
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
        let mut answers = self.rpc().together(&calls).await.map_err(refused_or_failed)?.into_iter();
        let mut next = || answers.next().expect("a batch has an answer for each call");
        let mut headers = BTreeMap::new();
        for end in ends {
            headers.insert(end, self.header(OPERATION, end, next())?);
        }
        let logs: Vec<Answer> = parts.iter().map(|_| next()).collect();
        if headers[&slice.to] != self.header(OPERATION, slice.to, next())? {
            let last = headers[&slice.to].block;
            let detail = format!("block {last} was replaced while its range was read");
            return Err(ChainError::block_gone(OPERATION, detail).into());
        }
        let logs = parts.iter().zip(logs).map(|(part, logs)| {
            let logs = logs.and_then(|logs| self.rpc().parse::<Vec<WireLog>>(logs));
            Ok(placed(part, logs.map_err(refused_or_failed)?)?)
        });
        let logs = logs.collect::<Result<_, SliceError>>()?;
        Ok((headers, logs))
    }

    /// The other headers that the request wants, joined to the ends.
    async fn missing_headers(
        &self,
        slice: &Slice<'_>,
        mut headers: BTreeMap<BlockNumber, Header>,
        logs: &[Log],
    ) -> Result<BTreeMap<BlockNumber, Header>, ChainError> {
        let wanted: BTreeSet<BlockNumber> = match slice.request.detail {
            HeaderDetail::All => {
                (slice.from.get()..=slice.to.get()).map(BlockNumber::new).collect()
            }
            HeaderDetail::Sparse => logs.iter().map(|log| log.block).collect(),
        };
        let missing: Vec<BlockNumber> =
            wanted.into_iter().filter(|number| !headers.contains_key(number)).collect();
        let found = self.headers_of(OPERATION, &missing).await?;
        headers.extend(found.into_iter().map(|header| (header.block.number, header)));
        Ok(headers)
    }
}

/// A request in parts whose tokens fit into one filter.
pub(super) fn parts<'a>(request: &RangeRequest<'a>) -> Vec<RangeRequest<'a>> {
    let tokens = request.tokens.chunks(FILTER_TOKENS_MAX);
    tokens.map(|tokens| RangeRequest { tokens, ..*request }).collect()
}

pub(super) fn logs_call(slice: &Slice<'_>) -> Call {
    let filter = json!({
        "fromBlock": format!("{:#x}", slice.from.get()),
        "toBlock": format!("{:#x}", slice.to.get()),
        "address": slice.request.tokens,
        "topics": [TRANSFER_TOPIC],
    });
    Call::new("eth_getLogs", json!([filter]))
}

/// The logs of a slice in the chain's order, each once.
pub(super) fn placed(slice: &Slice<'_>, logs: Vec<WireLog>) -> Result<Vec<Log>, ChainError> {
    let mut placed = Vec::with_capacity(logs.len());
    for log in logs {
        let log = Log::try_from(log).map_err(|unplaced| match unplaced {
            Unplaced::Removed => ChainError::block_gone(OPERATION, "a log was removed meanwhile"),
            Unplaced::Pending => ChainError::transient(OPERATION, "a log has no place in a block"),
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
