//! A slice by way of `eth_getLogs`, compared with all that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::error::ChainError;
use pledge_core::ports::{HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockNumber, Log, LogFilter};
use serde_json::{Value, json};

use crate::chain::EvmChain;
use crate::failure::Failure;
use crate::headers::header_call;
use crate::http::Call;
use crate::range::bloom::examine;
use crate::range::doubts::Reading;
use crate::range::{OPERATION, Slice, SliceError, refused_or_failed};
use crate::response::Json;
use crate::wire::{BadLog, Header, WireHeader, WireLog};

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

/// What was read of a slice: all of it, or what comes before a range that was refused.
struct Found {
    to: BlockNumber,
    headers: BTreeMap<BlockNumber, Header>,
    /// The logs of each part.
    logs: Vec<Vec<Log>>,
    /// Why the rest is not there, if a smaller range may be.
    refused: Option<Failure>,
}

impl EvmChain {
    /// Reads a slice in ranges of `range_blocks` blocks. The failure is the refusal of the range
    /// that the answer ends before.
    pub(super) async fn read_slice(
        &self,
        slice: &Slice<'_>,
        range_blocks: u64,
    ) -> Result<(Reading, Option<Failure>), SliceError> {
        let filters = self.parts(slice.request);
        let one = |filter| LogsRequest { filters: std::slice::from_ref(filter), ..*slice.request };
        let requests: Vec<_> = filters.iter().map(one).collect();
        let ranges = ranges(slice, range_blocks);
        let of_range = |range| requests.iter().map(move |request| Slice { request, ..range });
        let parts: Vec<Slice<'_>> = ranges.into_iter().flat_map(of_range).collect();
        let Found { to, headers: ends, logs, refused } = match parts.len() {
            1 => self.ends_and_logs(slice, &parts[0]).await?,
            _ => self.ends_around_logs(slice, &parts, requests.len()).await?,
        };
        let slice = &Slice { to, ..*slice };
        for (part, logs) in parts.iter().zip(&logs) {
            self.compare_with_halves(part, logs).await?;
        }
        let mut logs = logs.concat();
        logs.sort_by_key(Log::place);
        // Two filters may select one log.
        logs.dedup();
        let headers = self.missing_headers(slice, ends, &logs).await;
        // Above the last header nothing proves the branch: those logs are left to the next slice.
        logs.retain(|log| headers.range(log.block..).next().is_some());
        check_branch(&headers, &logs)?;
        let (filters, chain) = (slice.request.filters, self.rpc().chain());
        let examined = examine(&headers, &logs, filters, chain, &self.first_bloom);
        let examined = examined.map_err(|detail| {
            ChainError::transient(OPERATION, format!("{}: {detail}", self.endpoint()))
        })?;
        if let Some(block) = examined.bloomless {
            self.warn_of_missing_blooms(block).await;
        }
        let headers = headers.into_values().map(|header| header.block);
        let node = self.endpoint().to_owned();
        let answer = LogsAnswer { headers: headers.collect(), logs };
        let reading = Reading { answer, doubts: examined.doubts, node };
        Ok((reading, refused))
    }

