//! The search for the blocks at the edges of a chain's windows, and its incident.

use std::time::SystemTime;

use pledge_core::edges::{EdgeFinder, Finding};

use super::{Incident, Incidents, STANDSTILL};

/// Searches for edges and reports what is not found. Nothing waits for edges, so no failure ends the
/// search.
#[derive(Debug)]
pub(crate) struct EdgeSearch {
    finder: EdgeFinder,
    incident: Incident,
    failure: Option<Failure>,
}

/// Why the search does not succeed, and since when.
#[derive(Debug)]
struct Failure {
    since: SystemTime,
    reason: String,
}

impl EdgeSearch {
    pub(crate) fn new(finder: EdgeFinder, incidents: &Incidents, chain: &str) -> Self {
        let incident = incidents.of_chain(chain, "finding the blocks at windows' edges");
        Self { finder, incident, failure: None }
    }

    /// One step of the search. What fails for a minute is an incident.
    pub(crate) async fn step(&mut self) -> Finding {
        self.step_at(SystemTime::now()).await
    }

    /// Searches until there is nothing more to find now, and reports what is left at once.
    pub(crate) async fn find_all(&mut self) {
        while self.step().await == Finding::Advanced {}
        if let Some(Failure { reason, .. }) = &self.failure {
            self.incident.report(reason);
        }
    }

    async fn step_at(&mut self, now: SystemTime) -> Finding {
        // A step that was idle may only have rested after a failure, so it ends none.
        let (found, reason) = match self.finder.step(now).await {
            Ok(found) => (found, self.finder.withheld().map(|edge| edge.to_string())),
            Err(error) => (Finding::Idle, Some(format!("{:#}", anyhow::Error::from(error)))),
        };
        if let Some(reason) = reason {
            self.fails(now, reason);
        } else if found == Finding::Advanced {
            self.failure = None;
            self.incident.close();
        }
        found
    }

    fn fails(&mut self, now: SystemTime, reason: String) {
        let since = self.failure.as_ref().map_or(now, |failure| failure.since);
        if now.duration_since(since).is_ok_and(|passed| passed >= STANDSTILL) {
            self.incident.report(&reason);
        } else {
            tracing::debug!(reason, "edges of windows are not found yet");
        }
        self.failure = Some(Failure { since, reason });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use pledge_core::error::ChainErrorKind;
    use pledge_core::ports::ChainSource;
    use pledge_core::types::BlockNumber;
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::liar::{Liar, Lies};

    use super::*;
    use crate::stores::Stores;
    use crate::test_chain::{TOKEN, TestChain, time};

    /// Two hours in which a block is mined each minute, on a chain longer than what is held.
    async fn open(stores: &Stores) -> TestChain {
        let mut test = TestChain::open(stores).await;
        for minute in 1..=120 {
            test.mine(minute * 60, None).await;
        }
        for second in 1..=1_200 {
            test.mine(7_200 + second, None).await;
        }
        test
    }

    fn search(stores: &Stores, incidents: &Incidents, source: Arc<dyn ChainSource>) -> EdgeSearch {
        let (balances, points) = (stores.balances.clone(), stores.points.clone());
        let finder = EdgeFinder::new(TOKEN.chain, source, balances, points);
        EdgeSearch::new(finder, incidents, "test")
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    async fn step_until_idle(search: &mut EdgeSearch, seconds: u64) {
        while search.step_at(at(seconds)).await == Finding::Advanced {}
    }

    #[tokio::test]
    async fn a_failure_is_reported_after_a_minute_until_the_search_succeeds() {
        let (stores, incidents) = (Stores::of(MemoryStore::new()), Incidents::default());
        let test = open(&stores).await;
        let mut search = search(&stores, &incidents, Arc::new(test.chain.clone()));
        test.chain.fail_next(2, ChainErrorKind::Transient);
        step_until_idle(&mut search, 0).await;
        step_until_idle(&mut search, 59).await;
        assert_eq!(incidents.list(), []);
        assert_eq!(search.step_at(at(60)).await, Finding::Idle);
        assert!(incidents.list()[0].reason.contains("the chain source failed"));
        step_until_idle(&mut search, 120).await;
        assert_eq!(incidents.list(), []);
    }

    #[tokio::test]
    async fn an_edge_without_its_block_is_reported_after_a_minute_and_named() {
        let (stores, incidents) = (Stores::of(MemoryStore::new()), Incidents::default());
        let test = open(&stores).await;
        let liar = Arc::new(Liar::new(&test.chain));
        liar.tell(Lies { withheld: [BlockNumber::new(60)].into(), ..Lies::default() });
        let mut search = search(&stores, &incidents, liar.clone());
        step_until_idle(&mut search, 0).await;
        assert_eq!(incidents.list(), []);
        let kept = stores.balances.edges(TOKEN.chain, &[time(0), time(3_600), time(7_200)]).await;
        assert_eq!(
            kept.unwrap().iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, false, true]
        );
        step_until_idle(&mut search, 60).await;
        let reason = &incidents.list()[0].reason;
        assert!(
            reason.contains("1970-01-01T01:00:00Z") && reason.contains("block 60,"),
            "{reason}"
        );
        liar.stop();
        step_until_idle(&mut search, 3_700).await;
        assert_eq!(incidents.list(), []);
    }

    #[tokio::test]
    async fn a_search_that_ends_reports_its_failure_at_once() {
        let (stores, incidents) = (Stores::of(MemoryStore::new()), Incidents::default());
        let test = open(&stores).await;
        let mut search = search(&stores, &incidents, Arc::new(test.chain.clone()));
        test.chain.fail_next(1, ChainErrorKind::Transient);
        search.find_all().await;
        assert!(incidents.list()[0].reason.contains("the chain source failed"));
    }
}
