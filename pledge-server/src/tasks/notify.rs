//! Delivers events to their receivers.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use pledge_core::event::Consumer;
use pledge_core::notify::{DispatchError, Dispatcher, Drained};
use pledge_core::stop::Stop;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ability::{Trials, Work};
use super::assignment::LASTS;
use super::event_log::EventLog;
use super::{AssignmentWatch, Incidents, until_due};
use crate::backoff::Backoff;
use crate::stores::Stores;

/// The consumer name of the log.
const LOG: &str = "log";

/// Delivers every event of the stores to the log.
pub fn log_dispatcher(stores: &Stores) -> Dispatcher {
    let consumer = Consumer::new(LOG).expect("a name of a-z");
    let log = EventLog { stores: stores.clone() };
    Dispatcher::new(stores.events.clone(), Arc::new(log), consumer)
}

/// Delivers events on `moved` and every `interval`, until `stop`, while this instance has the work.
/// What was not delivered stays due.
pub async fn keep_notifying(
    dispatcher: Dispatcher,
    mut part: AssignmentWatch,
    interval: Duration,
    moved: Arc<Notify>,
    incidents: Incidents,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let doing = part.doing(Work::Deliver);
    // Only an event shows whether a receiver accepts events again, so a trial always succeeds.
    let mut trials = Trials::new(doing.clone(), LASTS);
    let mut backoff = Backoff::default();
    let mut incident = incidents.of_all("delivering to the log");
    while stop
        .run_until_cancelled(trials.until(part.until_delivers(), || ready(true)))
        .await
        .is_some()
    {
        doing.begins();
        let after_failure = match drain_for_a_lease(&dispatcher, &stop).await {
            Ok(drained) => {
                doing.succeeded();
                incident.close();
                backoff.reset();
                if drained.more_due {
                    continue;
                }
                None
            }
            Err(error) => {
                doing.failed();
                incident.report(&format!("{:#}", anyhow::Error::from(error)));
                Some(backoff.delay())
            }
        };
        stop.run_until_cancelled(until_due(after_failure, interval, &moved)).await;
    }
    Ok(())
}

/// Delivers for one lease at most. A long backlog must not look like a standstill, nor stay with an
/// instance that no longer has the work.
async fn drain_for_a_lease(
    dispatcher: &Dispatcher,
    stop: &CancellationToken,
) -> Result<Drained, DispatchError> {
    let enough = stop.child_token();
    let asked = Stop::when(enough.clone());
    let drained = dispatcher.drain(&asked);
    tokio::pin!(drained);
    tokio::select! {
        drained = &mut drained => drained,
        () = tokio::time::sleep(LASTS) => {
            enough.cancel();
            drained.await
        }
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::event::EventSeq;
    use pledge_core::indexer::ChainStatus;
    use pledge_core::ports::ChainReport;
    use pledge_core::sharing::{InstanceId, Lease};
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::{Fate, Receiver};

    use super::*;
    use crate::test_chain::{TOKEN, TestChain, account};

    const HOUR: Duration = Duration::from_secs(3_600);

    async fn stores_with_events() -> Stores {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        for at in 1..=3 {
            test.mine(at, Some((account(1), 10))).await;
        }
        stores
    }

    fn alone() -> AssignmentWatch {
        AssignmentWatch::whole(&Lease::whole(InstanceId::new(1), [TOKEN.chain]))
    }

    fn dispatcher(stores: &Stores, receiver: &Arc<Receiver>) -> Dispatcher {
        let consumer = Consumer::new("test").unwrap();
        Dispatcher::new(stores.events.clone(), receiver.clone(), consumer)
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_was_away_gets_everything_once_it_is_back() {
        let stores = stores_with_events().await;
        let receiver = Arc::new(Receiver::new(&[Fate::Taken, Fate::Failed, Fate::Failed]));
        let (stop, moved) = (CancellationToken::new(), Arc::new(Notify::new()));
        let telling = keep_notifying(
            dispatcher(&stores, &receiver),
            alone(),
            HOUR,
            moved,
            Incidents::default(),
            stop,
        );
        let minute = Duration::from_secs(60);
        assert!(tokio::time::timeout(minute, telling).await.is_err(), "it goes on for ever");
        let events = stores.events.events(EventSeq::START, 100).await.unwrap();
        assert_eq!(receiver.arrived(), events);
    }

    #[tokio::test(start_paused = true)]
    async fn what_moved_is_delivered_before_the_interval_is_over_and_a_stop_ends_it() {
        let stores = stores_with_events().await;
        let receiver = Arc::new(Receiver::new(&[]));
        let (stop, moved) = (CancellationToken::new(), Arc::new(Notify::new()));
        let dispatcher = dispatcher(&stores, &receiver);
        let incidents = Incidents::default();
        let telling =
            keep_notifying(dispatcher, alone(), HOUR, moved.clone(), incidents, stop.clone());
        let chain = async {
            let delivered = async || {
                let events = stores.events.events(EventSeq::START, 100).await.unwrap();
                while receiver.arrived() != events {
                    tokio::task::yield_now().await;
                }
            };
            delivered().await;
            let (chain, status) = (TOKEN.chain, ChainStatus::Halted("a test".to_owned()));
            let report =
                ChainReport { chain, status, head: None, head_time: None, processed: None };
            stores.balances.report_chain(&report).await.unwrap();
            moved.notify_one();
            delivered().await;
            stop.cancel();
        };
        let began = tokio::time::Instant::now();
        let (ended, ()) = tokio::join!(telling, chain);
        ended.unwrap();
        assert!(began.elapsed() < HOUR);
    }
}
