//! One chain, followed for ever.

use std::sync::Arc;
use std::time::SystemTime;

use pledge_chain_evm::{EvmNodes, NodeReport};
use pledge_core::indexer::{ChainStatus, Poll};
use pledge_core::ports::ChainReport;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::hints::Hints;
use super::{Part, Trouble, Troubles};
use crate::backoff::Backoff;
use crate::config::ChainConfig;
use crate::progress::ChainProgress;
use crate::setup::{self, InspectedChain, SetupError};
use crate::stores::Stores;

/// Where a chain begins.
#[derive(Debug)]
pub enum Start {
    /// Inspected and registered.
    Ready(InspectedChain),
    /// Its nodes were unreachable: inspected again until they answer.
    Unreachable(ChainConfig, SetupError),
}

impl Start {
    /// How the chain is followed.
    pub const fn config(&self) -> &ChainConfig {
        match self {
            Self::Ready(chain) => &chain.config,
            Self::Unreachable(config, _) => config,
        }
    }
}

/// What the task of one chain works with.
#[derive(Debug)]
pub struct Follower {
    /// The stores.
    pub stores: Stores,
    /// What is this instance's to do: a chain that is another's is left to it.
    pub part: Part,
    /// Where trouble is told.
    pub troubles: Troubles,
    /// Where progress is shown.
    pub progress: ChainProgress,
    /// Told whenever the ledger moved.
    pub moved: Arc<Notify>,
    /// Ends the task.
    pub stop: CancellationToken,
}

impl Follower {
    /// Indexes the chain until `stop`. Whatever goes wrong is reported as the chain's status and
    /// tried again.
    pub async fn run(mut self, start: Start) -> anyhow::Result<()> {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.follow(start)).await;
        self.progress.reached();
        Ok(())
    }

    async fn follow(&mut self, start: Start) {
        let chain = match start {
            Start::Ready(chain) => chain,
            Start::Unreachable(config, error) => self.until_reachable(&config, error).await,
        };
        let mut hints = Hints::of(&chain.config, &self.troubles);
        loop {
            self.part.until_follows(chain.config.id).await;
            self.follow_own(&chain, &mut hints).await;
            self.progress.reached();
            tracing::info!(chain = chain.config.name, "another instance follows the chain");
        }
    }

    /// Follows the chain for as long as it is this instance's. What the indexer remembers is of no
    /// worth once another has worked on the chain, so it begins anew each time.
    async fn follow_own(&mut self, chain: &InspectedChain, hints: &mut Hints) {
        let config = &chain.config;
        let mut indexer = chain.indexer(&self.stores);
        let mut backoff = Backoff::default();
        let mut trouble = self.troubles.of_chain(&config.name, INDEXING);
        let mut nodes = self.troubles.of_chain(&config.name, "using every node");
        while self.part.follows(config.id) {
            let poll = indexer.poll(SystemTime::now()).await;
            tell_nodes(&chain.source, &mut nodes);
            if !matches!(poll, Poll::Retry(_)) {
                backoff.reset();
            }
            let delay = match poll {
                Poll::Advanced(slice) => {
                    trouble.over();
                    self.progress.advanced(&slice);
                    self.moved.notify_one();
                    continue;
                }
                Poll::Rewound(_) => {
                    self.moved.notify_one();
                    continue;
                }
                Poll::Idle => {
                    trouble.over();
                    self.progress.reached();
                    hints.wait(config.poll_interval).await;
                    continue;
                }
                Poll::Stopped(status) => {
                    let name = &config.name;
                    trouble.says(&format!("{status}; `pledge resume {name}` sets it going again"));
                    config.poll_interval
                }
                Poll::Retry(error) if error.is_passing() => {
                    tracing::debug!(chain = config.name, %error, "the chain moved, reading again");
                    backoff.delay()
                }
                Poll::Retry(error) => {
                    trouble.says(&format!("{:#}", anyhow::Error::from(error)));
                    backoff.delay()
                }
            };
            tokio::time::sleep(delay).await;
        }
    }

    /// Inspects and registers until it succeeds. A configuration that turns out to be wrong keeps
    /// the chain degraded: the others run.
    async fn until_reachable(&mut self, config: &ChainConfig, first: SetupError) -> InspectedChain {
        let mut backoff = Backoff::default();
        let mut trouble = self.troubles.of_chain(&config.name, INDEXING);
        let mut error = first;
        loop {
            let reason = format!("{:#}", anyhow::Error::from(error));
            trouble.says(&reason);
            if self.part.follows(config.id) {
                self.report_degraded(config, reason).await;
            }
            tokio::time::sleep(backoff.delay()).await;
            match setup::prepare(config, &self.stores).await {
                Ok(chain) => {
                    trouble.over();
                    return chain;
                }
                Err(again) => error = again,
            }
        }
    }

    /// Failing to report is logged only: the trouble itself is being retried already.
    async fn report_degraded(&self, config: &ChainConfig, reason: String) {
        let balances = &self.stores.balances;
        let report = ChainReport {
            chain: config.id,
            status: ChainStatus::Degraded(reason),
            head: None,
            head_time: None,
            processed: None,
        };
        if let Err(error) = balances.report_chain(&report).await {
            tracing::warn!(chain = config.name, %error, "status could not be stored");
        }
    }
}

/// Tells which nodes are not used now. Of a single one, whoever asks it tells.
fn tell_nodes(nodes: &EvmNodes, trouble: &mut Trouble) {
    let report = nodes.report();
    let troubles: Vec<String> = report.iter().filter_map(NodeReport::trouble).collect();
    if troubles.is_empty() {
        trouble.over();
    } else if report.len() > 1 {
        trouble.says(&troubles.join("; "));
    }
}

/// What has trouble while a chain is not followed.
pub(crate) const INDEXING: &str = "indexing";
