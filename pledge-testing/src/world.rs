//! A chain and an engine over a store, driven step by step.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::SystemTime;

use alloy_primitives::{Address, U256};
use async_trait::async_trait;
use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::Event;
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::{
    Decided, Decision, Programme, SettleReport, Settler, SettlerConfig, SettlerError, plan_target,
};
use pledge_core::ports::{BalanceStore, ChainSource, PendingCache, PendingSnapshot};
use pledge_core::query::Queries;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{
    Account, Amount, BlockNumber, BlockRef, ChainId, Decimals, Rate, Timestamp, TokenId,
};

use super::Fixture;
use super::digest::{Digest, digest};
use super::oracle::{Taken, oracle_of_decisions};

/// The chain id of a world.
pub const CHAIN: ChainId = ChainId::new(11_155_111);
/// 2026-01-01T15:00:00Z: a window edge, where the worked cases begin.
pub const THREE_PM: u64 = 1_767_279_600;
/// The wall clock of tests in which no time passes outside of the chain.
pub const NOW: SystemTime = SystemTime::UNIX_EPOCH;
/// Confirmations in a world.
pub const CONFIRMATIONS: u64 = 6;

/// An instant `seconds` after [`THREE_PM`].
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::new(THREE_PM + seconds).expect("a small number of seconds")
}

/// Who acts in tests, at [`THREE_PM`].
pub fn operator() -> Attribution {
    let actor = Actor::new(ActorKind::Person, "olivia").expect("a short name");
    Attribution::new(actor, at(0))
}

/// The same, with a reason.
pub fn operator_because(reason: &str) -> Attribution {
    operator().because(reason.parse().expect("a short reason"))
}

/// Has an operator resume a chain, whatever stopped it.
pub async fn resume_chain(store: &dyn BalanceStore, chain: ChainId) -> Result<(), StoreError> {
    let found = store.chain(chain).await?.expect("the chain is registered").status;
    store.resume_chain(chain, &found, &operator()).await
}

/// Has an operator resume a token where it is, whatever stopped it.
pub async fn resume_token(store: &dyn BalanceStore, token: TokenId) -> Result<(), StoreError> {
    let found = store.token(token).await?.expect("the token is registered");
    let base = found.cursor.map(|cursor| cursor.id());
    store.resume_token(token, base, &found.status, &operator()).await
}

/// The account with a number, from 1; its address ends in it, its first byte spreads the shards.
pub fn account(number: u64) -> Account {
    let mut bytes = [0x11; 20];
    bytes[0] = u8::try_from(number.wrapping_mul(41) % 256).expect("below 256");
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Account::new(Address::from(bytes)).expect("not zero")
}

/// `whole` tokens of 18 decimals in base units.
pub fn tokens(whole: u64) -> Amount {
    Amount::new(U256::from(whole) * U256::from(10).pow(U256::from(18)))
}

/// The token that a world follows.
pub fn token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x70) }
}

/// A token's spec with 18 decimals, followed from block 1.
pub fn spec(id: TokenId) -> TokenSpec {
    let decimals = Decimals::new(18).expect("18 is in range");
    let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals };
    TokenSpec { id, metadata, start_block: BlockNumber::new(1) }
}

/// A world's engine over one store, without a clock.
#[derive(Debug)]
pub struct World {
    pub chain: ScriptedChain,
    pub fixture: Fixture,
    pub indexer: Indexer,
    pub settler: Settler,
    pub queries: Queries,
    programmes: Vec<Programme>,
    /// The decisions that the store took.
    taken: Vec<Taken>,
    config: IndexerConfig,
}

impl World {
    /// A world with one token and a programme `main` at 0.05, its chain's genesis at 14:59:50.
    pub async fn new(fixture: Fixture) -> Self {
        let rate = "0.05".parse::<Rate>().expect("a rate");
        Self::with_programme(fixture, Programme::main(token(), rate)).await
    }

