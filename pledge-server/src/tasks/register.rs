//! The tokens of one chain, registered as soon as each is known.

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

/// Looked up in one go: what is known of them is registered before the next are asked for.
const TOKENS_AT_ONCE: usize = 50;
/// Reasons that are told; the rest is counted.
const TOLD_MAX: usize = 5;

/// Registers the tokens of one chain; one that cannot be registered holds up no other.
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
    /// With a receiver of whether the chain has any token to follow.
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

    /// Registers what the store or the first look knows, then what the nodes answer, until every token
    /// is registered.
    pub(super) async fn run(mut self, found: Vec<Discovered>) {
        let mut backoff = Backoff::default();
        let mut open = self.register_known(found).await;
        while !open.is_empty() {
            self.says(&open).await;
            tokio::time::sleep(backoff.delay()).await;
            open = self.register_others(open).await;
        }
        self.incident.over();
        while let Err(error) = setup::tell_others(&self.config, &self.stores).await {
            tracing::debug!(chain = self.config.name, %error, "tokens cannot be compared");
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    /// Registers the tokens that the store has already, and those that were found.
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

    /// Another attempt at what failed.
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

    /// Registers a token as the store has it, with the programme that it has now.
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

    /// While there is nothing else to follow, that is why the chain stands still.
    async fn says(&mut self, open: &[Open]) {
        let told = open.iter().take(TOLD_MAX);
        let mut reasons: Vec<String> = told.map(|open| open.reason.clone()).collect();
        if open.len() > TOLD_MAX {
            reasons.push(format!("and {} more", open.len() - TOLD_MAX));
        }
        let reasons = reasons.join("; ");
        self.incident.says(&reasons);
        let is_any = *self.any.borrow();
        if !is_any {
            report_degraded(&self.stores, &self.config, reasons).await;
        }
    }
}
