//! The task that follows one chain.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use pledge_core::engine::{Failure, Following, Moved, Next, Patience, StopReason};
use pledge_core::indexer::IndexerError;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::ability::{Doing, Work};
use super::edges::EdgeSearch;
use super::inspection::{Start, report_degraded};
use super::register::Registrar;
use super::turn::{Turn, Turns};
use super::wake::Hints;
use super::{AssignmentWatch, Incident, Incidents, STANDSTILL};
use crate::backoff::Backoff;
use crate::config::ChainConfig;
use crate::metrics::NodesSeen;
use crate::nodes::Nodes;
use crate::progress::ChainProgress;
use crate::setup::{self, Look};
use crate::stores::Stores;
use crate::views::way_on;

/// The parts of the task of one chain.
#[derive(Debug)]
pub struct Follower {
    pub config: ChainConfig,
    pub stores: Stores,
    /// This instance's part of the work. The task waits while another instance follows the chain.
    pub part: AssignmentWatch,
    /// Where failures are reported.
    pub incidents: Incidents,
    /// Where its nodes are shown to the metrics.
    pub nodes: NodesSeen,
    /// Where progress is shown.
    pub progress: ChainProgress,
    /// Notified whenever the ledger moved.
    pub moved: Arc<Notify>,
    /// Notified whenever the log may have new events.
    pub news: Arc<Notify>,
    /// Ends the task.
    pub stop: CancellationToken,
}

/// What the loop does after a step.
enum Then {
    /// Step again after this delay, which is none where the ledger went forward.
    Again(Duration),
    /// Wait for new blocks.
    Rest,
    /// Step again after a while.
    Wait(Duration),
}

/// The delays of a chain that comes no further.
#[derive(Debug, Default)]
struct Delays {
    /// After a step that failed.
    failed: Backoff,
    /// After a rewind. What is read again between two rewinds is no progress, so only a rest resets it: a node
    /// that shows one branch and then another would otherwise be asked without a pause.
    rewound: Backoff,
}