    /// The filters of a request, divided so that the node takes the contracts of each.
    pub(super) fn parts<'a>(&self, request: &LogsRequest<'a>) -> Vec<LogFilter<'a>> {
        let size = self.filter_addresses(request);
        let filters = request.filters.iter().filter(|filter| !filter.selects_nothing());
        let parts = filters.flat_map(|filter| {
            let parts = filter.addresses.chunks(size);
            parts.map(|addresses| LogFilter { addresses, ..*filter })
        });
        parts.collect()
    }

    /// How many contracts go into one filter.
    pub(super) fn filter_addresses(&self, request: &LogsRequest<'_>) -> usize {
        let longest = request.filters.iter().map(|filter| filter.addresses.len()).max();
        let addresses = self.filter_size.of(longest.unwrap_or_default() as u64);
        usize::try_from(addresses).expect("not above the length of a list")
    }

    /// Both ends and the logs of the only part in one batch. The upper end is read before and after the
    /// logs: if it stayed the same, the logs in between are of its branch. Where the node takes no such
    /// batch, nothing else holds them together.
    async fn ends_and_logs(
        &self,
        slice: &Slice<'_>,
        part: &Slice<'_>,
    ) -> Result<Found, SliceError> {
        let ends = BTreeSet::from([slice.from, slice.to]);
        let mut calls: Vec<Call> = ends.iter().copied().map(header_call).collect();
        calls.extend([logs_call(part), header_call(slice.to)]);
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
        let logs = next();
        expect_same(&headers[&slice.to], &header(slice.to, next())?)?;
        let logs = placed(part, logs.map_err(refused_or_failed)?.into_logs())?;
        Ok(Found { to: slice.to, headers, logs: vec![logs], refused: None })
    }

    /// The same for many parts, `parts_of_range` of them to a range: they are asked for
    /// concurrently, between two looks at the upper end. The ranges need no ends of their own:
    /// below a block there is only one branch. What comes before a part that the node does not
    /// answer is kept.
    async fn ends_around_logs(
        &self,
        slice: &Slice<'_>,
        parts: &[Slice<'_>],
        parts_of_range: usize,
    ) -> Result<Found, SliceError> {
        let mut headers = self.headers_at([slice.from, slice.to]).await?;
        let calls = parts.iter().map(logs_call).collect();
        let read = |answer| self.rpc().parse::<Vec<WireLog>>(answer);
        let (mut logs, mut failure) = (Vec::new(), None);
        for (part, found) in parts.iter().zip(self.rpc().many_as(calls, read).await) {
            match found {
                Ok(found) => logs.push(placed(part, found)?),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        // Only whole ranges: one with the logs of some of its filters would pass for complete.
        logs.truncate(logs.len() - logs.len() % parts_of_range);
        if logs.is_empty() {
            return Err(refused_or_failed(
                failure.expect("a part without an answer has a failure"),
            ));
        }
        let to = parts[logs.len() - 1].to;
        let mut after = self.headers_at([to, slice.to]).await?;
        expect_same(&headers[&slice.to], &after[&slice.to])?;
        after.split_off(&to.next());
        headers.split_off(&to);
        headers.append(&mut after);
        Ok(Found { to, headers, logs, refused: failure.filter(|failure| failure.recurs) })
    }

    async fn headers_at(
        &self,
        ends: [BlockNumber; 2],
    ) -> Result<BTreeMap<BlockNumber, Header>, ChainError> {
        let ends: Vec<BlockNumber> = BTreeSet::from(ends).into_iter().collect();
        let headers = self.headers_of(OPERATION, &ends).await;
        ends.iter().copied().zip(headers).map(|(end, header)| Ok((end, header?))).collect()
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

/// A slice in ranges of `range_blocks` blocks.
fn ranges<'a>(slice: &Slice<'a>, range_blocks: u64) -> Vec<Slice<'a>> {
    let mut ranges = Vec::new();
    let mut from = slice.from;
    while from <= slice.to {
        let to = from.up(range_blocks - 1).min(slice.to);
        ranges.push(Slice { from, to, ..*slice });
        from = to.next();
    }
    ranges
}

/// The upper end of a slice must be one block before and after its logs were read.
fn expect_same(before: &Header, after: &Header) -> Result<(), ChainError> {
    if before == after {
        return Ok(());
    }
    let detail = format!("block {} was replaced while its range was read", before.block);
    Err(ChainError::block_gone(OPERATION, detail))
}

/// What a node matches logs with, to which a range or a block is added. One word for the first topic
/// where one is enough, which every node takes.
pub(super) fn wire_filter(filter: &LogFilter<'_>) -> Value {
    let topics = match filter.topic0s {
        None => json!([]),
        Some([topic0]) => json!([topic0]),
        Some(topic0s) => json!([topic0s]),
    };
    json!({ "address": filter.addresses, "topics": topics })
}

/// The call for a part of a slice: its request has one filter.
pub(super) fn logs_call(part: &Slice<'_>) -> Call {
    let mut filter = wire_filter(&part.request.filters[0]);
    filter["fromBlock"] = json!(format!("{:#x}", part.from.get()));
    filter["toBlock"] = json!(format!("{:#x}", part.to.get()));
    Call::new("eth_getLogs", json!([filter])).divisible()
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
