//! What folds confirmed blocks into a store: the ledger of the tokens, the logs of the contracts.
//!
//! Both are at their cursors by themselves, and refuse blocks that do not build on them. They are
//! rewound together, in one write of the database that keeps both.

use super::blocks::{Applied, Blocks};
use super::contracts::ContractLogs;
use super::facts::Wanted;
use super::followed::{Followed, Group};
use super::ledger::Ledger;
use super::outcome::IndexerError;
use crate::error::StoreError;
use crate::logs::ConfirmedLog;
use crate::types::{BlockNumber, ContractId, Log};

/// The projections of one chain in one database.
#[derive(Debug)]
pub(super) struct Projections {
    pub(super) ledger: Ledger,
    pub(super) contracts: Option<ContractLogs>,
}

impl Projections {
    /// Reads how far everything is, once a poll.
    pub(super) async fn read(&mut self) -> Result<(), StoreError> {
        self.ledger.read().await?;
        match &mut self.contracts {
            Some(contracts) => contracts.read().await,
            None => Ok(()),
        }
    }

    /// Everything that is followed, as far as it is now.
    pub(super) fn followed(&self) -> Vec<Followed> {
        let contracts = self.contracts.iter().flat_map(ContractLogs::contracts);
        self.ledger.tokens().map(Followed::from).chain(contracts.map(Followed::from)).collect()
    }

    /// The logs that a group needs.
    pub(super) fn wanted(&self, group: &Group) -> Wanted {
        let specs = self.contracts.iter().flat_map(|contracts| contracts.specs(group));
        Wanted::new(group.token_addresses(), specs)
    }

    /// Whether a contract keeps a log.
    pub(super) fn selects(&self, contract: &ContractId, log: &Log) -> bool {
        self.contracts.as_ref().is_some_and(|contracts| contracts.selects(contract, log))
    }

    /// The newest log of a contract up to a height.
    pub(super) async fn newest_log(
        &self,
        contract: &ContractId,
        at_most: BlockNumber,
    ) -> Result<Option<ConfirmedLog>, StoreError> {
        match &self.contracts {
            Some(contracts) => contracts.newest_log(contract, at_most).await,
            None => Ok(None),
        }
    }

    /// Adds the blocks to everything in the group.
    pub(super) async fn apply(
        &mut self,
        group: &Group,
        blocks: &Blocks<'_>,
    ) -> Result<Vec<Applied>, IndexerError> {
        // One write each: a crash between them leaves two cursors, which are two groups at the next
        // poll.
        let mut all = Vec::new();
        if group.tokens().next().is_some() {
            all.push(self.ledger.apply(group, blocks).await?);
        }
        if let Some(contracts) = &mut self.contracts
            && group.contracts().next().is_some()
        {
            all.push(contracts.apply(group, blocks).await?);
        }
        Ok(all)
    }

    /// The highest cursor.
    pub(super) fn top(&self) -> Option<BlockNumber> {
        let active = self.followed().into_iter().filter(|one| one.is_active);
        active.filter_map(|one| one.cursor).map(|cursor| cursor.number).max()
    }
}