impl Follower {
    /// Inspects the nodes until one answers, then registers tokens and indexes the chain until
    /// `stop`. Failures are reported as the chain's status and tried again.
    pub async fn run(mut self, start: Start) -> anyhow::Result<()> {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.work(start)).await;
        self.progress.reached();
        Ok(())
    }

    async fn work(&mut self, start: Start) {
        let config = self.config.clone();
        let Look { source, tokens, contracts } = self.until_looked(&config, start).await;
        self.nodes.show(&config.name, source.clone());
        let (stores, incidents) = (self.stores.clone(), self.incidents.clone());
        let (registrar, is_any) = Registrar::new(config, source.clone(), stores, &incidents);
        tokio::join!(registrar.run(tokens, contracts), self.follow(&source, is_any));
    }

    async fn follow(&mut self, source: &Arc<dyn Nodes>, mut is_any: watch::Receiver<bool>) {
        if is_any.wait_for(|any| *any).await.is_err() {
            // The sender is dropped only after everything is registered, so this does not happen.
            return;
        }
        self.progress.count_calls(source);
        let (id, part) = (self.config.id, self.part.clone());
        let mut turns = Turns::new(id, part, &self.stores, source.clone());
        let mut hints = Hints::of(&self.config, &self.incidents);
        loop {
            let turn = turns.next().await;
            if turn == Turn::StandsStill {
                let name = &self.config.name;
                tracing::warn!(
                    chain = name,
                    "another instance has the chain and makes no progress, so this one follows \
                     it too"
                );
            }
            self.follow_while(turn, source, &mut hints).await;
            turns.followed();
            self.progress.reached();
            tracing::info!(chain = self.config.name, "another instance follows the chain");
        }
    }

    /// Follows the chain while it is this instance's turn, and finds edges meanwhile. Indexer and
    /// finder are created for each turn: their memory is out of date once another instance has worked
    /// on the chain.
    async fn follow_while(&mut self, turn: Turn, source: &Arc<dyn Nodes>, hints: &mut Hints) {
        let route = setup::route(&self.config, source);
        let finder = route.finder(self.config.id, &self.stores.ports());
        let edges = EdgeSearch::new(finder, &self.incidents, &self.config.name);
        let rests = Notify::new();
        tokio::select! {
            () = self.index_while(turn, source, hints, &rests) => {}
            () = find_edges(edges, &rests) => {}
        }
    }

    async fn index_while(
        &mut self,
        turn: Turn,
        source: &Arc<dyn Nodes>,
        hints: &mut Hints,
        rests: &Notify,
    ) {
        let doing = self.part.doing(Work::Follow(self.config.id));
        let route = setup::route(&self.config, source);
        let indexer = route.indexer(self.config.id, &self.stores.ports());
        let mut following = Following::new(indexer, Patience::ENDLESS);
        let mut delays = Delays::default();
        let mut incident = self.incidents.of_chain(&self.config.name, INDEXING);
        let mut nodes = self.incidents.of_chain(&self.config.name, "using every node");
        while turn == Turn::StandsStill || self.part.follows(self.config.id) {
            doing.begins();
            let next = self.step(&mut following, &mut incident).await;
            tell_nodes(&**source, &mut nodes);
            let then = self.after(next, &doing, &mut delays, &mut incident);
            // Edges wait until the chain has nothing else to do.
            if matches!(then, Then::Rest) {
                rests.notify_one();
            }
            match then {
                Then::Again(delay) => tokio::time::sleep(delay).await,
                _ if turn == Turn::StandsStill => break,
                Then::Rest => hints.wait(self.config.poll_interval).await,
                Then::Wait(delay) => tokio::time::sleep(delay).await,
            }
        }
        doing.left();
    }

    /// Takes one step. A step that takes longer than a minute is reported and continues.
    async fn step(&self, following: &mut Following, incident: &mut Incident) -> Next {
        // Not dropped after a minute: begun again each time, a slow step would never end.
        let mut step = std::pin::pin!(following.step(SystemTime::now(), |_| {}).fuse());
        loop {
            tokio::select! {
                biased;
                next = &mut step => return next,
                () = tokio::time::sleep(STANDSTILL) => {
                    let reason = "a question to its nodes or to the store has had no answer for more than a minute";
                    incident.report(reason);
                    report_degraded(&self.stores, &self.config, reason.to_owned()).await;
                }
            }
        }
    }

    /// Shows what a step came to, and decides how to go on.
    fn after(
        &mut self,
        next: Next,
        doing: &Doing,
        delays: &mut Delays,
        incident: &mut Incident,
    ) -> Then {
        let name = &self.config.name;
        // All that can go on has: another instance comes no further, and edges can be searched for.
        if let Next::Wait(Failure { error: error @ IndexerError::Stranded(_), .. }) = &next {
            doing.succeeded();
            *delays = Delays::default();
            self.progress.reached();
            incident.report(&error.to_string());
            return Then::Rest;
        }
        if next.is_failure() {
            doing.failed();
        } else {
            doing.succeeded();
            delays.failed.reset();
        }
        match next {
            Next::Again(moved) => {
                // A rewind does not end the incident: only a slice or a rest shows that the chain
                // advances again.
                self.moved.notify_one();
                self.news.notify_one();
                let Moved::Forward(slice) = moved else {
                    return Then::Again(delays.rewound.delay());
                };
                incident.close();
                self.progress.advanced(&slice);
                Then::Again(Duration::ZERO)
            }
            Next::Rest => {
                delays.rewound.reset();
                incident.close();
                self.progress.reached();
                Then::Rest
            }
            // A chain that waits for an operator is no failure of this instance: no other could go
            // on.
            Next::Stop(StopReason::Latched(status)) => {
                let way_on = way_on(name, &status).map(|way_on| format!("; {way_on}"));
                incident.report(&format!("{status}{}", way_on.unwrap_or_default()));
                Then::Wait(self.config.poll_interval)
            }
            Next::Wait(failure) | Next::Stop(StopReason::OutOfPatience(failure)) => {
                let error = failure.error;
                if error.is_passing() && doing.fruitless_for() < STANDSTILL {
                    tracing::debug!(chain = name, %error, "the chain moved, reading again");
                } else {
                    incident.report(&format!("{:#}", anyhow::Error::from(error)));
                }
                Then::Wait(delays.failed.delay())
            }
        }
    }
}

/// Searches for edges, one step each time the chain has nothing else to do: concurrent with the next poll,
/// never before it.
async fn find_edges(mut edges: EdgeSearch, rests: &Notify) {
    loop {
        rests.notified().await;
        edges.step().await;
    }
}

/// Reports the nodes that are not used now. A single node is reported by the poll that fails on it.
fn tell_nodes(nodes: &dyn Nodes, incident: &mut Incident) {
    let of_each = nodes.incidents();
    let incidents: Vec<&str> = of_each.iter().filter_map(Option::as_deref).collect();
    if incidents.is_empty() {
        incident.close();
    } else if of_each.len() > 1 {
        incident.report(&incidents.join("; "));
    }
}

/// The name of the work in incidents of a chain that is not followed.
pub(crate) const INDEXING: &str = "indexing";

#[cfg(test)]
mod tests {
    use pledge_core::edges::EdgeFinder;
    use pledge_core::indexer::{ChainStatus, Indexer, IndexerConfig};
    use pledge_core::sharing::{InstanceId, Lease};
    use pledge_core::types::{BlockNumber, Timestamp};
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::Slow;

    use super::*;
    use crate::config::Config;
    use crate::output::Output;
    use crate::progress::Progress;
    use crate::test_chain::{TOKEN, TestChain, time};

