//! Removes what is no longer needed: old events, and what is over of sign-ins.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use pledge_core::ports::{EventRetention, EventStore};
use pledge_core::types::Timestamp;
use pledge_office::access::AccessStore;
use tokio_util::sync::CancellationToken;

use super::{Incident, Incidents};

/// The wait between two rounds. Several instances may prune at the same time; each finds less to
/// do.
const EVERY: Duration = Duration::from_secs(3_600);
/// The pause between two calls while there is more to remove, which lets other writes through.
const PAUSE: Duration = Duration::from_millis(100);
/// The most rows of each kind of access that one call removes.
const ACCESS_ROWS_MAX: usize = 1_000;

/// Removes the events beyond `retention`, at once and every hour, until `stop`.
pub async fn keep_pruning(
    events: Arc<dyn EventStore>,
    retention: EventRetention,
    clock: fn() -> SystemTime,
    incidents: Incidents,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let incident = incidents.of_all("removing old events");
    let batch = || prune(&*events, &retention, clock());
    keep_removing(incident, batch, stop).await
}

/// Removes sign-ins, codes and keys of requests that are over, at once and every hour, until `stop`.
pub async fn keep_pruning_access(
    access: Arc<dyn AccessStore>,
    incidents: Incidents,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let incident = incidents.of_all("removing old sign-ins");
    let batch = || prune_access(&*access);
    keep_removing(incident, batch, stop).await
}

/// Removes batches while there is more, then again after an hour, until `stop`.
async fn keep_removing<B: Future<Output = anyhow::Result<bool>>>(
    mut incident: Incident,
    batch: impl Fn() -> B,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // An error waits for the next round: nothing depends on when old rows go.
    let remove = async {
        loop {
            let pause = match batch().await {
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
    stop.run_until_cancelled(remove).await;
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

/// Removes one batch of each kind; returns whether there may be more.
async fn prune_access(access: &dyn AccessStore) -> anyhow::Result<bool> {
    Ok(access.prune_access(ACCESS_ROWS_MAX).await? > 0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use pledge_core::event::EventSeq;
    use pledge_core::indexer::ChainStatus;
    use pledge_core::ports::{ChainReport, EventReads, Registry};
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
