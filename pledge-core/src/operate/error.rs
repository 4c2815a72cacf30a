//! Why an act of an operator is refused.

use std::error::Error;

use crate::error::StoreError;
use crate::indexer::{ChainStatus, IndexerError};
use crate::query::SettlementId;
use crate::types::{BlockNumber, ChainId, OutOfRange, ProgrammeId, Timestamp, TokenId};

/// Why an act of an operator is refused. Nothing was written, where a variant does not state otherwise.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The store has no such chain.
    #[error("chain {0} is not followed")]
    UnknownChain(ChainId),
    /// The store has no such token.
    #[error("token {0} is not followed")]
    UnknownToken(TokenId),
    /// The token has no such programme.
    #[error("programme {0} does not exist")]
    UnknownProgramme(ProgrammeId),
    /// A halted chain is not followed anyway.
    #[error("chain {name} is not paused: {why}")]
    ChainHalted {
        /// The chain's name.
        name: String,
        /// What halted it.
        why: String,
    },
    /// There is nothing to resume.
    #[error("chain {name} is neither paused nor halted: it is {status}")]
    ChainNotStopped {
        /// The chain's name.
        name: String,
        /// What it does.
        status: ChainStatus,
    },
    /// There is nothing to resume.
    #[error("token {0} is neither halted nor paused")]
    TokenNotStopped(TokenId),
    /// The operator decided about another stop.
    #[error("it is {status}, not as it was found: read it again, then resume it")]
    OtherStop {
        /// How it is stopped now.
        status: String,
    },
    /// There is nothing to try again.
    #[error("nothing has failed in settlement {0}")]
    NothingFailed(SettlementId),
    /// A chain that is still followed would be indexed again at once.
    #[error("chain {name} is {status}: a rewind needs it paused or halted")]
    ChainFollowed {
        /// The chain's name.
        name: String,
        /// What it does.
        status: ChainStatus,
    },
    /// There is nothing to take back.
    #[error("nothing is above block {to}: the newest in the store is {}", newest_text(*.newest))]
    NothingAbove {
        /// The block to go back to.
        to: BlockNumber,
        /// The newest block in the store; `None` if it has none.
        newest: Option<BlockNumber>,
    },
    /// What would be taken back is not what the plan has any more.
    #[error("what would be taken back has changed since it was planned: plan it again")]
    PlanMoved,
    /// Nothing here can ask a node of the chain.
    #[error("no node of chain {0} is configured here")]
    NoNode(ChainId),
    /// The nodes of the chain cannot be used now.
    #[error("the nodes of the chain cannot be used now")]
    Nodes(#[source] Box<dyn Error + Send + Sync>),
    /// The node refused, or did not answer.
    #[error("the chain did not go back")]
    Rewind(#[source] IndexerError),
    /// A token has at most one programme of a name.
    #[error("programme {0} exists already: change its rates instead")]
    ProgrammeExists(ProgrammeId),
    /// What is published stays true.
    #[error(
        "the rate of programme {programme} would change before {settled}, which is settled already"
    )]
    RateSettled {
        /// The programme.
        programme: ProgrammeId,
        /// Up to where its rates are fixed.
        settled: Timestamp,
    },
    /// A value of the act cannot be.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The store refused or failed. After `Unavailable` the act may have been done.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

fn newest_text(newest: Option<BlockNumber>) -> String {
    newest.map_or_else(|| "none".to_owned(), |block| block.to_string())
}
