//! The settlement of one chain's tokens.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::StoreError;
use pledge_core::points::{SettleReport, Settler, SettlerError, plan_target};
use pledge_core::ports::{ProgrammeState, ShardProgress};
use pledge_core::stop::Stop;
use pledge_core::types::ChainId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ability::{Trials, Work};
use super::assignment::LASTS;
use super::{AssignmentWatch, Incident, Incidents, STANDSTILL, until_due};
use crate::backoff::Backoff;
use crate::output::counted;
use crate::progress::{Step, WorkProgress};
use crate::stores::Stores;

/// The first wait after a failed batch. Long, since its cause seldom passes soon and attempts are
/// limited.
const FAILED_DELAY: Duration = Duration::from_secs(15);

/// The notifications into and out of the settlement of a chain.
#[derive(Debug)]
pub struct Wakes {
    /// Notified whenever the ledger moved.
    pub moved: Arc<Notify>,
    /// Notified after each pass.
    pub settled: Arc<Notify>,
    /// Notified whenever the log may have new events.
    pub news: Arc<Notify>,
}

/// The parts of the task that settles one chain.
#[derive(Debug)]
pub struct SettleTask {
    pub stores: Stores,
    pub chain: ChainId,
    /// Its name in the configuration.
    pub name: String,
    /// The longest wait between two passes.
    pub interval: Duration,
    /// This instance's part of the work: the shards that it settles.
    pub part: AssignmentWatch,
    /// The notifications into and out of the task.
    pub wakes: Wakes,
    /// Where failures are reported.
    pub incidents: Incidents,
    /// Ends the task.
    pub stop: CancellationToken,
    /// Where progress is shown.
    pub progress: WorkProgress,
}

impl SettleTask {
    /// Settles whenever the ledger moved and every `interval`, until `stop`.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let doing = self.part.doing(Work::Settle(self.chain));
        // Two backoffs: a store error passes soon, while a failed batch has few attempts that must
        // not be wasted.
        let mut after_error = Backoff::default();
        let mut after_failure = Backoff::from(FAILED_DELAY);
        let mut incident = self.incidents.of_chain(&self.name, "settlement");
        let stop = self.stop.clone();
        let mut trials = Trials::new(doing.clone(), LASTS);
        let (stores, chain) = (self.stores.clone(), self.chain);
        let works = || {
            let stores = stores.clone();
            async move { failed_batches(&stores, chain).await.is_ok() }
        };
        loop {
            let share = trials.until(self.part.until_settles(chain), &works);
            let Some(share) = stop.run_until_cancelled(share).await else {
                return Ok(());
            };
            doing.begins();
            let settler = self.stores.settler().of_shards(share);
            let settlement = ShownSettlement {
                stores: &self.stores,
                settler,
                chain,
                stop: &stop,
                progress: &mut self.progress,
            };
            let delay = match settlement.run(|| doing.moved()).await {
                Ok(report) => {
                    doing.succeeded();
                    after_error.reset();
                    tell_failures(&self.stores, self.chain, report.failed, &mut incident).await;
                    if report.failed == 0 {
                        after_failure.reset();
                        None
                    } else {
                        Some(after_failure.delay())
                    }
                }
                Err(error) => {
                    doing.failed();
                    if !error.is_conflict() || doing.fruitless_for() >= STANDSTILL {
                        incident.report(&format!("{:#}", anyhow::Error::from(error)));
                    }
                    Some(after_error.delay())
                }
            };
            self.wakes.settled.notify_one();
            self.wakes.news.notify_one();
            stop.run_until_cancelled(until_due(delay, self.interval, &self.wakes.moved)).await;
        }
    }
}

/// Reports how many failed batches wait for another attempt or for the operator.
async fn tell_failures(stores: &Stores, chain: ChainId, failed: u64, incident: &mut Incident) {
    if failed == 0 && !incident.is_on() {
        return;
    }
    match failed_batches(stores, chain).await {
        Ok(0) => incident.close(),
        Ok(waiting) => incident.report(&format!(
            "{} failed and waiting: see `pledge settlements --failed`",
            counted(waiting, "batch")
        )),
        Err(error) => incident.report(&format!("{:#}", anyhow::Error::from(error))),
    }
}

/// A settlement of every closed window of a chain's tokens, whose progress is shown.
#[derive(Debug)]
pub(crate) struct ShownSettlement<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) settler: Settler,
    pub(crate) chain: ChainId,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) progress: &'a mut WorkProgress,
}

impl ShownSettlement<'_> {
    /// Settles once. `moved` is called after each batch.
    pub(crate) async fn run(
        self,
        mut moved: impl FnMut() + Send,
    ) -> Result<SettleReport, SettlerError> {
        let Self { stores, settler, chain, stop, progress } = self;
        let mut total = 0;
        for token in stores.balances.tokens(chain).await? {
            let programmes = stores.points.programmes(token.spec.id).await?;
            total += programmes.iter().map(|state| state.shards.len() as u64).sum::<u64>();
        }
        let report = |report: &SettleReport| {
            moved();
            progress.moved(&step(report, total));
        };
        let settled = settler.settle_chain(chain, &Stop::when(stop.clone()), report).await;
        progress.over();
        settled
    }
}

fn step(report: &SettleReport, total: u64) -> Step {
    let SettleReport { shards: done, accounts, .. } = *report;
    let text = format!("{done}/{total} shards, {}", counted(accounts, "account"));
    Step { done, total, text, counted: accounts, unit: "accounts" }
}