    /// A world with one token and a programme.
    pub async fn with_programme(fixture: Fixture, programme: Programme) -> Self {
        let config = IndexerConfig {
            finality: Finality::Depth(CONFIRMATIONS),
            retained_headers: 64,
            slice_blocks_max: 7,
            clock_slack: None,
        };
        Self::with_config(fixture, programme, config).await
    }

    /// A world with its own programme and configuration.
    pub async fn with_config(
        fixture: Fixture,
        programme: Programme,
        config: IndexerConfig,
    ) -> Self {
        let genesis = Timestamp::new(THREE_PM - 10).expect("in range");
        let chain =
            ScriptedChain::new(CHAIN, genesis).with_token(token().address, spec(token()).metadata);
        fixture.balances.register_chain(CHAIN, "test").await.expect("a fresh store takes a chain");
        fixture.balances.register_token(&spec(token())).await.expect("a fresh store takes a token");
        fixture
            .points
            .put_programme(&programme, &operator())
            .await
            .expect("a fresh store takes a programme");
        Self::assemble(chain, fixture, programme, config)
    }

    /// The same chain and engine over another store that holds the same.
    pub fn moved(&self, fixture: Fixture) -> Self {
        let (programme, taken) = (self.programme().clone(), self.taken.clone());
        Self { taken, ..Self::assemble(self.chain.clone(), fixture, programme, self.config) }
    }

    fn assemble(
        chain: ScriptedChain,
        fixture: Fixture,
        programme: Programme,
        config: IndexerConfig,
    ) -> Self {
        let pending: Arc<dyn PendingCache> = Arc::new(OnePending::default());
        let source = Arc::new(chain.clone());
        let store = fixture.balances.clone();
        let indexer = Indexer::new(CHAIN, source, store, pending.clone(), config)
            .keeping_logs(fixture.logs.clone());
        let small = SettlerConfig {
            batch_accounts_max: 3,
            batch_changes_max: 4,
            windows_max: 40,
            attempts_max: 3,
        };
        let settler = Settler::new(fixture.balances.clone(), fixture.points.clone(), small);
        let queries = Queries::new(
            fixture.balances.clone(),
            fixture.points.clone(),
            fixture.logs.clone(),
            pending,
        );
        let programmes = vec![programme];
        let taken = Vec::new();
        Self { chain, fixture, indexer, settler, queries, programmes, taken, config }
    }

    /// Replaces the indexer by a fresh one that reads the chain through another source.
    pub fn read_through(&mut self, source: Arc<dyn ChainSource>) {
        let (store, pending) = (self.fixture.balances.clone(), Arc::new(OnePending::default()));
        self.indexer = Indexer::new(CHAIN, source, store, pending, self.config)
            .keeping_logs(self.fixture.logs.clone());
    }

    /// Mines a block with transfers at `seconds` after 15:00.
    pub fn mine(&self, seconds: u64, transfers: &[(Option<u64>, Option<u64>, Amount)]) -> BlockRef {
        let address =
            |number: Option<u64>| number.map_or(Address::ZERO, |number| account(number).address());
        let scripted: Vec<_> = transfers
            .iter()
            .map(|(from, to, amount)| ScriptedTransfer {
                token: token().address,
                from: address(*from),
                to: address(*to),
                amount: *amount,
            })
            .collect();
        self.chain.mine(at(seconds), &scripted)
    }

    /// Mines the empty blocks that confirm everything before, all at `seconds` after 15:00.
    pub fn confirm(&self, seconds: u64) {
        for _ in 0..=CONFIRMATIONS {
            self.mine(seconds, &[]);
        }
    }

    /// The same, `later` seconds after the newest block.
    pub fn confirm_later(&self, later: u64) {
        let head = self.chain.head().time.get();
        self.confirm((head + later).saturating_sub(THREE_PM));
    }

    /// Polls until there is nothing to do. Panics if that takes too long.
    pub async fn index(&mut self) {
        for _ in 0..10_000 {
            match self.indexer.poll(NOW).await {
                Poll::Idle => return,
                Poll::Advanced(_) | Poll::Rewound(_) | Poll::Retry(_) => {}
                Poll::Stopped(status) => panic!("the chain stopped: {status}"),
            }
        }
        panic!("the indexer does not come to rest");
    }

