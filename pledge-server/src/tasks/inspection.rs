//! The first answers of a chain's nodes, waited for as long as it takes.

use std::fmt;

use futures::future::BoxFuture;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::ChainReport;

use super::ability::Work;
use super::{Follower, INDEXING};
use crate::backoff::Backoff;
use crate::config::ChainConfig;
use crate::setup::{self, Look, SetupError};
use crate::stores::Stores;

/// How far the first look at a chain's nodes is.
pub enum Start {
    /// A node answered.
    Looked(Look),
    /// None did: they are asked again until one does.
    Failed(SetupError),
    /// None has yet.
    Looking(BoxFuture<'static, Result<Look, SetupError>>),
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Looked(look) => f.debug_tuple("Looked").field(look).finish(),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Looking(_) => f.write_str("Looking"),
        }
    }
}

impl Follower {
    /// Looks until a node answers. A configuration that turns out to be wrong keeps the chain degraded:
    /// the others run.
    pub(super) async fn until_looked(&self, config: &ChainConfig, start: Start) -> Look {
        let mut backoff = Backoff::default();
        let mut incident = self.incidents.of_chain(&config.name, INDEXING);
        let doing = self.part.doing(Work::Follow(config.id));
        doing.begins();
        let mut looked = match start {
            Start::Looked(look) => Ok(look),
            Start::Failed(error) => Err(error),
            Start::Looking(looking) => looking.await,
        };
        loop {
            let error = match looked {
                Ok(look) => {
                    incident.over();
                    doing.succeeded();
                    return look;
                }
                Err(error) => error,
            };
            doing.failed();
            let reason = format!("{:#}", anyhow::Error::from(error));
            incident.says(&reason);
            if self.part.follows(config.id) {
                report_degraded(&self.stores, config, reason).await;
            }
            tokio::time::sleep(backoff.delay()).await;
            looked = self.look(config).await;
        }
    }

    async fn look(&self, config: &ChainConfig) -> Result<Look, SetupError> {
        let unknown = setup::unknown_tokens(config, &self.stores).await?;
        setup::look(config, unknown).await
    }
}

/// Reports why a chain is not followed. Failing to report is logged only: the incident itself is being
/// tried again already.
pub(super) async fn report_degraded(stores: &Stores, config: &ChainConfig, reason: String) {
    let report = ChainReport {
        chain: config.id,
        status: ChainStatus::Degraded(reason),
        head: None,
        head_time: None,
        processed: None,
    };
    if let Err(error) = stores.balances.report_chain(&report).await {
        tracing::warn!(chain = config.name, %error, "status could not be stored");
    }
}
