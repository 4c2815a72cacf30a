//! Collects what an engine follows before it starts.

use std::sync::Arc;

use super::followed::repeated;
use super::{Engine, EngineError, FollowedChain, Ports};
use crate::audit::Attribution;
use crate::event::Consumer;
use crate::notify::Dispatcher;
use crate::points::SettlerConfig;
use crate::ports::Notifier;

/// Collects what an [`Engine`] follows, and builds it.
#[derive(Debug)]
pub struct EngineBuilder {
    ports: Ports,
    settler: SettlerConfig,
    chains: Vec<FollowedChain>,
    dispatchers: Vec<Dispatcher>,
}

impl EngineBuilder {
    /// A builder over single ports.
    pub fn new(ports: Ports) -> Self {
        let (settler, chains, dispatchers) = (SettlerConfig::default(), Vec::new(), Vec::new());
        Self { ports, settler, chains, dispatchers }
    }

    /// With one more chain.
    #[must_use]
    pub fn follow(mut self, chain: FollowedChain) -> Self {
        self.chains.push(chain);
        self
    }

    /// With other bounds for settlements.
    #[must_use]
    pub const fn settling_by(mut self, config: SettlerConfig) -> Self {
        self.settler = config;
        self
    }

    /// With a notifier that receives every event, at least once and in order.
    ///
    /// [`Engine::catch_up`] waits for the notifier. For a slow one, run a [`Dispatcher`] in a task
    /// of its own instead.
    #[must_use]
    pub fn notifier(mut self, consumer: Consumer, notifier: impl Notifier) -> Self {
        let events = self.ports.events.clone();
        self.dispatchers.push(Dispatcher::new(events, Arc::new(notifier), consumer));
        self
    }

    /// Asks every source for its chain and tokens, and registers them in the store.
    ///
    /// Nothing is written before every source has answered. Idempotent: a store that knows them
    /// continues from its state. A duplicate chain, token or consumer is an error. `by` is recorded
    /// with each programme that is added or gets other rates.
    pub async fn build(self, by: &Attribution) -> Result<Engine, EngineError> {
        let Self { ports, settler, chains, dispatchers } = self;
        if let Some(consumer) = repeated(dispatchers.iter().map(Dispatcher::consumer)) {
            return Err(EngineError::SameConsumer(consumer.clone()));
        }
        // All sources are asked before the first write, so that a wrong URL or address leaves no
        // part of the configuration in the store.
        let mut asked = Vec::with_capacity(chains.len());
        for chain in chains {
            asked.push(chain.ask().await?);
        }
        if let Some(id) = repeated(asked.iter().map(|chain| chain.id)) {
            return Err(EngineError::SameChain(id));
        }
        let mut engine = Engine::over(ports, settler, dispatchers);
        for chain in asked {
            engine.admit(chain, by).await?;
        }
        Ok(engine)
    }
}
