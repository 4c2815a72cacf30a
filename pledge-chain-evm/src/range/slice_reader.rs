//! A slice by way of `eth_getLogs`, compared with all that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::{HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockNumber, Log, LogFilter};

use super::OPERATION;
use super::bloom::Blooms;
use super::log_calls::{logs_call, placed};
use super::reading::Reading;
use super::slice::{Slice, SliceError};
use super::truncation::compare_with_halves;
use crate::asker::Asker;
use crate::failure::Failure;
use crate::headers::{HeaderReader, header_call};
use crate::http::Call;
use crate::response::Json;
use crate::wire::{Header, WireHeader, WireLog};

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

/// Reads slices of a size that the node may take.
#[derive(Debug)]
pub(super) struct SliceReader {
    asker: Arc<Asker>,
    headers: HeaderReader,
    blooms: Arc<Blooms>,
}

impl SliceReader {
    pub(super) const fn new(asker: Arc<Asker>, headers: HeaderReader, blooms: Arc<Blooms>) -> Self {
        Self { asker, headers, blooms }
    }

    /// Reads a slice in ranges of `range_blocks` blocks, each by the filters of its request. The
    /// failure is the refusal of the range that the answer ends before.
    pub(super) async fn read(
        &self,
        slice: &Slice<'_>,
        filters: &[LogFilter<'_>],
        range_blocks: u64,
    ) -> Result<(Reading, Option<Failure>), SliceError> {
        let one = |filter| LogsRequest { filters: std::slice::from_ref(filter), ..*slice.request };
        let requests: Vec<_> = filters.iter().map(one).collect();
        let ranges = slice.ranges(range_blocks);
        let of_range = |range| requests.iter().map(move |request| Slice { request, ..range });
        let parts: Vec<Slice<'_>> = ranges.into_iter().flat_map(of_range).collect();
        let Found { to, headers: ends, logs, refused } = match parts.len() {
            1 => self.ends_and_logs(slice, &parts[0]).await?,
            _ => self.ends_around_logs(slice, &parts, requests.len()).await?,
        };
        let slice = &Slice { to, ..*slice };
        for (part, logs) in parts.iter().zip(&logs) {
            compare_with_halves(&self.asker, part, logs).await?;
        }
        let mut logs = logs.concat();
        logs.sort_by_key(Log::place);
        // Two filters may select one log.
        logs.dedup();
        let headers = self.missing_headers(slice, ends, &logs).await;
        // Above the last header nothing proves the branch: those logs are left to the next slice.
        logs.retain(|log| headers.range(log.block..).next().is_some());
        check_branch(&headers, &logs)?;
        let examined = self.blooms.examine(&headers, &logs, slice.request.filters)?;
        if let Some(block) = examined.bloomless {
            self.blooms.warn_of_missing(block).await;
        }
        let headers = headers.into_values().map(|header| header.block);
        let node = self.asker.endpoint().to_owned();
        let answer = LogsAnswer { headers: headers.collect(), logs };
        let reading = Reading { answer, doubts: examined.doubts, node };
        Ok((reading, refused))
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
        let mut pieces = self.asker.together_as(calls, read).await.into_iter();
        let mut next = || pieces.next().expect("a batch has an answer for each call");
        let header = |number, piece: Result<Piece, Failure>| {
            let header = piece.map_err(|failure| failure.during(OPERATION))?;
            self.headers.of_block(OPERATION, number, header.into_header())
        };
        let mut headers = BTreeMap::new();
        for end in ends {
            headers.insert(end, header(end, next())?);
        }
        let logs = next();
        expect_same(&headers[&slice.to], &header(slice.to, next())?)?;
        let logs = placed(part, logs?.into_logs())?;
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
        let read = |answer| self.asker.parse::<Vec<WireLog>>(answer);
        let (mut logs, mut failure) = (Vec::new(), None);
        for (part, found) in parts.iter().zip(self.asker.many_as(calls, read).await) {
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
            return Err(failure.expect("a part without an answer has a failure").into());
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
        let headers = self.headers.each(OPERATION, &ends).await;
        ends.iter().copied().zip(headers).map(|(end, header)| Ok((end, header?))).collect()
    }

    fn piece(&self, call: &Call, answer: Json) -> Result<Piece, Failure> {
        if call.is_divisible {
            self.asker.parse(answer).map(Piece::Logs)
        } else {
            self.asker.parse(answer).map(Piece::Header)
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
        let found = self.headers.each(OPERATION, &missing).await;
        for (number, header) in missing.into_iter().zip(found) {
            match header {
                Ok(header) => {
                    headers.insert(number, header);
                }
                Err(error) => {
                    let (endpoint, cause) = (self.asker.endpoint(), error.detail());
                    tracing::debug!(endpoint, %number, cause, "the range ends before a block");
                    headers.split_off(&number);
                    // A sparse range lacks the header of the block before, which has no logs.
                    let end = number.down(1);
                    if !headers.contains_key(&end)
                        && let Ok(header) = self.headers.one(OPERATION, end).await
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

/// The upper end of a slice must be one block before and after its logs were read.
fn expect_same(before: &Header, after: &Header) -> Result<(), ChainError> {
    if before == after {
        return Ok(());
    }
    let detail = format!("block {} was replaced while its range was read", before.block);
    Err(ChainError::block_gone(OPERATION, detail))
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
