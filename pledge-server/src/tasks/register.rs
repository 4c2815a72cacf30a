//! Registers the tokens of one chain, each as soon as it is known.

use std::sync::Arc;

use pledge_chain_evm::EvmNodes;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenSpec;
use tokio::sync::watch;

use super::inspection::report_degraded;
use super::{Incident, Incidents};
use crate::backoff::Backoff;
use crate::config::{ChainConfig, TokenConfig};
use crate::setup::{self, Discovered, SetupError};
use crate::stores::Stores;

/// Tokens per lookup. Each group is registered before the next is looked up.
const TOKENS_AT_ONCE: usize = 50;
/// Reasons that are reported; the rest is counted.
const LISTED_MAX: usize = 5;

/// Registers the tokens of one chain; a token that cannot be registered delays no other.
#[derive(Debug)]
pub(super) struct Registrar {
    config: ChainConfig,
    source: Arc<EvmNodes>,
    stores: Stores,
    incident: Incident,
    /// Whether there is anything to follow.
    any: watch::Sender<bool>,
}

/// A token that is not registered, and why.
struct Open {
    token: TokenConfig,
    reason: String,
}

impl Open {
    fn new(token: TokenConfig, error: SetupError) -> Self {
        let reason = match error {
            SetupError::Config(error) => error.in_one_line(),
            other => format!("{}: {:#}", token.key, anyhow::Error::from(other)),
        };
        Self { token, reason }
    }
}

impl Registrar {
    /// Also returns a receiver: whether the chain has any token to follow.
    pub(super) fn new(
        config: ChainConfig,
        source: Arc<EvmNodes>,
        stores: Stores,
        incidents: &Incidents,
    ) -> (Self, watch::Receiver<bool>) {
        let incident = incidents.of_chain(&config.name, "registering tokens");
        let (any, is_any) = watch::channel(false);
        (Self { config, source, stores, incident, any }, is_any)
    }

    /// Registers the tokens known to the store or the first look, then asks the nodes until every
    /// token is registered.
    pub(super) async fn run(mut self, found: Vec<Discovered>) {
        let mut backoff = Backoff::default();
        let mut open = self.register_known(found).await;
        while !open.is_empty() {
            self.report(&open).await;
            tokio::time::sleep(backoff.delay()).await;
            open = self.register_others(open).await;
        }
        self.incident.close();
        while let Err(error) = setup::announce(&self.config, &self.stores).await {
            tracing::debug!(chain = self.config.name, %error, "tokens cannot be compared");
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    /// Registers the tokens that the store already has, and those that were found.
    async fn register_known(&self, found: Vec<Discovered>) -> Vec<Open> {
        if self.stores.balances.tokens(self.config.id).await.is_ok_and(|known| !known.is_empty()) {
            self.any.send_replace(true);
        }
        let mut open = Vec::new();
        let is_found = |token: &TokenConfig| found.iter().any(|one| one.token.key == token.key);
        for token in self.config.tokens.iter().filter(|token| !is_found(token)) {
            let registered = self.register_again(token).await;
            open.extend(registered.err().map(|error| Open::new(token.clone(), error)));
        }
        open.extend(self.register_found(found).await);
        open
    }

    /// Looks up the failed tokens again and registers them.
    async fn register_others(&self, failed: Vec<Open>) -> Vec<Open> {
        let tokens: Vec<TokenConfig> = failed.into_iter().map(|open| open.token).collect();
        let mut open = Vec::new();
        for tokens in tokens.chunks(TOKENS_AT_ONCE) {
            let found = setup::discover(&self.config, &self.source, tokens).await;
            open.extend(self.register_found(found).await);
        }
        open
    }

    async fn register_found(&self, found: Vec<Discovered>) -> Vec<Open> {
        let mut open = Vec::new();
        for Discovered { token, spec } in found {
            let registered = match spec {
                Ok(spec) => self.register(&token, &spec).await,
                Err(error) => Err(error),
            };
            open.extend(registered.err().map(|error| Open::new(token, error)));
        }
        open
    }

    /// Registers a token with its spec from the store and its current programme.
    async fn register_again(&self, token: &TokenConfig) -> Result<(), SetupError> {
        let id = setup::token_id(&self.config, token);
        let state = self.stores.balances.token(id).await?;
        let state = state.ok_or_else(|| {
            ChainError::transient("look a token up", "no node was asked for it yet")
        })?;
        self.register(token, &state.spec).await
    }

    async fn register(&self, token: &TokenConfig, spec: &TokenSpec) -> Result<(), SetupError> {
        setup::register_token(&self.config, token, spec, &self.stores).await?;
        self.any.send_replace(true);
        Ok(())
    }

    /// Reports the open tokens; if there is no other token to follow, as the status of the chain
    /// too.
    async fn report(&mut self, open: &[Open]) {
        let listed = open.iter().take(LISTED_MAX);
        let mut reasons: Vec<String> = listed.map(|open| open.reason.clone()).collect();
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
