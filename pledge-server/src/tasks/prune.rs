//! Removes events that are no longer needed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use pledge_core::ports::{EventRetention, EventStore};
use pledge_core::types::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Incidents;

/// The wait between two rounds. Several instances may prune at the same time; each finds less to
/// do.
const EVERY: Duration = Duration::from_secs(3_600);
/// The pause between two calls while there is more to remove, which lets other writes through.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes the events beyond `retention`, at once and every hour, until `stop`.
pub async fn keep_pruning(
    events: Arc<dyn EventStore>,
    retention: EventRetention,
    clock: fn() -> SystemTime,
    incidents: Incidents,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // An error waits for the next round: nothing depends on when old events go.
    let mut incident = incidents.of_all("removing old events");
    let prune = async {
        loop {
            let pause = match prune(&*events, &retention, clock()).await {
                Ok(is_more_due) => {
                    incident.close();
                    if is_more_due { PAUSE } else { EVERY }
                }
                Err(error) => {
                    incident.report(&format!("{error:#}"));
                    EVERY
                }
            };
            tokio::time::sleep(pause).await;
        }
    };
    stop.run_until_cancelled(prune).await;
    Ok(())
}

/// Removes one batch; returns whether there is more.
async fn prune(
    events: &dyn EventStore,
    retention: &EventRetention,
    now: SystemTime,
) -> anyhow::Result<bool> {
    let now = now.duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let pruned = events.prune_events(retention, Timestamp::new(now.as_secs())?).await?;
    Ok(pruned.is_more_due)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use pledge_core::event::EventSeq;
    use pledge_core::indexer::ChainStatus;
    use pledge_core::ports::{ChainReport, Registry};
    use pledge_core::types::ChainId;
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::world::operator;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn more_events_than_one_call_removes_are_gone_within_the_hour() {
        let store = Arc::new(MemoryStore::new());
        let chain = ChainId::new(1);
        store.register_chain(chain, "one").await.unwrap();
        for round in 0..EventRetention::PRUNED_MAX * 2 + 500 {
            let status = ChainStatus::Halted(format!("round {round}"));
            let report =
                ChainReport { chain, status, head: None, head_time: None, processed: None };
            store.report_chain(&report).await.unwrap();
            store.resume_chain(chain, &report.status, &operator()).await.unwrap();
        }
        let retention = EventRetention {
            events_kept: NonZeroU64::new(1_000).unwrap(),
            ..EventRetention::DEFAULT
        };
        let stop = CancellationToken::new();
        let clock = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let pruning = keep_pruning(store.clone(), retention, clock, Incidents::default(), stop);
        assert!(tokio::time::timeout(Duration::from_secs(60), pruning).await.is_err());
        assert_eq!(store.events(EventSeq::START, usize::MAX).await.unwrap().len(), 1_000);
    }
}
