//! Several instances over one store: one follows the chain, another answers or takes over.

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::{Redis, RedisPending};
use pledge_core::error::ChainError;
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest, PendingCache, Registry};
use pledge_core::primitives::Address;
use pledge_core::query::Queries;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    Amount, BlockId, BlockRef, BlockSpan, Call, CallOutcome, ChainId, TokenId,
};
use pledge_storage_memory::MemoryStore;
use pledge_testing::world::{CHAIN, NOW, account, at, spec, token, tokens};
use support::{prefix, server};

/// A chain, a store, and the prefix that instances share.
struct World {
    chain: ScriptedChain,
    store: Arc<MemoryStore>,
    prefix: String,
}

impl World {
    async fn new() -> Self {
        let chain = ScriptedChain::new(CHAIN, at(0))
            .with_token(token().address, spec(token()).metadata)
            .with_token(other().address, spec(other()).metadata);
        let store = Arc::new(MemoryStore::new());
        store.register_chain(CHAIN, "shared").await.expect("a fresh store takes a chain");
        store.register_token(&spec(token())).await.expect("a fresh store takes a token");
        Self { chain, store, prefix: prefix() }
    }

    /// An instance's pending blocks.
    async fn pending(&self) -> Arc<dyn PendingCache> {
        let redis = Redis::connect(&server(), &self.prefix).await.expect("the URL is right");
        Arc::new(RedisPending::new(redis))
    }

    async fn indexer(&self, source: impl ChainSource) -> Indexer {
        let config = IndexerConfig {
            finality: Finality::Depth(6),
            retained_headers: 64,
            slice_blocks_max: 100,
            clock_slack: None,
        };
        let pending = self.pending().await;
        Indexer::new(CHAIN, Arc::new(source), self.store.clone(), pending, config)
    }

    async fn queries(&self) -> Queries {
        Queries::new(
            self.store.clone(),
            self.store.clone(),
            self.store.clone(),
            self.pending().await,
        )
    }

    /// Ten blocks that mint one whole of each token.
    fn mine(&self) {
        for _ in 0..10 {
            let mint = |id: TokenId| ScriptedTransfer {
                token: id.address,
                from: Address::ZERO,
                to: account(1).address(),
                amount: tokens(1),
            };
            let next = self.chain.head().time.checked_add(1).expect("in range");
            self.chain.mine(next, &[mint(token()), mint(other())]);
        }
    }
}

fn other() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

async fn rest(indexer: &mut Indexer) {
    while !matches!(indexer.poll(NOW).await, Poll::Idle) {}
}

async fn balances(queries: &Queries, token: TokenId) -> (Amount, Option<Amount>) {
    let view = queries.account(token, account(1), None, None).await.expect("seen");
    (view.balance, view.pending_balance)
}

#[tokio::test]
async fn an_instance_that_does_not_follow_the_chain_serves_pending_balances() {
    let world = World::new().await;
    let queries = world.queries().await;
    let mut indexer = world.indexer(world.chain.clone()).await;
    for confirmed in [4, 14] {
        world.mine();
        rest(&mut indexer).await;
        let expected = (tokens(confirmed), Some(tokens(confirmed + 6)));
        assert_eq!(balances(&queries, token()).await, expected);
    }
}

#[tokio::test]
async fn an_indexer_begun_again_reads_the_pending_blocks_itself_while_readers_have_those_kept() {
    let world = World::new().await;
    world.mine();
    rest(&mut world.indexer(world.chain.clone()).await).await;
    let mut again = world.indexer(HeadsOnly(world.chain.clone())).await;
    assert!(matches!(again.poll(NOW).await, Poll::Retry(_)));
    let expected = (tokens(4), Some(tokens(10)));
    assert_eq!(balances(&world.queries().await, token()).await, expected);
}

#[tokio::test]
async fn pending_blocks_that_another_fetched_for_other_tokens_are_fetched_again() {
    let world = World::new().await;
    world.mine();
    let mut one = world.indexer(world.chain.clone()).await;
    rest(&mut one).await;
    world.store.register_token(&spec(other())).await.expect("another token");
    let mut two = world.indexer(world.chain.clone()).await;
    rest(&mut two).await;
    let expected = (tokens(4), Some(tokens(10)));
    for token in [token(), other()] {
        assert_eq!(balances(&world.queries().await, token).await, expected);
    }
}

#[tokio::test]
async fn two_indexers_in_turn_keep_the_pending_blocks_right() {
    let world = World::new().await;
    let mut indexers =
        [world.indexer(world.chain.clone()).await, world.indexer(world.chain.clone()).await];
    let queries = world.queries().await;
    for round in 1..=6_usize {
        world.mine();
        rest(&mut indexers[round % 2]).await;
        let mined = u64::try_from(round).expect("small") * 10;
        let expected = (tokens(mined - 6), Some(tokens(mined)));
        assert_eq!(balances(&queries, token()).await, expected);
    }
}

/// A node that no range can be read from.
#[derive(Debug)]
struct HeadsOnly(ScriptedChain);

#[async_trait]
impl ChainSource for HeadsOnly {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.0.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        ChainSource::head(&self.0).await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.0.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.0.headers(blocks).await
    }

    async fn logs<'a>(&self, _: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        Err(ChainError::persistent("read a range", "there is nothing to read"))
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        ChainSource::calls(&self.0, calls, at).await
    }
}
