//! The contracts of a chain whose logs are kept: compared with the store, looked up, registered.

use pledge_core::engine::{Registration, RegistrationError};
use pledge_core::error::{ChainError, ChainErrorKind, StoreError};
use pledge_core::ledger::erc20;
use pledge_core::logs::ContractSpec;
use pledge_core::types::{BlockNumber, BlockRef, Call, Decimals};

use super::SetupError;
use super::discover::above_the_head;
use crate::config::{ChainConfig, ConfigError, ContractConfig, Problems};
use crate::nodes::{Nodes, StartAnswer, StartQuestion, TokenQuestion};
use crate::stores::Stores;

const OPERATION: &str = "look a contract up";

/// A contract that was looked up.
#[derive(Debug)]
pub struct FoundContract {
    /// How it is followed.
    pub contract: ContractConfig,
    /// What is to be registered. A wrong key needs the operator; any other error may pass.
    pub spec: Result<ContractSpec, SetupError>,
}

/// Checks each contract against the store: what is registered under a name is fixed.
pub(super) async fn check_all(
    chain: &ChainConfig,
    stores: &Stores,
    problems: &mut Problems,
) -> Result<Vec<Option<ContractSpec>>, StoreError> {
    let mut known = Vec::with_capacity(chain.contracts.len());
    for contract in &chain.contracts {
        let state = stores.logs.contract(&contract.id).await?;
        let spec = state.map(|state| state.spec);
        if let Some(registered) = &spec {
            let wanted = contract.spec(contract.start_block.unwrap_or(registered.start_block));
            if wanted != *registered {
                problems.add(&contract.key, registered.refuse(&wanted).detail());
            }
        }
        known.push(spec);
    }
    Ok(known)
}

/// The contracts that the store does not have yet.
pub(super) async fn unknown_contracts(
    chain: &ChainConfig,
    stores: &Stores,
) -> Result<Vec<ContractConfig>, StoreError> {
    let mut unknown = Vec::new();
    for contract in &chain.contracts {
        if stores.logs.contract(&contract.id).await?.is_none() {
            unknown.push(contract.clone());
        }
    }
    Ok(unknown)
}

/// Looks contracts up together. The result keeps their order, and no contract fails another.
pub async fn discover_contracts(
    chain: &ChainConfig,
    source: &dyn Nodes,
    contracts: &[ContractConfig],
) -> Vec<FoundContract> {
    if contracts.is_empty() {
        return Vec::new();
    }
    let seen = async {
        let head = source.head().await?;
        Ok((head, codes(source, contracts, &head).await?))
    };
    let (head, codes) = match seen.await {
        Ok(seen) => seen,
        Err(error) => return contracts.iter().map(|one| failed(one, &error)).collect(),
    };
    let mut deployments = deployments(chain, source, contracts).await.into_iter();
    let judged = contracts.iter().zip(codes).map(|(contract, has_code)| {
        let key = |name| contract.key.child(name);
        let spec = (|| {
            let start = match contract.start_block {
                Some(block) => Ok(block),
                None => deployed(contract, deployments.next().expect("one for each")),
            };
            // The address is judged first: without a contract there is no deployment to find either,
            // and it is the address that is wrong.
            if !has_code {
                let error = erc20::no_code(OPERATION, contract.address);
                return Err(ConfigError::at(&key("address"), error.detail()).into());
            }
            let start = start?;
            if start > head.number {
                return Err(above_the_head(&key("start_block"), start, head.number).into());
            }
            Ok(contract.spec(start))
        })();
        FoundContract { contract: contract.clone(), spec }
    });
    judged.collect()
}

/// Whether each address has code at a block.
async fn codes(
    source: &dyn Nodes,
    contracts: &[ContractConfig],
    at: &BlockRef,
) -> Result<Vec<bool>, ChainError> {
    let calls: Vec<Call> = contracts.iter().map(|one| Call::Code(one.address)).collect();
    let outcomes = source.calls(&calls, at.id()).await?.into_iter();
    let codes = outcomes.map(|code| {
        let code = code.map_err(|error| ChainError::transient(OPERATION, error.to_string()))?;
        Ok(!code.is_empty())
    });
    codes.collect()
}

/// The blocks of deployment of the contracts without a `start_block`, in their order.
async fn deployments(
    chain: &ChainConfig,
    source: &dyn Nodes,
    contracts: &[ContractConfig],
) -> Vec<Result<StartAnswer, ChainError>> {
    let wanted = contracts.iter().filter(|contract| contract.start_block.is_none());
    let questions: Vec<TokenQuestion> = wanted
        .map(|contract| TokenQuestion {
            address: contract.address,
            start: StartQuestion::Deployment,
            // Not every contract has decimals: without a default each node would be asked for them.
            decimals: Decimals::new(0).ok(),
        })
        .collect();
    if questions.is_empty() {
        return Vec::new();
    }
    tracing::info!(chain = chain.name, "looking for blocks of deployment on its nodes");
    let found = source.look_up(&questions).await;
    found.into_iter().map(|found| found.start).collect()
}

fn deployed(
    contract: &ContractConfig,
    found: Result<StartAnswer, ChainError>,
) -> Result<BlockNumber, SetupError> {
    match found {
        Ok(StartAnswer::Deployment(block)) => Ok(block),
        Ok(other) => {
            let detail = format!("asked for a deployment, answered {other:?}");
            Err(ChainError::transient(OPERATION, detail).into())
        }
        Err(error) if error.kind() == ChainErrorKind::Persistent => {
            Err(ConfigError::at(&contract.key.child("start_block"), error.detail()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a contract known to the store. Idempotent; what is registered is fixed.
pub async fn register_contract(
    contract: &ContractConfig,
    spec: &ContractSpec,
    stores: &Stores,
) -> Result<(), SetupError> {
    let ports = stores.ports();
    match Registration::new(&ports).contract(spec).await {
        Err(RegistrationError::Refused { source, .. }) => {
            Err(ConfigError::at(&contract.key, source.detail()).into())
        }
        other => Ok(other?),
    }
}

/// Warns of contracts that the configuration no longer has: they continue.
pub(super) async fn announce(chain: &ChainConfig, stores: &Stores) -> Result<(), StoreError> {
    for state in stores.logs.contracts(chain.id).await? {
        let id = &state.spec.id;
        if !chain.contracts.iter().any(|contract| contract.id == *id) {
            tracing::warn!(contract = %id, "still followed, though no longer in the configuration");
        }
    }
    Ok(())
}

fn failed(contract: &ContractConfig, error: &ChainError) -> FoundContract {
    let again = ChainError::new(error.kind(), OPERATION, error.detail().to_owned());
    FoundContract { contract: contract.clone(), spec: Err(again.into()) }
}
