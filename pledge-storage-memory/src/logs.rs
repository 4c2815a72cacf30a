//! The port of contracts' logs.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::event::RewoundContract;
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::ports::{
    ContractLogsQuery, LogOrder, LogReads, LogStore, LogsCommit, Rewind, Seen,
};
use pledge_core::types::{BlockId, ChainId, ContractId, LogIndex};

use crate::MemoryStore;
use crate::contract::Contract;
use crate::state::State;

#[async_trait]
impl LogReads for MemoryStore {
    async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError> {
        let state = self.lock();
        let of_chain = state.contracts.values().filter(|contract| contract.is_of(chain));
        Ok(of_chain.map(|contract| contract.state.clone()).collect())
    }

    async fn contract(&self, contract: &ContractId) -> Result<Option<ContractState>, StoreError> {
        Ok(self.lock().contracts.get(contract).map(|contract| contract.state.clone()))
    }

    async fn contract_logs(
        &self,
        query: &ContractLogsQuery,
    ) -> Result<Seen<Vec<ConfirmedLog>>, StoreError> {
        let state = self.lock();
        let contract = state.contract(&query.contract)?;
        let bound = query.after.map_or(Unbounded, Excluded);
        let logs = &contract.logs;
        let page: Vec<_> = match query.order {
            LogOrder::OldestFirst => logs.range((bound, Unbounded)).take(query.limit).collect(),
            LogOrder::NewestFirst => {
                logs.range((Unbounded, bound)).rev().take(query.limit).collect()
            }
        };
        let value = page.into_iter().map(|(_, log)| log.clone()).collect();
        let ContractState { cursor, epoch, .. } = contract.state;
        Ok(Seen { cursor, epoch, value })
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn register_contract(&self, spec: &ContractSpec) -> Result<ContractState, StoreError> {
        let mut state = self.lock();
        state.chain(spec.id.chain)?;
        let fresh = || Contract::registered(spec.clone());
        let contract = state.contracts.entry(spec.id.clone()).or_insert_with(fresh);
        if contract.state.spec == *spec {
            return Ok(contract.state.clone());
        }
        Err(contract.state.spec.refuse(spec))
    }

    async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError> {
        const OPERATION: &str = "commit logs";
        let mut state = self.lock();
        commit.check().map_err(|detail| StoreError::invalid(OPERATION, detail))?;
        state.require_followed(OPERATION, commit.blocks.chain)?;
        state.check_headers(OPERATION, &commit.blocks)?;
        for part in &commit.contracts {
            let contract = state.contract(&part.contract)?;
            contract.require_cursor(OPERATION, commit.blocks.base)?;
            let follows = commit.blocks.check_follows(contract.state.cursor.as_ref());
            follows.map_err(|detail| StoreError::invalid(OPERATION, detail))?;
            let selected = part.check_selected(&contract.state.spec);
            selected.map_err(|detail| StoreError::invalid(OPERATION, detail))?;
        }
        for part in &commit.contracts {
            let contract = state.contract_mut(&part.contract)?;
            contract.logs.extend(part.logs.iter().map(|kept| (kept.log.place(), kept.clone())));
            contract.state.logs = contract.logs.len() as u64;
            contract.state.cursor = Some(commit.blocks.tip);
        }
        state.chain_mut(commit.blocks.chain)?.hold(&commit.blocks);
        Ok(())
    }
}

/// The contracts of a rewind as they are after it, not stored yet: a refusal must leave every one
/// as it was.
pub(crate) fn rewound(
    state: &State,
    request: &Rewind,
) -> Result<Vec<(Contract, RewoundContract)>, StoreError> {
    let rewind = |(id, cursor): &(ContractId, BlockId)| {
        let mut contract = state.contract(id)?.clone();
        contract.require_cursor("rewind the ledger", Some(*cursor))?;
        let removed = contract.logs.split_off(&(request.to.number.next(), LogIndex::new(0)));
        let keeps_logs = request.keeps_logs(&contract.state);
        contract.state.logs = contract.logs.len() as u64;
        contract.state.cursor = keeps_logs.then_some(request.to);
        contract.state.epoch = contract.state.epoch.next();
        let record = RewoundContract {
            contract: id.clone(),
            from: *cursor,
            epoch: contract.state.epoch,
            logs_removed: removed.len() as u64,
        };
        Ok((contract, record))
    };
    request.contracts.iter().map(rewind).collect()
}