    /// Settles all closed windows.
    pub async fn settle(&self) -> Result<SettleReport, SettlerError> {
        self.settler.run(token(), &Stop::never(), |_| {}).await
    }

    /// Indexes and settles until there is nothing to do.
    pub async fn run(&mut self) {
        self.index().await;
        self.settle().await.expect("a calm store settles");
    }

    /// Has a person decide; what the store refuses is not taken.
    pub async fn decide(&mut self, decision: Decision) -> Result<Decided, StoreErrorKind> {
        let decided = self.fixture.points.decide(&decision, &operator()).await;
        let decided = decided.map_err(|error| error.kind())?;
        let Decided { number, from, .. } = decided;
        self.taken.extend(number.map(|number| Taken { number, from, decision }));
        Ok(decided)
    }

    /// The decisions that the store took.
    pub fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// Whether all closed windows are settled.
    pub async fn settle_done(&self) -> bool {
        let ledger = self.fixture.balances.token(token()).await.expect("read").expect("registered");
        let closed = ledger.cursor.zip(ledger.start_time).and_then(|(cursor, start)| {
            let window = self.programme().window;
            plan_target(window, window.floor(start), cursor.time, u32::MAX)
        });
        let programmes = self.fixture.points.programmes(token()).await.expect("read");
        programmes.iter().all(|state| state.settled() == closed)
    }

    /// The cursor of the token's ledger.
    pub async fn cursor(&self) -> Option<BlockRef> {
        let state = self.fixture.balances.token(token()).await.expect("read");
        state.expect("registered").cursor
    }

    /// The chain's last reported status.
    pub async fn status(&self) -> ChainStatus {
        let chains = self.fixture.balances.chains().await.expect("read");
        let chain = chains.into_iter().find(|state| state.chain == CHAIN);
        chain.expect("registered").status
    }

    /// The programme `main`.
    pub fn programme(&self) -> &Programme {
        &self.programmes[0]
    }

    /// What the store holds.
    pub async fn digest(&self) -> Digest {
        let (balances, points) = (&self.fixture.balances, &self.fixture.points);
        digest(balances, points, token()).await.expect("the store can be read")
    }

    /// What the store must hold after [`World::run`].
    pub fn oracle(&self) -> Digest {
        let head = self.chain.head().number.get();
        let cursor = head.checked_sub(CONFIRMATIONS).and_then(|number| self.chain.block(number));
        let Some((start, cursor)) = self.chain.block(1).zip(cursor.filter(|c| c.number.get() > 0))
        else {
            let names = self.programmes.iter().map(|p| p.id.name().to_owned());
            let programmes = names.map(|name| (name, Default::default())).collect();
            return Digest { programmes, ..Digest::default() };
        };
        let logs = self.chain.unreadable_logs().into_iter();
        let up_to_cursor =
            logs.filter(|log| log.token == token().address && log.block <= cursor.number);
        let unreadable = up_to_cursor.collect();
        let (transfers, taken) = (self.chain.transfers(), &self.taken);
        let digest =
            oracle_of_decisions(token(), &start, &cursor, &transfers, &self.programmes, taken);
        Digest { unreadable, ..digest }
    }

    /// Every reorg that reached the ledger.
    pub async fn reorgs(&self) -> Result<usize, StoreError> {
        let events = self.fixture.all_events().await?;
        Ok(events
            .iter()
            .filter(|event| matches!(event.event.engine(), Some(Event::Reorged(_))))
            .count())
    }
}

/// Pending blocks of one chain.
#[derive(Debug, Default)]
pub(super) struct OnePending {
    snapshot: Mutex<Option<PendingSnapshot>>,
}

#[async_trait]
impl PendingCache for OnePending {
    async fn load(&self, _chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError> {
        Ok(self.snapshot.lock().expect("no holder panics").clone())
    }

    async fn store(&self, _chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError> {
        *self.snapshot.lock().expect("no holder panics") = Some(snapshot.clone());
        Ok(())
    }
}
