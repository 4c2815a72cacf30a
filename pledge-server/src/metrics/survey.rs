//! Progress that only the store knows, read in the background and never by a scrape: the newest event,
//! where consumers are, and how far programmes are settled.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq};
use pledge_core::ports::ProgrammeState;
use pledge_core::types::TokenId;
use pledge_http::Pulse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::family::{gauge, gauges};
use super::names::ChainNames;
use super::points::Points;
use crate::stores::Stores;

/// Between two readings.
const INTERVAL: Duration = Duration::from_secs(5);
/// Tokens whose programmes one reading takes, in turn: the rest waits for the next.
const TOKENS_MAX: usize = 100;
/// Events that one call reads.
const EVENTS_MAX: usize = 1_000;
/// Calls for events in one reading, after a long outage of the store.
const CALLS_MAX: usize = 20;

/// What was read last. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Survey {
    names: ChainNames,
    found: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    newest_event: Option<EventSeq>,
    delivered: BTreeMap<Consumer, EventSeq>,
    programmes: BTreeMap<TokenId, Vec<ProgrammeState>>,
}

impl Survey {
    pub(super) fn new(names: ChainNames) -> Self {
        Self { names, found: Arc::default() }
    }

    /// Reads until `stop`. A reading that fails is repeated with the next: what was known stays.
    pub async fn keep(
        self,
        stores: Stores,
        pulse: Pulse,
        consumers: Vec<Consumer>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut due = tokio::time::interval(INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut after = None;
        let read = async {
            loop {
                due.tick().await;
                let events = self.read_events(&stores, &consumers).await;
                let programmes = self.read_programmes(&stores, &pulse, &mut after).await;
                if let Err(error) = events.and(programmes) {
                    tracing::debug!(%error, "progress could not be read for the metrics");
                }
            }
        };
        stop.run_until_cancelled(read).await;
        Ok(())
    }

    async fn read_events(&self, stores: &Stores, consumers: &[Consumer]) -> Result<(), StoreError> {
        for consumer in consumers {
            let at = stores.events.delivered(consumer).await?;
            self.found().delivered.insert(consumer.clone(), at);
        }
        let known = self.found().newest_event;
        // What a consumer has is there, so the search for the newest begins behind it.
        let behind = || self.found().delivered.values().max().copied();
        let mut newest = known.or_else(behind).unwrap_or(EventSeq::START);
        for _ in 0..CALLS_MAX {
            let events = stores.events.events(newest, EVENTS_MAX).await?;
            newest = events.last().map_or(newest, |event| event.sequence);
            self.found().newest_event = Some(newest);
            if events.len() < EVENTS_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Reads the programmes of the next tokens, and forgets those of tokens that are gone.
    async fn read_programmes(
        &self,
        stores: &Stores,
        pulse: &Pulse,
        after: &mut Option<TokenId>,
    ) -> Result<(), StoreError> {
        let Some(beat) = pulse.last() else { return Ok(()) };
        let followed = beat.followed.values().flat_map(|followed| &followed.tokens);
        let mut tokens: Vec<TokenId> = followed.map(|token| token.spec.id).collect();
        tokens.sort_unstable();
        self.found().programmes.retain(|token, _| tokens.binary_search(token).is_ok());
        let begin = after.map_or(0, |after| tokens.partition_point(|token| *token <= after));
        for token in tokens[begin..].iter().take(TOKENS_MAX) {
            let programmes = stores.points.programmes(*token).await?;
            self.found().programmes.insert(*token, programmes);
        }
        *after = tokens.get(begin + TOKENS_MAX - 1).copied();
        Ok(())
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().expect("no holder panics")
    }

    pub(super) fn register(&self, registry: &mut Registry, pulse: Pulse) {
        registry.register_collector(Box::new(Shown { survey: self.clone(), pulse }));
    }
}

#[derive(Debug)]
struct Shown {
    survey: Survey,
    pulse: Pulse,
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (found, encoder) = (self.survey.found(), &mut encoder);
        let newest = found.newest_event.unwrap_or(EventSeq::START).get();
        let help = "The sequence number of the newest event";
        gauge(encoder, ("pledge_events_newest_sequence", help), newest)?;
        let of_each = |figure: fn(u64, u64) -> u64| {
            found.delivered.iter().map(move |(consumer, at)| {
                ([("consumer", consumer.to_string())], figure(newest, at.get()))
            })
        };
        let help = "The sequence number of the last event that a consumer has";
        let delivered = of_each(|_, at| at);
        gauges(encoder, ("pledge_events_delivered_sequence", help), delivered)?;
        let help = "Events that a consumer does not have yet";
        let behind = of_each(u64::saturating_sub);
        gauges(encoder, ("pledge_events_behind", help), behind)?;
        let beat = self.pulse.last();
        let followed = beat.map(|beat| beat.followed).unwrap_or_default();
        let points = Points::of(&found.programmes, &followed, &self.survey.names);
        points.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::indexer::ChainStatus;
    use pledge_core::ports::ChainReport;
    use pledge_storage_memory::MemoryStore;

    use super::*;
    use crate::metrics::Meters;
    use crate::test_chain::{TOKEN, TestChain};

    #[tokio::test]
    async fn the_newest_event_and_the_place_of_each_consumer_are_read() {
        let stores = Stores::of(MemoryStore::new());
        stores.balances.register_chain(TOKEN.chain, "test").await.unwrap();
        let survey = Meters::default().survey;
        let consumers = [Consumer::new("log").unwrap()];
        let status = ChainStatus::Halted("a test".to_owned());
        let (chain, head, head_time, processed) = (TOKEN.chain, None, None, None);
        let halted = ChainReport { chain, status, head, head_time, processed };
        stores.balances.report_chain(&halted).await.unwrap();
        survey.read_events(&stores, &consumers).await.unwrap();
        let newest = survey.found().newest_event.unwrap();
        assert!(newest > EventSeq::START);
        assert_eq!(survey.found().delivered[&consumers[0]], EventSeq::START);
        let by_now = stores.events.record_delivered(&consumers[0], EventSeq::START, newest);
        by_now.await.unwrap();
        survey.read_events(&stores, &consumers).await.unwrap();
        assert_eq!(survey.found().delivered[&consumers[0]], newest);
    }

    #[tokio::test]
    async fn every_token_has_its_turn() {
        let stores = Stores::of(MemoryStore::new());
        let _test = TestChain::open(&stores).await;
        let pulse = Pulse::new(stores.balances.clone(), stores.logs.clone());
        pulse.check().await;
        let (survey, mut after) = (Meters::default().survey, None);
        for _ in 0..3 {
            survey.found().programmes.clear();
            survey.read_programmes(&stores, &pulse, &mut after).await.unwrap();
            assert!(survey.found().programmes.contains_key(&TOKEN), "{after:?}");
        }
    }
}
