//! A second source is asked before a slice is committed, and before a fork takes blocks back.

use alloy_primitives::Address;

use super::poll::Indexer;
use crate::error::{ChainError, ChainErrorKind};
use crate::ports::{ChainSource, HeaderDetail, RangeFacts, RangeRequest};
use crate::types::{BlockNumber, BlockRef};

const OPERATION: &str = "cross-check a slice";

impl Indexer {
    /// `Transient` if the second source has another answer, or none: then nothing is committed.
    pub(super) async fn cross_check(
        &self,
        facts: &RangeFacts,
        tokens: &[Address],
        detail: HeaderDetail,
    ) -> Result<(), ChainError> {
        let (Some(second), Some(first), Some(last)) =
            (&self.second, facts.headers.first(), facts.last())
        else {
            return Ok(());
        };
        // Exactly the blocks that the node returned: both answers must cover the same range to be
        // compared.
        let (from, to) = (first.number, last.number);
        let request = RangeRequest { from, to, tokens, detail };
        let theirs = whole(&**second, request).await.map_err(|error| {
            let detail = format!("blocks {from}..={to} cannot be cross-checked");
            ChainError::transient(OPERATION, detail).caused_by(error)
        })?;
        match difference(facts, &theirs) {
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

    /// `Transient` if the second source still has a block of the ledger that the node has replaced,
    /// or has no answer: then nothing is taken back.
    pub(super) async fn cross_check_fork(&self, ours: &BlockRef) -> Result<(), ChainError> {
        const OPERATION: &str = "cross-check a fork";
        let Some(second) = &self.second else { return Ok(()) };
        match second.headers(ours.number, ours.number).await {
            Ok(theirs) if !theirs.contains(ours) => Ok(()),
            Ok(_) => {
                let detail = format!(
                    "block {ours} is not on the node's chain any more, but the second source \
                     still has it. Nothing is taken back until both sources agree: find out which of \
                     them is wrong, and replace it"
                );
                Err(ChainError::transient(OPERATION, detail))
            }
            Err(error) if error.kind() == ChainErrorKind::BlockGone => Ok(()),
            Err(error) => {
                let detail = format!("the fork at block {ours} cannot be cross-checked");
                Err(ChainError::transient(OPERATION, detail).caused_by(error))
            }
        }
    }
}

/// The whole range, in as many answers as the source needs.
async fn whole(
    source: &dyn ChainSource,
    request: RangeRequest<'_>,
) -> Result<RangeFacts, ChainError> {
    let mut whole = RangeFacts::default();
    let mut rest = request;
    loop {
        let part = source.range(rest).await?;
        part.verify(&rest)?;
        whole.headers.extend(part.headers);
        whole.transfers.extend(part.transfers);
        whole.unreadable.extend(part.unreadable);
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
fn difference(ours: &RangeFacts, theirs: &RangeFacts) -> Option<(BlockNumber, String)> {
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
    let transfers = difference_in("transfers", &ours.transfers, &theirs.transfers, |t| t.block);
    let (logs, other) = (&ours.unreadable, &theirs.unreadable);
    let logs = difference_in("unreadable logs", logs, other, |log| log.block);
    [headers, transfers, logs].into_iter().flatten().min_by_key(|(block, _)| *block)
}

/// The lower block of the first pair of logs that differ.
fn difference_in<T: PartialEq>(
    what: &str,
    ours: &[T],
    theirs: &[T],
    block_of: impl Fn(&T) -> BlockNumber,
) -> Option<(BlockNumber, String)> {
    let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let block = [ours.get(same), theirs.get(same)].into_iter().flatten().map(&block_of).min()?;
    let count = |logs: &[T]| logs.iter().filter(|log| block_of(log) == block).count();
    let (ours, theirs) = (count(ours), count(theirs));
    let how = if ours == theirs { ", with other contents" } else { "" };
    let differ = format!("its {what} differ: the node has {ours}, the second source {theirs}{how}");
    Some((block, differ))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::ledger::Transfer;
    use crate::types::{Amount, BlockRef, LogIndex, Timestamp};

    fn header(number: u64, branch: u8) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(number),
            hash: B256::repeat_byte(branch),
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        }
    }

    fn transfer(block: u64, index: u64, amount: u64) -> Transfer {
        Transfer {
            token: Address::ZERO,
            block: BlockNumber::new(block),
            log_index: LogIndex::new(index),
            tx_hash: B256::ZERO,
            from: Address::ZERO,
            to: Address::ZERO,
            amount: Amount::from(amount),
        }
    }

    fn facts(headers: &[BlockRef], transfers: &[Transfer]) -> RangeFacts {
        let (headers, transfers) = (headers.to_vec(), transfers.to_vec());
        RangeFacts { headers, transfers, unreadable: Vec::new() }
    }

    fn differs_at(ours: &RangeFacts, theirs: &RangeFacts) -> Option<u64> {
        let of = |a, b| difference(a, b).map(|(block, _)| block.get());
        assert_eq!(of(ours, theirs), of(theirs, ours), "which one is ours makes no difference");
        of(ours, theirs)
    }

    #[test]
    fn answers_that_were_cut_differently_are_the_same() {
        let ours = facts(&[header(1, 0), header(9, 0)], &[]);
        let theirs = facts(&[header(1, 0), header(5, 0), header(6, 0), header(9, 0)], &[]);
        assert_eq!(differs_at(&ours, &theirs), None);
    }

    #[test]
    fn the_first_block_that_differs_is_named() {
        let ends = [header(1, 0), header(9, 0)];
        let ours = facts(&ends, &[transfer(3, 0, 7), transfer(5, 0, 7)]);
        let cases: [(&[BlockRef], &[Transfer], u64); 6] = [
            (&[header(1, 0), header(9, 1)], &ours.transfers, 9),
            (&[header(1, 1), header(9, 1)], &[], 1),
            (&ends, &[transfer(3, 0, 7)], 5),
            (&ends, &[transfer(5, 0, 7)], 3),
            (&ends, &[transfer(3, 0, 7), transfer(5, 0, 8)], 5),
            (&ends, &[transfer(3, 0, 7), transfer(3, 1, 7), transfer(5, 0, 7)], 3),
        ];
        for (headers, transfers, block) in cases {
            assert_eq!(differs_at(&ours, &facts(headers, transfers)), Some(block));
        }
    }
}
