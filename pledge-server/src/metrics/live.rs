//! The readers of live updates.

use std::fmt;

use pledge_http::live::{Hub, LiveCounts};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::family::{counter, counters, gauge};

#[derive(Debug)]
struct Live(Hub);

pub(super) fn register(registry: &mut Registry, hub: Hub) {
    registry.register_collector(Box::new(Live(hub)));
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let LiveCounts { readers, topics, waiting, waiting_max, .. } = counts;
        let LiveCounts { events, sent, states, failed_reads, cuts, .. } = counts;
        let encoder = &mut encoder;
        gauge(encoder, ("pledge_live_readers", "Readers of live updates"), readers)?;
        let help = "Topics that at least one reader follows";
        gauge(encoder, ("pledge_live_topics", help), topics)?;
        let help = "Messages that wait for readers, of all of them";
        gauge(encoder, ("pledge_live_waiting", help), waiting)?;
        let help = "The most messages that wait for one reader";
        gauge(encoder, ("pledge_live_waiting_max", help), waiting_max)?;
        let help = "Events that were passed on to live readers, each counted once";
        counter(encoder, ("pledge_live_events", help), events)?;
        let help = "Events that were passed on, counted once for each reader";
        counter(encoder, ("pledge_live_events_fanned_out", help), sent)?;
        let help = "States that were read for live readers";
        counter(encoder, ("pledge_live_state_reads", help), states)?;
        let help = "Reads of states that failed, and were tried again";
        counter(encoder, ("pledge_live_state_reads_failed", help), failed_reads)?;
        let cuts = cuts.into_iter().map(|(code, count)| ([("code", code)], count));
        let help = "Live readers that the server cut, by the code that they got";
        counters(encoder, ("pledge_live_cuts", help), cuts)
    }
}
