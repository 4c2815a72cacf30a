//! The logs of contracts as a projection: kept as the chain has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;

use super::blocks::{Applied, Blocks};
use super::followed::{FollowedId, Group};
use super::outcome::IndexerError;
use crate::error::StoreError;
use crate::logs::{ConfirmedLog, ContractSpec, ContractState};
use crate::ports::{ContractCommit, ContractLogsQuery, LogOrder, LogReads, LogStore, LogsCommit};
use crate::types::{BlockNumber, ChainId, ContractId, Log, LogIndex};

/// The contracts of one chain.
#[derive(Debug)]
pub(super) struct ContractLogs {
    chain: ChainId,
    store: Arc<dyn LogStore>,
    /// The contracts as they were read when the poll began, with their cursors as they are now.
    contracts: BTreeMap<ContractId, ContractState>,
}

impl ContractLogs {
    pub(super) const fn new(chain: ChainId, store: Arc<dyn LogStore>) -> Self {
        Self { chain, store, contracts: BTreeMap::new() }
    }

    /// Reads the contracts, once a poll.
    pub(super) async fn read(&mut self) -> Result<(), StoreError> {
        let contracts = self.store.contracts(self.chain).await?;
        let by_id = contracts.into_iter().map(|contract| (contract.spec.id.clone(), contract));
        self.contracts = by_id.collect();
        Ok(())
    }

    /// The contracts as they are now, ascending.
    pub(super) fn contracts(&self) -> impl Iterator<Item = &ContractState> {
        self.contracts.values()
    }

    /// What the group's contracts keep.
    pub(super) fn specs(&self, group: &Group) -> impl Iterator<Item = &ContractSpec> {
        let known = group.contracts().filter_map(|contract| self.contracts.get(contract));
        known.map(|contract| &contract.spec)
    }

    /// Whether a contract keeps a log.
    pub(super) fn selects(&self, contract: &ContractId, log: &Log) -> bool {
        self.contracts.get(contract).is_some_and(|known| known.spec.selects(log))
    }

    /// The newest log of a contract up to a height.
    pub(super) async fn newest_log(
        &self,
        contract: &ContractId,
        at_most: BlockNumber,
    ) -> Result<Option<ConfirmedLog>, StoreError> {
        // With the newest first, `after` is the bound from above: the first place above the height.
        let query = ContractLogsQuery {
            contract: contract.clone(),
            order: LogOrder::NewestFirst,
            after: Some((at_most.next(), LogIndex::new(0))),
            limit: 1,
        };
        Ok(self.store.contract_logs(&query).await?.value.into_iter().next())
    }

    /// Commits the blocks for the contracts of the group.
    pub(super) async fn apply(
        &mut self,
        group: &Group,
        blocks: &Blocks<'_>,
    ) -> Result<Applied, IndexerError> {
        let facts = blocks.facts;
        let time_of =
            |log: &Log| facts.header(log.block).expect("verified: a log's header is there").time;
        // There may be thousands of contracts: each looks through the logs of its own address only.
        let mut by_address: BTreeMap<Address, Vec<&Log>> = BTreeMap::new();
        for log in &facts.logs {
            by_address.entry(log.address).or_default().push(log);
        }
        let part = |spec: &ContractSpec| {
            let of_address = by_address.get(&spec.address).into_iter().flatten();
            let kept = of_address.filter(|log| spec.selects(log));
            let kept = kept.map(|log| ConfirmedLog { time: time_of(log), log: (*log).clone() });
            ContractCommit { contract: spec.id.clone(), logs: kept.collect() }
        };
        let commit = LogsCommit {
            blocks: blocks.new_blocks(self.chain, group.base()),
            contracts: self.specs(group).map(part).collect(),
        };
        self.store.commit_logs(&commit).await?;
        // What was written is known now, so the store need not be read again in this poll.
        let mut applied = Applied::nothing_at(commit.blocks.tip);
        for ContractCommit { contract, logs } in commit.contracts {
            applied.logs += logs.len() as u64;
            if let Some(state) = self.contracts.get_mut(&contract) {
                state.cursor = Some(commit.blocks.tip);
            }
            applied.taken.push(FollowedId::Contract(contract));
        }
        Ok(applied)
    }
}
