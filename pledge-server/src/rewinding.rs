//! Takes chains back over the nodes that the configuration gives them.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::RewindPlan;
use pledge_core::operate::{OperateError, Rewinder};
use pledge_core::types::ChainId;

use crate::config::ChainConfig;
use crate::setup::{self, InspectedChain};
use crate::stores::Stores;

/// One chain over nodes that were compared with the configuration.
#[derive(Debug)]
pub(crate) struct OneChain {
    pub(crate) chain: InspectedChain,
    pub(crate) stores: Stores,
}

#[async_trait]
impl Rewinder for OneChain {
    async fn rewind(
        &self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, OperateError> {
        let mut indexer = self.chain.route().indexer(plan.chain, &self.stores.ports());
        indexer.rewind_as_planned(plan, by).await.map_err(OperateError::Rewind)
    }
}

/// The chains of a configuration, whose nodes are connected to when one of them is taken back.
#[derive(Debug)]
pub(crate) struct ConfiguredChains {
    chains: Vec<ChainConfig>,
    stores: Stores,
}

impl ConfiguredChains {
    /// Over the stores that the chains are followed into.
    pub(crate) const fn new(chains: Vec<ChainConfig>, stores: Stores) -> Self {
        Self { chains, stores }
    }

    fn find(&self, chain: ChainId) -> Option<&ChainConfig> {
        self.chains.iter().find(|config| config.id == chain)
    }
}

#[async_trait]
impl Rewinder for ConfiguredChains {
    async fn rewind(
        &self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, OperateError> {
        let config = self.find(plan.chain).ok_or(OperateError::NoNode(plan.chain))?;
        // A node of another chain would be compared with the wrong ledger.
        let inspected = setup::inspect(config, &self.stores).await;
        let chain = inspected.map_err(|error| OperateError::Nodes(error.of(config).into()))?;
        OneChain { chain, stores: self.stores.clone() }.rewind(plan, by).await
    }
}
