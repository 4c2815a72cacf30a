//! Registers the tokens and contracts of one chain, each as soon as it is known.

use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ledger::TokenSpec;
use pledge_core::logs::ContractSpec;
use tokio::sync::watch;

use super::inspection::report_degraded;
use super::{Incident, Incidents};
use crate::backoff::Backoff;
use crate::config::{ChainConfig, ContractConfig, Key, TokenConfig};
use crate::nodes::Nodes;
use crate::setup::{self, Discovered, FoundContract, SetupError};
use crate::stores::Stores;

/// Tokens or contracts per lookup. Each group is registered before the next is looked up.
const AT_ONCE: usize = 50;
/// Reasons that are reported; the rest is counted.
const LISTED_MAX: usize = 5;

/// Registers the tokens and contracts of one chain; one that cannot be registered delays no other.
#[derive(Debug)]
pub(super) struct Registrar {
    config: ChainConfig,
    source: Arc<dyn Nodes>,
    stores: Stores,
    incident: Incident,
    /// Whether there is anything to follow.
    any: watch::Sender<bool>,
}

/// What is not registered, and why.
#[derive(Default)]
struct Open {
    tokens: Vec<TokenConfig>,
    contracts: Vec<ContractConfig>,
    reasons: Vec<String>,
}

impl Open {
    fn token(&mut self, token: TokenConfig, error: SetupError) {
        self.reasons.push(reason(&token.key, error));
        self.tokens.push(token);
    }

    fn contract(&mut self, contract: ContractConfig, error: SetupError) {
        self.reasons.push(reason(&contract.key, error));
        self.contracts.push(contract);
    }

    const fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}

fn reason(key: &Key, error: SetupError) -> String {
    match error {
        SetupError::Config(error) => error.in_one_line(),
        other => format!("{key}: {:#}", anyhow::Error::from(other)),
    }
}

impl Registrar {
    /// Also returns a receiver: whether the chain has anything to follow.
    pub(super) fn new(
        config: ChainConfig,
        source: Arc<dyn Nodes>,
        stores: Stores,
        incidents: &Incidents,
    ) -> (Self, watch::Receiver<bool>) {
        let incident = incidents.of_chain(&config.name, "registering tokens and contracts");
        let (any, is_any) = watch::channel(false);
        (Self { config, source, stores, incident, any }, is_any)
    }

    /// Registers what the store knows or the first look found, then asks the nodes until everything
    /// is registered.
    pub(super) async fn run(mut self, tokens: Vec<Discovered>, contracts: Vec<FoundContract>) {
        let mut backoff = Backoff::default();
        let mut open = Open::default();
        self.register_known(tokens, &mut open).await;
        self.register_known_contracts(contracts, &mut open).await;
        while !open.is_empty() {
            self.report(&open.reasons).await;
            tokio::time::sleep(backoff.delay()).await;
            open = self.register_others(open).await;
        }
        self.incident.close();
        while let Err(error) = setup::announce(&self.config, &self.stores).await {
            tracing::debug!(chain = self.config.name, %error, "what is stored cannot be compared");
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    /// Registers the tokens that the store already has, and those that were found.
    async fn register_known(&self, found: Vec<Discovered>, open: &mut Open) {
        if self.stores.balances.tokens(self.config.id).await.is_ok_and(|known| !known.is_empty()) {
            self.any.send_replace(true);
        }
        let is_found = |token: &TokenConfig| found.iter().any(|one| one.token.key == token.key);
        for token in self.config.tokens.iter().filter(|token| !is_found(token)) {
            if let Err(error) = self.register_again(token).await {
                open.token(token.clone(), error);
            }
        }
        self.register_found(found, open).await;
    }

    /// Registers the contracts that the store already has, and those that were found.
    async fn register_known_contracts(&self, found: Vec<FoundContract>, open: &mut Open) {
        if self.stores.logs.contracts(self.config.id).await.is_ok_and(|known| !known.is_empty()) {
            self.any.send_replace(true);
        }
        let is_found =
            |contract: &ContractConfig| found.iter().any(|one| one.contract.id == contract.id);
        for contract in self.config.contracts.iter().filter(|contract| !is_found(contract)) {
            if let Err(error) = self.register_contract_again(contract).await {
                open.contract(contract.clone(), error);
            }
        }
        self.register_found_contracts(found, open).await;
    }

    /// Looks what failed up again and registers it.
    async fn register_others(&self, failed: Open) -> Open {
        let mut open = Open::default();
        for tokens in failed.tokens.chunks(AT_ONCE) {
            let found = setup::discover(&self.config, &*self.source, tokens).await;
            self.register_found(found, &mut open).await;
        }
        for contracts in failed.contracts.chunks(AT_ONCE) {
            let found = setup::discover_contracts(&self.config, &*self.source, contracts).await;
            self.register_found_contracts(found, &mut open).await;
        }
        open
    }

    async fn register_found(&self, found: Vec<Discovered>, open: &mut Open) {
        for Discovered { token, spec } in found {
            let registered = match spec {
                Ok(spec) => self.register(&token, &spec).await,
                Err(error) => Err(error),
            };
            if let Err(error) = registered {
                open.token(token, error);
            }
        }
    }

    async fn register_found_contracts(&self, found: Vec<FoundContract>, open: &mut Open) {
        for FoundContract { contract, spec } in found {
            let registered = match spec {
                Ok(spec) => self.register_contract(&contract, &spec).await,
                Err(error) => Err(error),
            };
            if let Err(error) = registered {
                open.contract(contract, error);
            }
        }
    }

    /// Registers a token with its spec from the store and its current programme.
    async fn register_again(&self, token: &TokenConfig) -> Result<(), SetupError> {
        let id = setup::token_id(&self.config, token);
        let state = self.stores.balances.token(id).await?;
        self.register(token, &state.ok_or_else(not_asked)?.spec).await
    }

    /// Registers a contract as it is configured, from its first block in the store.
    async fn register_contract_again(&self, contract: &ContractConfig) -> Result<(), SetupError> {
        let state = self.stores.logs.contract(&contract.id).await?.ok_or_else(not_asked)?;
        let start = contract.start_block.unwrap_or(state.spec.start_block);
        self.register_contract(contract, &contract.spec(start)).await
    }

    async fn register(&self, token: &TokenConfig, spec: &TokenSpec) -> Result<(), SetupError> {
        setup::register_token(&self.config, token, spec, &self.stores).await?;
        self.any.send_replace(true);
        Ok(())
    }

    async fn register_contract(
        &self,
        contract: &ContractConfig,
        spec: &ContractSpec,
    ) -> Result<(), SetupError> {
        setup::register_contract(contract, spec, &self.stores).await?;
        self.any.send_replace(true);
        Ok(())
    }

    /// Reports why something is not registered; if there is nothing to follow, as the status of the
    /// chain too.
    async fn report(&mut self, open: &[String]) {
        let mut reasons: Vec<String> = open.iter().take(LISTED_MAX).cloned().collect();
        if open.len() > LISTED_MAX {
            reasons.push(format!("and {} more", open.len() - LISTED_MAX));
        }
        let reasons = reasons.join("; ");
        self.incident.report(&reasons);
        let is_any = *self.any.borrow();
        if !is_any {
            report_degraded(&self.stores, &self.config, reasons).await;
        }
    }
}

fn not_asked() -> ChainError {
    ChainError::transient("look it up", "no node was asked for it yet")
}
