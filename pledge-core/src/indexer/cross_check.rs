//! A second source is asked before a slice is committed, and before a fork takes blocks back.

use crate::error::{ChainError, ChainErrorKind};
use crate::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use crate::types::{BlockNumber, BlockRef, BlockSpan, Log, LogFilter};

const OPERATION: &str = "cross-check a slice";

/// `Transient` if the second source has another answer, or none: then nothing is committed.
pub(super) async fn cross_check(
    second: &dyn ChainSource,
    ours: &LogsAnswer,
    filters: &[LogFilter<'_>],
    detail: HeaderDetail,
) -> Result<(), ChainError> {
    let (Some(first), Some(last)) = (ours.headers.first(), ours.last()) else {
        return Ok(());
    };
    // Exactly the blocks that the node returned: both answers must cover the same range to be
    // compared.
    let (from, to) = (first.number, last.number);
    let theirs = whole(second, LogsRequest { from, to, filters, detail }).await;
    let theirs = theirs.map_err(|error| {
        let detail = format!("blocks {from}..={to} cannot be cross-checked");
        ChainError::transient(OPERATION, detail).caused_by(error)
    })?;
    match difference(ours, &theirs) {
        None => Ok(()),
        Some((block, what)) => {
            let detail = format!(
                "block {block}: {what}. Nothing is committed until both sources agree: find out \
                 which of them is wrong, and replace it"
            );
            Err(ChainError::transient(OPERATION, detail))
        }
    }
}

/// `Transient` if the second source still has one of our blocks that the node has replaced, or has no
/// answer: then nothing is taken back.
pub(super) async fn cross_check_fork(
    second: &dyn ChainSource,
    ours: &BlockRef,
) -> Result<(), ChainError> {
    const OPERATION: &str = "cross-check a fork";
    match second.headers(BlockSpan::one(ours.number)).await {
        Ok(theirs) if !theirs.contains(ours) => Ok(()),
        Ok(_) => {
            let detail = format!(
                "block {ours} is not on the node's chain any more, but the second source \
                 still has it. Nothing is taken back until both sources agree: find out which of \
                 them is wrong, and replace it"
            );
            Err(ChainError::transient(OPERATION, detail))
        }
        // Without a block at that height the second source has not this one either.
        Err(error) if error.kind() == ChainErrorKind::BlockGone => Ok(()),
        Err(error) => {
            let detail = format!("the fork at block {ours} cannot be cross-checked");
            Err(ChainError::transient(OPERATION, detail).caused_by(error))
        }
    }
}

/// The whole range, in as many answers as the source needs.
async fn whole(
    source: &dyn ChainSource,
    request: LogsRequest<'_>,
) -> Result<LogsAnswer, ChainError> {
    let mut whole = LogsAnswer::default();
    let mut rest = request;
    loop {
        let part = source.logs(rest).await?;
        part.verify(&rest)?;
        whole.headers.extend(part.headers);
        whole.logs.extend(part.logs);
        match whole.last() {
            Some(last) if last.number < request.to => rest.from = last.number.next(),
            _ => break,
        }
    }
    whole.verify(&request)?;
    Ok(whole)
}

/// The first block in which two answers for the same blocks differ, and how. A header that only one
/// of them contains is no difference: answers may be cut differently.
fn difference(ours: &LogsAnswer, theirs: &LogsAnswer) -> Option<(BlockNumber, String)> {
    let headers = ours.headers.iter().find_map(|header| {
        let other = theirs.header(header.number).filter(|other| *other != header)?;
        let what = if other.hash == header.hash {
            let (time, theirs) = (header.time, other.time);
            format!("the node gives it time {time}, the second source {theirs}")
        } else {
            format!("the node has {}, the second source {}", header.hash, other.hash)
        };
        Some((header.number, what))
    });
    let logs = difference_in_logs(&ours.logs, &theirs.logs);
    [headers, logs].into_iter().flatten().min_by_key(|(block, _)| *block)
}

/// The lower block of the first pair of logs that differ.
fn difference_in_logs(ours: &[Log], theirs: &[Log]) -> Option<(BlockNumber, String)> {
    let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let first = [ours.get(same), theirs.get(same)].into_iter().flatten();
    let block = first.map(|log| log.block).min()?;
    let count = |logs: &[Log]| logs.iter().filter(|log| log.block == block).count();
    let (ours, theirs) = (count(ours), count(theirs));
    let how = if ours == theirs { ", with other contents" } else { "" };
    let differ = format!("its logs differ: the node has {ours}, the second source {theirs}{how}");
    Some((block, differ))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, Bytes};

    use super::*;
    use crate::types::{BlockRef, LogIndex, Timestamp, Topics};

    fn header(number: u64, branch: u8) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(number),
            hash: B256::repeat_byte(branch),
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        }
    }

    fn log(block: u64, index: u64, amount: u8) -> Log {
        Log {
            block: BlockNumber::new(block),
            block_hash: B256::ZERO,
            log_index: LogIndex::new(index),
            tx_hash: B256::ZERO,
            address: Address::ZERO,
            topics: Topics::default(),
            data: Bytes::from(vec![amount]),
        }
    }

    fn answer(headers: &[BlockRef], logs: &[Log]) -> LogsAnswer {
        LogsAnswer { headers: headers.to_vec(), logs: logs.to_vec() }
    }

    fn differs_at(ours: &LogsAnswer, theirs: &LogsAnswer) -> Option<u64> {
        let of = |a, b| difference(a, b).map(|(block, _)| block.get());
        assert_eq!(of(ours, theirs), of(theirs, ours), "which one is ours makes no difference");
        of(ours, theirs)
    }

    #[test]
    fn answers_that_were_cut_differently_are_the_same() {
        let ours = answer(&[header(1, 0), header(9, 0)], &[]);
        let theirs = answer(&[header(1, 0), header(5, 0), header(6, 0), header(9, 0)], &[]);
        assert_eq!(differs_at(&ours, &theirs), None);
    }

    #[test]
    fn the_first_block_that_differs_is_named() {
        let ends = [header(1, 0), header(9, 0)];
        let ours = answer(&ends, &[log(3, 0, 7), log(5, 0, 7)]);
        let cases: [(&[BlockRef], &[Log], u64); 6] = [
            (&[header(1, 0), header(9, 1)], &ours.logs, 9),
            (&[header(1, 1), header(9, 1)], &[], 1),
            (&ends, &[log(3, 0, 7)], 5),
            (&ends, &[log(5, 0, 7)], 3),
            (&ends, &[log(3, 0, 7), log(5, 0, 8)], 5),
            (&ends, &[log(3, 0, 7), log(3, 1, 7), log(5, 0, 7)], 3),
        ];
        for (headers, logs, block) in cases {
            assert_eq!(differs_at(&ours, &answer(headers, logs)), Some(block));
        }
    }
}