/// Settles every closed window of a chain's tokens once. `progress` gets the sum after each batch.
pub async fn settle_chain(
    stores: &Stores,
    chain: ChainId,
    stop: &CancellationToken,
    progress: impl FnMut(&SettleReport) + Send,
) -> Result<SettleReport, SettlerError> {
    stores.settler().settle_chain(chain, &Stop::when(stop.clone()), progress).await
}

/// Failed batches that wait. Read from the store, since the settler skips a batch that was tried
/// too often.
pub(crate) async fn failed_batches(stores: &Stores, chain: ChainId) -> Result<u64, StoreError> {
    let mut failed = 0;
    for token in stores.balances.tokens(chain).await? {
        let programmes = stores.points.programmes(token.spec.id).await?;
        let shards = programmes.iter().flat_map(|programme| &programme.shards);
        let runs = shards.filter_map(|shard| shard.run.as_ref());
        failed += runs.map(|run| run.failures.len() as u64).sum::<u64>();
    }
    Ok(failed)
}

/// Whether every window of a chain's tokens that is closed now is settled.
pub(crate) async fn is_settled(stores: &Stores, chain: ChainId) -> Result<bool, StoreError> {
    for token in stores.balances.tokens(chain).await? {
        let (Some(cursor), Some(start)) = (token.cursor, token.start_time) else {
            continue;
        };
        for ProgrammeState { programme, shards, .. } in
            stores.points.programmes(token.spec.id).await?
        {
            let window = programme.window;
            let first = window.floor(start);
            let is_open = |shard: &ShardProgress| {
                let from = shard.settled.unwrap_or(first);
                shard.run.is_some() || plan_target(window, from, cursor.time, 1).is_some()
            };
            if shards.iter().any(is_open) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use pledge_core::error::StoreErrorKind;
    use pledge_core::sharing::{InstanceId, Lease};
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::FailingPoints;

    use super::*;
    use crate::output::Output;
    use crate::progress::Progress;
    use crate::test_chain::{TOKEN, TestChain, account};

    const MINUTE: Duration = Duration::from_secs(60);

    async fn attempts(stores: &Stores) -> Vec<u32> {
        let programmes = stores.points.programmes(TOKEN).await.unwrap();
        let shards = programmes.iter().flat_map(|programme| &programme.shards);
        let runs = shards.filter_map(|shard| shard.run.as_ref());
        runs.flat_map(|run| &run.failures).map(|failure| failure.attempts).collect()
    }

    async fn stores_that_refuse_a_batch(kind: StoreErrorKind) -> Stores {
        let mut stores = Stores::of(MemoryStore::new());
        let points = stores.points.clone();
        stores.points = Arc::new(FailingPoints::new(points, account(1), kind, u32::MAX));
        let mut test = TestChain::open(&stores).await;
        test.mine(600, Some((account(1), 10))).await;
        test.mine(3_600, None).await;
        stores
    }

    fn task(stores: &Stores, incidents: &Incidents) -> SettleTask {
        let lease = Lease::whole(InstanceId::new(1), [TOKEN.chain]);
        SettleTask {
            stores: stores.clone(),
            chain: TOKEN.chain,
            name: "test".to_owned(),
            interval: Duration::from_secs(1),
            part: AssignmentWatch::whole(&lease),
            wakes: Wakes { moved: Arc::default(), settled: Arc::default(), news: Arc::default() },
            incidents: incidents.clone(),
            stop: CancellationToken::new(),
            progress: Progress::new(Output::Json).work("test"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_attempts_of_a_failed_batch_last_for_minutes() {
        let stores = stores_that_refuse_a_batch(StoreErrorKind::Invalid).await;
        let task = task(&stores, &Incidents::default());
        assert!(tokio::time::timeout(MINUTE, task.run()).await.is_err());
        assert_eq!(attempts(&stores).await, [3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_that_stays_is_reported_after_a_minute() {
        let stores = stores_that_refuse_a_batch(StoreErrorKind::Conflict).await;
        let incidents = Incidents::default();
        let task = tokio::spawn(task(&stores, &incidents).run());
        tokio::time::sleep(MINUTE - Duration::from_secs(5)).await;
        assert_eq!(incidents.list(), [], "it may pass by itself");
        tokio::time::sleep(Duration::from_secs(40)).await;
        let [incident] = &incidents.list()[..] else { panic!("{:?}", incidents.list()) };
        assert_eq!(incident.work, "settlement");
        assert!(!task.is_finished());
    }

    #[tokio::test]
    async fn a_settlement_reports_how_many_shards_it_has_gone_through() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        test.mine(600, Some((account(1), 10))).await;
        test.mine(3_600, None).await;
        let mut seen = Vec::new();
        let stop = CancellationToken::new();
        let settled = settle_chain(&stores, TOKEN.chain, &stop, |report| seen.push(report.shards));
        let shards = settled.await.unwrap().shards;
        assert_eq!(seen, (0..shards).collect::<Vec<_>>());
        let programmes = stores.points.programmes(TOKEN).await.unwrap();
        assert_eq!(shards, programmes[0].shards.len() as u64);
    }

    #[tokio::test]
    async fn a_chain_is_settled_when_no_closed_window_is_left() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        assert!(is_settled(&stores, TOKEN.chain).await.unwrap());
        test.mine(600, Some((account(1), 10))).await;
        test.mine(3_600, None).await;
        assert!(!is_settled(&stores, TOKEN.chain).await.unwrap());
        settle_chain(&stores, TOKEN.chain, &CancellationToken::new(), |_| {}).await.unwrap();
        assert!(is_settled(&stores, TOKEN.chain).await.unwrap());
    }
}