    fn follower(stores: &Stores, incidents: &Incidents) -> Follower {
        let variables = [
            ("CHAIN_ID", TOKEN.chain.to_string()),
            ("RPC_URLS", "http://127.0.0.1:9".to_owned()),
            ("TOKENS__T__ADDRESS", TOKEN.address.to_string()),
        ];
        let named = |(key, value)| (format!("PLEDGE_CHAINS__TEST__{key}"), value);
        let config = Config::load(None, &variables.map(named).into()).unwrap();
        let config = config.chains.into_iter().next().unwrap();
        Follower {
            part: AssignmentWatch::whole(&Lease::whole(InstanceId::new(1), [config.id])),
            config,
            stores: stores.clone(),
            incidents: incidents.clone(),
            nodes: NodesSeen::default(),
            progress: Progress::new(Output::Json).chain("test"),
            moved: Arc::new(Notify::new()),
            news: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    async fn status(stores: &Stores) -> ChainStatus {
        stores.balances.chains().await.unwrap()[0].status.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_is_reported_after_a_minute_and_goes_on() {
        const ANSWERED: Duration = Duration::from_secs(300);
        let (stores, incidents) = (Stores::of(MemoryStore::new()), Incidents::default());
        let test = TestChain::open(&stores).await;
        let source = Arc::new(Slow::new(test.chain.clone(), ANSWERED));
        let (balances, pending) = (stores.balances.clone(), stores.pending.clone());
        let config = IndexerConfig { clock_slack: None, ..IndexerConfig::default() };
        let indexer = Indexer::new(TOKEN.chain, source.clone(), balances, pending, config);
        let mut following = Following::new(indexer, Patience::ENDLESS);
        let follower = follower(&stores, &incidents);
        let mut incident = incidents.of_chain("test", INDEXING);
        let watched = async {
            tokio::time::sleep(STANDSTILL - Duration::from_secs(1)).await;
            assert_eq!(incidents.list(), []);
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(incidents.list()[0].reason.contains("more than a minute"));
            let ChainStatus::Degraded(reason) = status(&stores).await else {
                panic!("not reported")
            };
            assert!(reason.contains("more than a minute"), "{reason}");
        };
        let (next, ()) = tokio::join!(follower.step(&mut following, &mut incident), watched);
        assert!(matches!(next, Next::Rest), "{next:?}");
        assert_eq!(source.asked(), 1);
    }

    /// A slice forward after each rewind is what the rewind took back.
    #[tokio::test]
    async fn a_chain_that_goes_back_and_forth_is_asked_ever_more_slowly_until_it_rests() {
        let (stores, incidents) = (Stores::of(MemoryStore::new()), Incidents::default());
        let test = TestChain::open(&stores).await;
        let (balances, pending) = (stores.balances.clone(), stores.pending.clone());
        let config = IndexerConfig { clock_slack: None, ..IndexerConfig::default() };
        let source = Arc::new(test.chain.clone());
        let indexer = Indexer::new(TOKEN.chain, source, balances, pending, config);
        let mut following = Following::new(indexer, Patience::ENDLESS);
        let mut follower = follower(&stores, &incidents);
        let doing = follower.part.doing(Work::Follow(TOKEN.chain));
        let mut incident = incidents.of_chain("test", INDEXING);
        let (mut delays, mut waited) = (Delays::default(), Vec::new());
        for minute in 1..=20 {
            test.chain.mine(time(minute * 60), &[]);
        }
        let other = test.chain.copy();
        other.fork_at(5);
        let other = other.with_height(20, 30).unwrap();
        let branches = [test.chain.branch(), other.branch()];
        for turn in 0..5 {
            test.chain.return_to(&branches[turn % 2]);
            loop {
                let next = following.step(SystemTime::now(), |_| {}).await;
                let is_forward = matches!(next, Next::Again(Moved::Forward(_)));
                let then = follower.after(next, &doing, &mut delays, &mut incident);
                let Then::Again(delay) = then else { panic!("it rests") };
                waited.push(delay.as_millis());
                if is_forward {
                    break;
                }
            }
        }
        assert_eq!(waited, [0, 250, 0, 500, 0, 1_000, 0, 2_000, 0]);
        let rested = follower.after(Next::Rest, &doing, &mut delays, &mut incident);
        assert!(matches!(rested, Then::Rest));
        assert_eq!(delays.rewound.delay().as_millis(), 250);
    }

    #[tokio::test(start_paused = true)]
    async fn edges_are_looked_for_once_each_time_there_is_nothing_else_to_do() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        for minute in 1..=90 {
            test.mine(minute * 60, None).await;
        }
        let (balances, points) = (stores.balances.clone(), stores.points.clone());
        let finder = EdgeFinder::new(TOKEN.chain, Arc::new(test.chain.clone()), balances, points);
        let (rests, incidents) = (Notify::new(), Incidents::default());
        let edges = EdgeSearch::new(finder, &incidents, "test");
        let hour = Timestamp::new(3_600).unwrap();
        let kept = async || stores.balances.edges(TOKEN.chain, &[hour]).await.unwrap()[0];
        let looked = async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(kept().await, None);
            rests.notify_one();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(kept().await.and_then(|edge| edge.last), Some(BlockNumber::new(59)));
        };
        tokio::select! {
            () = find_edges(edges, &rests) => {}
            () = looked => {}
        }
    }
}
