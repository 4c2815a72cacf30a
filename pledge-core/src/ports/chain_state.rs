//! What is known of a chain, apart from its ledger.

use serde::{Deserialize, Serialize};

use crate::indexer::ChainStatus;
use crate::types::{BlockNumber, ChainId, Timestamp};

/// A chain as last reported by its indexer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainState {
    /// The chain's id.
    pub chain: ChainId,
    /// Its name in the configuration.
    pub name: String,
    /// What its indexer is doing.
    pub status: ChainStatus,
    /// Newest block seen on a node.
    pub head: Option<BlockNumber>,
    /// The head's block time, in unix seconds; `None` before it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_time: Option<Timestamp>,
    /// Newest block whose facts were fetched.
    pub processed: Option<BlockNumber>,
}

/// What an indexer reports about its chain. It decides no amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// The chain that the report is about.
    pub chain: ChainId,
    /// What its indexer is doing.
    pub status: ChainStatus,
    /// Newest block seen on a node, unchanged if `None`.
    pub head: Option<BlockNumber>,
    /// The head's block time, unchanged if `None`.
    pub head_time: Option<Timestamp>,
    /// Newest block whose facts were fetched, unchanged if `None`.
    pub processed: Option<BlockNumber>,
}

impl ChainReport {
    /// Checks that the report does not pause the chain, which only a person does; otherwise the
    /// reason to refuse it.
    pub fn check(&self) -> Result<(), String> {
        if self.status.is_paused() {
            return Err(format!("no report pauses chain {}: an operator does", self.chain));
        }
        Ok(())
    }
}

impl ChainState {
    /// Checks that blocks may be written that an indexer read; otherwise why they are refused. One that
    /// was under way when the chain was stopped has read its status before.
    pub fn require_followed(&self) -> Result<(), String> {
        if self.status.needs_operator() {
            return Err(format!("chain {} is {}", self.chain, self.status));
        }
        Ok(())
    }

    /// The state after a report. A paused or halted chain stays so until it is resumed: only its
    /// heights move, or a paused one is halted besides.
    #[must_use]
    pub fn after(&self, report: &ChainReport) -> Self {
        Self {
            chain: self.chain,
            name: self.name.clone(),
            status: self.status.reported(&report.status),
            head: report.head.or(self.head),
            head_time: report.head_time.or(self.head_time),
            processed: report.processed.or(self.processed),
        }
    }

    /// The state after a rewind to a block. The head was of the branch that was left, so it is
    /// unknown until the next report.
    #[must_use]
    pub fn rewound(&self, to: BlockNumber) -> Self {
        Self {
            head: None,
            head_time: None,
            processed: self.processed.map(|processed| processed.min(to)),
            ..self.clone()
        }
    }
}
