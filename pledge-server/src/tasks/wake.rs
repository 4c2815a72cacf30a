//! The wait between two polls, which a notification of a new head ends early.

use std::time::Duration;

use super::{Incident, Incidents};
use crate::config::ChainConfig;
use crate::nodes::Heads;
use crate::wire;

/// The shortest wait, whatever the number of heads: at most ten polls per second. Chains with a
/// block every 250 ms are still followed block by block, and a hint is late by at most this.
const HINTED_WAIT_MIN: Duration = Duration::from_millis(100);

/// The hints of one chain, if a node gives any.
#[derive(Debug)]
pub(super) struct Hints {
    heads: Option<Box<dyn Heads>>,
    incident: Incident,
}

impl Hints {
    /// Starts listening if the configuration has a `ws_url`.
    pub(super) fn of(config: &ChainConfig, incidents: &Incidents) -> Self {
        let url = config.ws_url.as_ref();
        Self {
            heads: url.map(|url| wire::listen_for_heads(config.id, url)),
            incident: incidents.of_chain(&config.name, "listening for heads"),
        }
    }

    /// Waits for the interval or for a head. A failure of the hints is logged and has no other
    /// effect.
    pub(super) async fn wait(&mut self, interval: Duration) {
        match &mut self.heads {
            Some(heads) => wait_for(head(&mut **heads, &mut self.incident), interval).await,
            None => tokio::time::sleep(interval).await,
        }
    }
}

async fn head(heads: &mut dyn Heads, incident: &mut Incident) {
    while let Err(error) = heads.next().await {
        incident.report(&format!("{}; polling goes on", error.detail()));
    }
    incident.close();
}

async fn wait_for(head: impl Future<Output = ()>, interval: Duration) {
    let hinted = async { tokio::join!(head, tokio::time::sleep(HINTED_WAIT_MIN)) };
    // A timeout means that the interval is over: poll without a head.
    let _ = tokio::time::timeout(interval, hinted).await;
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_heads_brings_ten_polls_a_second() {
        let begin = Instant::now();
        for _ in 0..100 {
            wait_for(ready(()), INTERVAL).await;
        }
        let took = begin.elapsed();
        assert!((10..12).contains(&took.as_secs()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_head_the_interval_is_waited_for() {
        for interval in [INTERVAL, HINTED_WAIT_MIN / 2] {
            let begin = Instant::now();
            wait_for(pending(), interval).await;
            let took = begin.elapsed();
            assert!(took >= interval && took < 2 * interval, "{took:?}");
        }
    }
}
