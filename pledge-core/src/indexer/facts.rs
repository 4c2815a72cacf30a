//! What the ledger reads in a verified answer.

use crate::ledger::{Transfer, UnreadableLog, erc20};
use crate::ports::{LogsAnswer, header_of};
use crate::types::{BlockNumber, BlockRef};

/// The blocks of a range with their transfers, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RangeFacts {
    /// As in the answer.
    pub(super) headers: Vec<BlockRef>,
    /// In the chain's order.
    pub(super) transfers: Vec<Transfer>,
    /// Logs with the topic of a transfer that cannot be read as one, in the same order.
    pub(super) unreadable: Vec<UnreadableLog>,
}

impl RangeFacts {
    /// Decodes the logs of a verified answer.
    pub(super) fn of(answer: LogsAnswer) -> Self {
        let LogsAnswer { headers, logs } = answer;
        let (mut transfers, mut unreadable) = (Vec::with_capacity(logs.len()), Vec::new());
        for log in &logs {
            match erc20::decode(log) {
                Ok(transfer) => transfers.extend(transfer),
                Err(log) => unreadable.push(log),
            }
        }
        Self { headers, transfers, unreadable }
    }

    /// The last block of the range.
    pub(super) fn last(&self) -> Option<&BlockRef> {
        self.headers.last()
    }

    /// The header of a block, if it is there.
    pub(super) fn header(&self, number: BlockNumber) -> Option<&BlockRef> {
        header_of(&self.headers, number)
    }

    /// The part below a block. Its last block may have no header here.
    pub(super) fn below(&self, block: BlockNumber) -> Self {
        let headers = self.headers.iter().filter(|header| header.number < block).copied();
        let transfers = self.transfers.iter().filter(|transfer| transfer.block < block).cloned();
        let unreadable = self.unreadable.iter().filter(|log| log.block < block).copied();
        Self {
            headers: headers.collect(),
            transfers: transfers.collect(),
            unreadable: unreadable.collect(),
        }
    }
}
