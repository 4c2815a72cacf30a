//! Waits for the first answer of a chain's nodes.

use std::fmt;

use futures::future::BoxFuture;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::ChainReport;

use super::ability::Work;
use super::{Follower, INDEXING};
use crate::backoff::Backoff;
use crate::config::ChainConfig;
use crate::setup::{self, Look, SetupError, Unknown};
use crate::stores::Stores;

/// The state of the first look at a chain's nodes.
pub enum Start {
    /// A node answered.
    Looked(Look),
    /// None answered; they are asked again.
    Failed(SetupError),
    /// The look is still running.
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
    /// Repeats the look until a node answers. A configuration that turns out to be wrong keeps the
    /// chain degraded while the others run.
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
                    incident.close();
                    doing.succeeded();
                    return look;
                }
                Err(error) => error,
            };
            doing.failed();
            let reason = format!("{:#}", anyhow::Error::from(error));
            incident.report(&reason);
            // The status in the store is shared: another instance may follow the chain without a
            // failure.
            if self.part.follows(config.id) {
                report_degraded(&self.stores, config, reason).await;
            }
            tokio::time::sleep(backoff.delay()).await;
            looked = self.look(config).await;
        }
    }

    async fn look(&self, config: &ChainConfig) -> Result<Look, SetupError> {
        let unknown = Unknown::of(config, &self.stores).await?;
        setup::look(config, unknown).await
    }
}

/// Reports why a chain is not followed. A failure to report is only logged, since the work itself
/// is being retried.
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
