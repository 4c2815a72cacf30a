//! What folds confirmed blocks into a store: the ledger of the tokens, the logs of the contracts.
//!
//! Both are at their cursors by themselves, and refuse blocks that do not build on them. They are
//! rewound together, in one write of the database that keeps both.

use super::contracts::ContractLogs;
use super::facts::{RangeFacts, Wanted};
use super::fetcher::Fetcher;
use super::followed::{Followed, FollowedId, Group};
use super::ledger::Ledger;
use super::poll::IndexerError;
use crate::error::StoreError;
use crate::logs::ConfirmedLog;
use crate::ports::{HeaderDetail, NewBlocks};
use crate::types::{BlockId, BlockNumber, BlockRef, ChainId, ContractId};

/// Confirmed blocks with what was wanted of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks<'a> {
    /// Never without headers.
    pub(super) facts: &'a RangeFacts,
    /// Which headers they have.
    pub(super) detail: HeaderDetail,
    /// For a projection that takes fewer blocks, whose last has no header here.
    pub(super) fetcher: &'a Fetcher,
    /// How many headers below the tip are held.
    pub(super) retained_headers: u64,
}

impl Blocks<'_> {
    pub(super) fn first(&self) -> BlockRef {
        *self.facts.first().expect("a verified answer has headers")
    }

    pub(super) fn tip(&self) -> BlockRef {
        *self.facts.last().expect("a verified answer has headers")
    }

    /// The blocks as a write adds them.
    pub(super) fn to_add(&self, chain: ChainId, base: Option<BlockId>) -> NewBlocks {
        let (first, tip) = (self.first(), self.tip());
        // Counted from the committed blocks, not from a head that was only claimed.
        let retain_from = tip.number.down(self.retained_headers);
        let held = self.facts.headers.iter().filter(|header| header.number >= retain_from);
        NewBlocks { chain, base, first, tip, headers: held.copied().collect(), retain_from }
    }
}

/// What the blocks came to.
#[derive(Debug)]
pub(super) struct Applied {
    /// What took them; a halted token did not.
    pub(super) taken: Vec<FollowedId>,
    /// The new cursor.
    pub(super) tip: BlockRef,
    /// The number of transfers folded.
    pub(super) transfers: u64,
    /// The number of logs that look like transfers and cannot be read.
    pub(super) unreadable: u64,
    /// The number of logs kept.
    pub(super) logs: u64,
}

impl Applied {
    pub(super) const fn nothing_at(tip: BlockRef) -> Self {
        Self { taken: Vec::new(), tip, transfers: 0, unreadable: 0, logs: 0 }
    }
}

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
