//! A Redis full of wrong answers: they may reach readers for a while, but no decision.

use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::Programme;
use pledge_core::primitives::Address;
use pledge_core::query::Queries;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{Account, Amount, BlockNumber, ChainId, Decimals, Timestamp, TokenId};
use pledge_server::config::{Config, LimitsConfig};
use pledge_server::stores::Stores;
use pledge_server::wire;
use pledge_testing::digest::digest;
use pledge_testing::oracle::oracle;
use pledge_testing::world::operator;
use pledge_testing::{MySqlPlace, OwnServer};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use crate::node::{THREE_PM, account, token};

const CHAIN: ChainId = ChainId::new(31_337);
const DEPTH: u64 = 6;
const WRONG: u64 = 7;

/// Enough accounts for the cache to keep an answer about all of them.
fn holders() -> Vec<Account> {
    (1..=120).map(|number| Account::new(account(number)).unwrap()).collect()
}

const fn id() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x70) }
}

fn time(minute: u64) -> Timestamp {
    Timestamp::new(THREE_PM + minute * 60).unwrap()
}

/// Changes every amount; true if there was one.
fn spoil(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut spoilt = false;
            for (name, field) in fields.iter_mut() {
                if ["amount", "balance"].contains(&name.as_str()) {
                    *field = json!(WRONG.to_string());
                    spoilt = true;
                } else {
                    spoilt |= spoil(field);
                }
            }
            spoilt
        }
        Value::Array(items) => items.iter_mut().fold(false, |spoilt, item| spoil(item) | spoilt),
        _ => false,
    }
}

/// Corrupts everything in the cache; returns the number of pending blocks and of answers.
async fn poison(redis: &mut MultiplexedConnection) -> (usize, usize) {
    let (mut pending, mut answers) = (0, 0);
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    for key in keys.iter().filter(|key| key.ends_with(":pending") || key.contains(":answer:")) {
        let value: Vec<u8> = redis.get(key).await.unwrap();
        let is_pending = key.ends_with(":pending");
        // What another instance stored is known by its tag.
        let tag = if is_pending { "f".repeat(16) } else { String::new() };
        let mut spoilt: Value = serde_json::from_slice(&value[tag.len()..]).unwrap();
        if spoil(&mut spoilt) {
            let _: () = redis.set(key, format!("{tag}{spoilt}")).await.unwrap();
            *(if is_pending { &mut pending } else { &mut answers }) += 1;
        }
    }
    (pending, answers)
}

/// What a node has, and what is made of it over all stores.
struct Stage {
    chain: ScriptedChain,
    stores: Stores,
    readers: Queries,
    indexer: Indexer,
    programme: Programme,
}

impl Stage {
    async fn over(stores: Stores) -> Self {
        let metadata =
            TokenMetadata { symbol: "PLG".to_owned(), decimals: Decimals::new(18).unwrap() };
        let chain = ScriptedChain::new(CHAIN, time(0)).with_token(token(), metadata.clone());
        stores.balances.register_chain(CHAIN, "local").await.unwrap();
        let readers = stores.for_readers(LimitsConfig::default().reads).unwrap().queries(&stores);
        let spec = TokenSpec { id: id(), metadata, start_block: BlockNumber::new(0) };
        stores.balances.register_token(&spec).await.unwrap();
        let programme = Programme::main(id(), "0.05".parse().unwrap());
        stores.points.put_programme(&programme, &operator()).await.unwrap();
        let indexer = Self::indexer(&chain, &stores);
        Self { chain, stores, readers, indexer, programme }
    }

    fn indexer(chain: &ScriptedChain, stores: &Stores) -> Indexer {
        let config = IndexerConfig {
            finality: Finality::Depth(DEPTH),
            clock_slack: None,
            ..IndexerConfig::default()
        };
        let (balances, pending) = (stores.balances.clone(), stores.pending.clone());
        Indexer::new(CHAIN, Arc::new(chain.clone()), balances, pending, config)
    }

    /// A block that gives every holder something.
    fn mine(&self, minute: u64, amount: u64) {
        let mint = |to: &Account| ScriptedTransfer {
            token: token(),
            from: Address::ZERO,
            to: to.address(),
            amount: Amount::from(amount),
        };
        let transfers: Vec<_> = holders().iter().map(mint).collect();
        self.chain.mine(time(minute), &transfers);
    }

    /// Makes the reads of the indexer through the cache, so that it keeps their answers to be
    /// corrupted.
    async fn ask(&self) -> Option<Amount> {
        let read = self.readers.ledger().states(id(), &holders()).await.unwrap();
        read.value[0].map(|state| state.balance)
    }

    /// Indexes, with the cache corrupted before each poll, and settles.
    async fn run(&mut self, redis: &mut MultiplexedConnection) -> (usize, usize) {
        let mut sum = (0, 0);
        loop {
            self.ask().await;
            let (pending, answers) = poison(redis).await;
            sum = (sum.0 + pending, sum.1 + answers);
            match self.indexer.poll(SystemTime::now()).await {
                Poll::Idle => break,
                Poll::Advanced(_) | Poll::Rewound(_) => {}
                other => panic!("{other:?}"),
            }
        }
        let (settler, stop) = (self.stores.settler(), Stop::never());
        settler.settle_chain(CHAIN, &stop, |_| {}).await.unwrap();
        sum
    }

    async fn equals_the_oracle(&self) {
        let found = digest(&self.stores.balances, &self.stores.points, id()).await.unwrap();
        let first = self.chain.block(0).unwrap();
        let Some(confirmed) = self.chain.head().number.get().checked_sub(DEPTH) else {
            return;
        };
        let confirmed = self.chain.block(confirmed).unwrap();
        let (transfers, programmes) = (self.chain.transfers(), [self.programme.clone()]);
        assert_eq!(found, oracle(id(), &first, &confirmed, &transfers, &programmes));
    }
}

async fn open(place: &MySqlPlace, redis: &OwnServer) -> Stores {
    let variables = [
        ("PLEDGE_STORAGE__URL".to_owned(), place.url()),
        ("PLEDGE_STORAGE__REDIS_URL".to_owned(), redis.url()),
    ];
    let config = Config::load(None, &variables.into()).unwrap();
    wire::open(&config.storage).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_in_redis_change_no_ledger_and_no_points() {
    let (place, server) = (MySqlPlace::new().await, OwnServer::redis(&[]).await);
    let redis = redis::Client::open(server.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let mut stage = Stage::over(open(&place, &server).await).await;
    let mut spoilt = (0, 0);
    let mut fed = 0;
    for round in 0..20_u64 {
        stage.mine(10 + round * 20, 1_000 + round);
        if round % 5 == 4 {
            // A fork inside the confirmations, and now and then one below them.
            let depth = if round == 14 { 9 } else { 3 };
            stage.chain.fork_at(stage.chain.head().number.get() - depth);
            for block in 0..=depth {
                stage.mine(12 + round * 20 + block, block);
            }
        }
        if round % 7 == 6 {
            // A new indexer, as after a restart: it knows only what is stored.
            stage.indexer = Stage::indexer(&stage.chain, &stage.stores);
        }
        let (pending, answers) = stage.run(&mut redis).await;
        spoilt = (spoilt.0 + pending, spoilt.1 + answers);
        stage.ask().await;
        poison(&mut redis).await;
        fed += u32::from(stage.ask().await == Some(Amount::from(WRONG)));
        stage.equals_the_oracle().await;
    }
    assert!(fed > 5, "readers are fed what is kept, {fed} times");
    assert!(spoilt.0 > 10 && spoilt.1 > 10, "{spoilt:?}");
    stage.stores.close().await;
}
