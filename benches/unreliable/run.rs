//! One run: a chain, a node that fails, and an engine that follows to the head.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ports::{LedgerReads, Registry};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::hostile_node::{Failing, Struck, SwitchId, transfer};
use pledge_testing::world::{CHAIN, NOW, THREE_PM, account, spec, token};
use pledge_testing::{HostileChain, HostileNode};

const CONFIRMATIONS: u64 = 6;
/// How long a healthy answer takes.
const LATENCY: Duration = Duration::from_millis(10);
/// How long the source waits for one.
const TIMEOUT: Duration = Duration::from_millis(200);
/// The shortest wait of the source, and its default.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
/// The wait after a poll that failed, and between two looks at a chain without a new block.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A run that takes longer is not done: without the waits that the node asks for, and with them.
const LIMIT: Duration = Duration::from_secs(60);
const LIMIT_WITH_WAITS: Duration = Duration::from_secs(150);
/// How often the limit is checked.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const SEED: u64 = 11;

/// The work of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Follows this many blocks, which are mined one at a time.
    Follow(u64),
    /// Catches up with this many blocks, mined before the run.
    CatchUp(u64),
}

/// What a run cost.
pub(crate) struct Measured {
    pub(crate) requests: usize,
    pub(crate) time: Duration,
    /// How much of it the node asked for: waits in `Retry-After`, the shortest wait after a 429
    /// without one, and silence.
    pub(crate) asked: Duration,
    /// The newest block in the ledger, if the run was not done in time.
    pub(crate) stuck_at: Option<u64>,
}

pub(crate) fn plan() -> String {
    format!(
        "answers take {LATENCY:?}, the source waits {TIMEOUT:?} for one; in each cell requests and time \
         as multiples of health, in brackets the time without silence and the waits that the node asks for"
    )
}

impl Work {
    pub(crate) const ALL: [Self; 2] = [Self::Follow(30), Self::CatchUp(100)];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Follow(blocks) => format!("{blocks} blocks, one after the other"),
            Self::CatchUp(blocks) => format!("{blocks} blocks at once"),
        }
    }

    const fn blocks(self) -> u64 {
        match self {
            Self::Follow(blocks) | Self::CatchUp(blocks) => blocks,
        }
    }

    /// Does the work over a node that fails with a chance in percent.
    pub(crate) async fn run(self, failing: Option<(Failing, Struck, u32)>) -> Measured {
        let mut run = Run::new().await;
        if let Self::CatchUp(blocks) = self {
            run.mine(blocks);
        }
        let node = run.node.clone();
        let failing = failing.map(|(failing, struck, percent)| {
            (failing, node.0.on(failing.switch(struck, percent, SEED)))
        });
        let (requests, begun) = (node.requests(), Instant::now());
        let work = async {
            match self {
                Self::CatchUp(_) => run.come_to_rest().await,
                Self::Follow(blocks) => {
                    for _ in 0..blocks {
                        run.mine(1);
                        run.come_to_rest().await;
                    }
                }
            }
        };
        let is_done = tokio::select! {
            () = work => true,
            () = node.is_over(failing, begun) => false,
        };
        let time = begun.elapsed();
        let requests = node.requests() - requests;
        let asked = node.asked(failing);
        let reached = run.check().await;
        let is_exact = is_done && reached + CONFIRMATIONS == self.blocks();
        assert!(is_exact || !is_done, "a run that is done is at block {reached}");
        Measured { requests, time, asked, stuck_at: (!is_done).then_some(reached) }
    }
}

/// The node of a run, which counts its requests.
#[derive(Clone)]
struct Node(Arc<HostileNode>);

impl Node {
    fn requests(&self) -> usize {
        self.0.requests().len()
    }

    fn asked(&self, failing: Option<(Failing, SwitchId)>) -> Duration {
        let Some((failing, id)) = failing else { return Duration::ZERO };
        let met = u32::try_from(self.0.met(id)).expect("a small number");
        match failing {
            Failing::Silence => TIMEOUT * met,
            Failing::Busy => RETRY_DELAY_MIN * met,
            Failing::BusyForASecond => Duration::from_secs(1) * met,
            _ => Duration::ZERO,
        }
    }

    /// Waits until the run has taken too long.
    async fn is_over(&self, failing: Option<(Failing, SwitchId)>, begun: Instant) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let time = begun.elapsed();
            if time.saturating_sub(self.asked(failing)) > LIMIT || time > LIMIT_WITH_WAITS {
                return;
            }
        }
    }
}

struct Run {
    chain: HostileChain,
    node: Node,
    store: Arc<MemoryStore>,
    indexer: Indexer,
}

impl Run {
    async fn new() -> Self {
        let chain = HostileChain::new(CHAIN.get(), THREE_PM);
        chain.deploy(token().address, "USDX", 18);
        let node = HostileNode::of(&chain).await;
        let url = node.url().parse().expect("a url");
        let config = EvmConfig {
            request_timeout: TIMEOUT,
            retry_delay_min: RETRY_DELAY_MIN,
            ..EvmConfig::new(CHAIN, url)
        };
        let evm = EvmChain::connect(config).await.expect("an honest node");
        node.takes(LATENCY);
        let store = Arc::new(MemoryStore::new());
        store.register_chain(CHAIN, "unreliable").await.expect("a fresh store");
        store.register_token(&spec(token())).await.expect("a fresh store");
        let finality = Finality::Depth(CONFIRMATIONS);
        let config = IndexerConfig { finality, clock_slack: None, ..IndexerConfig::default() };
        let pending = Arc::new(MemoryPending::default());
        let indexer = Indexer::new(CHAIN, Arc::new(evm), store.clone(), pending, config);
        Self { chain, node: Node(Arc::new(node)), store, indexer }
    }

    /// Mines blocks, each of which mints as much as its height.
    fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            let head = self.chain.head();
            let height = head.number() + 1;
            let to = account(1 + height % 50).address();
            let mint = transfer(token().address, Address::ZERO, to, U256::from(height));
            self.chain.mine(head.header.timestamp + 12, &[mint]);
        }
    }

    async fn come_to_rest(&mut self) {
        loop {
            match self.indexer.poll(NOW).await {
                // A head that lags is not rest: poll again, as a follower would.
                Poll::Idle if self.is_at_rest().await => return,
                Poll::Idle | Poll::Retry(_) => tokio::time::sleep(POLL_INTERVAL).await,
                Poll::Advanced(_) | Poll::Rewound(_) => {}
                Poll::Stopped(status) => panic!("the chain stopped: {status}"),
            }
        }
    }

    async fn is_at_rest(&self) -> bool {
        let head = self.chain.head().number();
        head <= CONFIRMATIONS || self.reached().await + CONFIRMATIONS == head
    }

    async fn reached(&self) -> u64 {
        let state = self.store.token(token()).await.expect("a store in memory");
        state.expect("a token").cursor.map_or(0, |cursor| cursor.number.get())
    }

    /// Asserts that the ledger has what was minted up to its cursor, and returns the cursor's
    /// height.
    async fn check(&self) -> u64 {
        let state = self.store.token(token()).await.expect("a store in memory");
        let reached = self.reached().await;
        let minted = U256::from(reached * (reached + 1) / 2);
        assert_eq!(state.expect("a token").totals.supply.get(), minted, "at block {reached}");
        reached
    }
}
