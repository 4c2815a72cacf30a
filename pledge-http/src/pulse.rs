//! The state of the store, read in the background instead of by each probe.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::StoreError;
use pledge_core::ledger::TokenState;
use pledge_core::logs::ContractState;
use pledge_core::ports::{ChainState, LedgerReads, LogReads};
use pledge_core::types::ChainId;
use tokio::sync::watch;

/// How often the store is read, and how long a read may take.
const INTERVAL: Duration = Duration::from_secs(1);
/// Beats between two reads of the tokens and contracts, which may be many.
const BEATS_A_LONG_READ: u64 = 5;
/// How long reading the tokens and contracts of all chains may take. A timeout does not make an
/// instance unready.
const FOLLOWED_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the store once a second, for all probes. Clones share what was read.
#[derive(Debug, Clone)]
pub struct Pulse {
    ledger: Arc<dyn LedgerReads>,
    logs: Arc<dyn LogReads>,
    beat: watch::Sender<Option<Beat>>,
}

/// The newest answer of the store.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Every chain, or why the store cannot be read. The reason may contain hosts.
    pub chains: Result<Arc<[ChainState]>, String>,
    /// What each chain follows, as last read.
    pub followed: Arc<BTreeMap<ChainId, Followed>>,
}

/// What a chain follows.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// The tokens whose balances are kept.
    pub tokens: Vec<TokenState>,
    /// The contracts whose logs are kept.
    pub contracts: Vec<ContractState>,
}

impl Pulse {
    /// A pulse of a store that was not read yet.
    pub fn new(ledger: Arc<dyn LedgerReads>, logs: Arc<dyn LogReads>) -> Self {
        Self { ledger, logs, beat: watch::Sender::new(None) }
    }

    /// Reads the store for ever: a host ends it by dropping it, at any time.
    pub async fn keep(&self) -> Infallible {
        let mut due = tokio::time::interval(INTERVAL);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut beats = 0_u64;
        loop {
            due.tick().await;
            self.ask(beats.is_multiple_of(BEATS_A_LONG_READ)).await;
            beats += 1;
        }
    }

    /// Reads the store now, including what the chains follow.
    pub async fn check(&self) {
        self.ask(true).await;
    }

    async fn ask(&self, for_followed: bool) {
        let chains = within(INTERVAL, self.ledger.chains()).await;
        if let Err(reason) = &chains
            && self.last().is_none_or(|beat| beat.chains.is_ok())
        {
            tracing::error!("not ready: the store cannot be read: {reason}");
        }
        let chains: Result<Arc<[ChainState]>, String> = chains.map(Into::into);
        let known = self.last().map(|beat| beat.followed).unwrap_or_default();
        self.beat.send_replace(Some(Beat { chains: chains.clone(), followed: known }));
        let Ok(chains) = chains else {
            return;
        };
        if for_followed && let Ok(followed) = within(FOLLOWED_TIMEOUT, self.followed(&chains)).await
        {
            let beat = Beat { chains: Ok(chains), followed: Arc::new(followed) };
            self.beat.send_replace(Some(beat));
        }
    }

    async fn followed(
        &self,
        chains: &[ChainState],
    ) -> Result<BTreeMap<ChainId, Followed>, StoreError> {
        let mut followed = BTreeMap::new();
        for ChainState { chain, .. } in chains {
            let tokens = self.ledger.tokens(*chain).await?;
            let contracts = self.logs.contracts(*chain).await?;
            followed.insert(*chain, Followed { tokens, contracts });
        }
        Ok(followed)
    }

    /// The newest answer; `None` before the first.
    pub fn last(&self) -> Option<Beat> {
        self.beat.borrow().clone()
    }
}

/// The result of a read, or why there is none in time.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| format!("{:#}", anyhow::Error::from(error))),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::ports::BalanceStore;
    use pledge_storage_memory::MemoryStore;
    use pledge_testing::Slow;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_silent_is_noticed_within_two_seconds_and_asked_once_a_second() {
        let logs = Arc::new(MemoryStore::new());
        let store: Arc<dyn BalanceStore> = logs.clone();
        let store = Arc::new(Slow::new(store, Duration::from_secs(3_600)));
        let pulse = Pulse::new(store.clone(), logs);
        let kept = tokio::spawn({
            let pulse = pulse.clone();
            async move { pulse.keep().await }
        });
        let begun = Instant::now();
        while pulse.last().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
        let reason = pulse.last().unwrap().chains.unwrap_err();
        assert_eq!(reason, "no answer within 1 s");
        tokio::time::sleep(Duration::from_secs(5)).await;
        kept.abort();
        assert!((1..=7).contains(&store.asked()), "{}", store.asked());
    }
}
