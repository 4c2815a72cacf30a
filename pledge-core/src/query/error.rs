//! Why a query has no answer.

use alloy_primitives::Address;

use super::SettlementId;
use crate::error::{StoreError, StoreErrorKind};
use crate::types::{Account, ChainId, OutOfRange, Overflow, ProgrammeId, Timestamp, TokenId};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The chain is not followed.
    #[error("chain {0} is not followed")]
    UnknownChain(ChainId),
    /// The token is not followed.
    #[error("token {0} is not followed")]
    UnknownToken(TokenId),
    /// No chain of the question has a token with this address.
    #[error("token {0} is not followed")]
    UnknownAddress(Address),
    /// The token has no such programme.
    #[error("programme {0} does not exist")]
    UnknownProgramme(ProgrammeId),
    /// No token of the question has a programme of this name.
    #[error("no token has a programme {0}")]
    UnknownProgrammeName(String),
    /// The account was seen on tokens, but none of them has the programme.
    #[error("no token of this account has that programme")]
    NoTokenWithProgramme,
    /// The account was seen on more tokens than one answer has.
    #[error("account {account} was seen on more than {max} tokens: ask for it token by token")]
    TooManyTokens {
        /// The account asked for.
        account: Account,
        /// The most that one answer has.
        max: usize,
    },
    /// The name of the programme is none.
    #[error(transparent)]
    MalformedProgramme(OutOfRange),
    /// The programme has no settlement of that window.
    #[error("there is no settlement {0}")]
    UnknownSettlement(SettlementId),
    /// Nothing is confirmed yet.
    #[error("token {0} has no confirmed block yet")]
    NotStarted(TokenId),
    /// Later than the newest confirmed block.
    #[error("{asked} is later than the confirmed block's time {bound}")]
    TooLate {
        /// The instant asked for.
        asked: Timestamp,
        /// The latest instant with an answer.
        bound: Timestamp,
    },
    /// Before the token's first block.
    #[error("{asked} is before the time of the token's first block, {bound}")]
    TooEarly {
        /// The instant asked for.
        asked: Timestamp,
        /// The earliest instant with an answer.
        bound: Timestamp,
    },
    /// The edges of intervals go back in time.
    #[error("{earlier} comes after {later}: the edges must ascend")]
    Descending {
        /// The edge that comes too late in the list.
        earlier: Timestamp,
        /// The edge before it.
        later: Timestamp,
    },
    /// The store refused or failed; its kind is `Conflict` if the ledger moved under every attempt.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A number exceeds its range: the store is corrupt.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl QueryError {
    /// The reads of one attempt saw different states.
    pub(super) fn moved() -> Self {
        let detail = "the ledger moves under every read; ask again";
        StoreError::conflict("answer a query", detail).into()
    }

    /// Whether the ledger moved under the reads.
    pub fn has_moved(&self) -> bool {
        matches!(self, Self::Store(error) if error.kind() == StoreErrorKind::Conflict)
    }
}
