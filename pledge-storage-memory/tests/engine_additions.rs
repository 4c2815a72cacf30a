//! What is added to an engine that is behind, against an engine that had it from the start.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use pledge_core::archive::{ArchiveRecord, RecordKind, Summary, Tally};
use pledge_core::engine::{
    Engine, EngineError, FollowedChain, FollowedContract, FollowedToken, RegistrationError,
};
use pledge_core::error::StoreError;
use pledge_core::indexer::{IndexerConfig, Poll};
use pledge_core::ledger::TokenMetadata;
use pledge_core::points::Programme;
use pledge_core::ports::{Archive, LedgerReads, RecordSink};
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::simulation::{ScriptedChain, ScriptedLog, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{BlockNumber, ChainId, Decimals, ProgrammeId, Rate, TokenId, Topics};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::world::{account, at, operator, spec, token, tokens};

const FIRST: ChainId = ChainId::new(1);
const SECOND: ChainId = ChainId::new(2);
const POOL: Address = Address::repeat_byte(0x90);
const OTHER: Address = Address::repeat_byte(0x71);
/// Blocks of the chains, one in five minutes, so that windows close on the way.
const HEIGHT: u64 = 60;

/// A chain with two tokens and a contract, all of which do something in each block.
fn chain(id: ChainId) -> ScriptedChain {
    let metadata = || spec(token()).metadata;
    let chain = ScriptedChain::new(id, at(0));
    let chain = chain.with_token(token().address, metadata()).with_token(OTHER, metadata());
    for height in 1..=HEIGHT {
        let to = account(height % 7 + 1).address();
        let mint =
            |token| ScriptedTransfer { token, from: Address::ZERO, to, amount: tokens(height) };
        let time = at(height * 300);
        if height % 2 == 0 {
            let topics = Topics::new(&[B256::repeat_byte(1)]).unwrap();
            chain.mine_logs(time, &[ScriptedLog { address: POOL, topics, data: Bytes::new() }]);
        } else {
            chain.mine(time, &[mint(token().address), mint(OTHER)]);
        }
    }
    chain
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn main_token() -> FollowedToken {
    FollowedToken::new(token().address, BlockNumber::new(1)).earning(rate("0.05"))
}

fn other_token() -> FollowedToken {
    FollowedToken::new(OTHER, BlockNumber::new(1)).earning(rate("0.25")).halting_on_unreadable()
}

fn pool() -> FollowedContract {
    FollowedContract::new("pool", POOL, BlockNumber::new(1))
}

fn bonus() -> Programme {
    let main = TokenId { chain: FIRST, address: token().address };
    let id = ProgrammeId::new(main, "bonus").unwrap();
    Programme { id, ..Programme::main(main, rate("0.5")) }
}

fn followed(name: &str, chain: &ScriptedChain) -> FollowedChain {
    // Short slices, so that an engine stops in the middle of the chain.
    let config =
        IndexerConfig { slice_blocks_max: 7, retained_headers: 10, ..IndexerConfig::default() };
    FollowedChain::new(name, chain.clone()).bounded_by(config)
}

async fn engine(chain: FollowedChain) -> (Engine, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let builder = Engine::builder(store.clone(), Arc::new(MemoryPending::default()));
    (builder.follow(chain).build(&operator()).await.unwrap(), store)
}

async fn catch_up(engine: &mut Engine) {
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
}

/// Two slices of each chain, and no more.
async fn fall_behind(engine: &mut Engine) {
    for _ in 0..2 {
        let stop = Stop::never();
        let once = |_, _: &Poll| stop.request();
        assert!(engine.catch_up(SystemTime::now, &stop, once).await.unwrap().stopped);
    }
}

/// The sum of a store's records but for events, of which each slice leaves one.
#[derive(Default)]
struct WithoutEvents(Tally);

#[async_trait]
impl RecordSink for WithoutEvents {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        match record.kind() {
            RecordKind::Event => Ok(()),
            _ => self.0.put(record).await,
        }
    }
}

async fn summary(store: &MemoryStore) -> Summary {
    let mut records = WithoutEvents::default();
    store.export(&mut records).await.unwrap();
    records.0.summary()
}

#[tokio::test]
async fn a_token_added_behind_gets_the_bytes_of_one_that_was_there_from_the_start() {
    let chain = chain(FIRST);
    let whole = followed("first", &chain).token(main_token()).token(other_token());
    let (mut whole, expected) = engine(whole).await;
    catch_up(&mut whole).await;
    let (mut engine, store) = engine(followed("first", &chain).token(main_token())).await;
    fall_behind(&mut engine).await;
    let added = engine.add_token(FIRST, other_token(), &operator()).await.unwrap();
    assert_eq!(store.token(added).await.unwrap().unwrap().cursor, None);
    catch_up(&mut engine).await;
    assert_eq!(summary(&store).await, summary(&expected).await);
}

#[tokio::test]
async fn a_contract_added_behind_gets_the_bytes_of_one_that_was_there_from_the_start() {
    let chain = chain(FIRST);
    let whole = followed("first", &chain).token(main_token()).contract(pool());
    let (mut whole, expected) = engine(whole).await;
    catch_up(&mut whole).await;
    let (mut engine, store) = engine(followed("first", &chain).token(main_token())).await;
    fall_behind(&mut engine).await;
    engine.add_contract(FIRST, pool()).await.unwrap();
    catch_up(&mut engine).await;
    assert_eq!(summary(&store).await, summary(&expected).await);
}

#[tokio::test]
async fn a_programme_added_behind_gets_the_bytes_of_one_that_was_there_from_the_start() {
    let chain = chain(FIRST);
    let (mut whole, expected) = engine(followed("first", &chain).token(main_token())).await;
    whole.add_programme(&bonus(), &operator()).await.unwrap();
    catch_up(&mut whole).await;
    let (mut engine, store) = engine(followed("first", &chain).token(main_token())).await;
    fall_behind(&mut engine).await;
    engine.add_programme(&bonus(), &operator()).await.unwrap();
    catch_up(&mut engine).await;
    assert_eq!(summary(&store).await, summary(&expected).await);
}

#[tokio::test]
async fn a_chain_added_behind_gets_the_bytes_of_one_that_was_there_from_the_start() {
    let (first, second) = (chain(FIRST), chain(SECOND));
    let of_second = || followed("second", &second).token(main_token()).contract(pool());
    let store = Arc::new(MemoryStore::new());
    let whole = Engine::builder(store.clone(), Arc::new(MemoryPending::default()))
        .follow(followed("first", &first).token(main_token()))
        .follow(of_second());
    catch_up(&mut whole.build(&operator()).await.unwrap()).await;
    let expected = summary(&store).await;
    let (mut engine, store) = engine(followed("first", &first).token(main_token())).await;
    fall_behind(&mut engine).await;
    assert_eq!(engine.follow(of_second(), &operator()).await.unwrap(), SECOND);
    catch_up(&mut engine).await;
    assert_eq!(summary(&store).await, expected);
}

#[tokio::test]
async fn what_belongs_to_a_chain_that_is_not_followed_is_refused() {
    let (mut engine, _store) = engine(followed("first", &chain(FIRST)).token(main_token())).await;
    let error = engine.add_token(SECOND, other_token(), &operator()).await.unwrap_err();
    assert_eq!(error.to_string(), "chain 2 is not followed: follow it first");
}

#[tokio::test]
async fn a_chain_that_is_followed_already_is_refused() {
    let chain = chain(FIRST);
    let (mut engine, _store) = engine(followed("first", &chain).token(main_token())).await;
    let error = engine.follow(followed("again", &chain), &operator()).await.unwrap_err();
    assert!(matches!(error, EngineError::SameChain(FIRST)), "{error}");
}

#[tokio::test]
async fn a_token_added_with_another_start_block_is_refused_by_what_differs() {
    let (mut engine, _store) = engine(followed("first", &chain(FIRST)).token(main_token())).await;
    let later = FollowedToken::new(token().address, BlockNumber::new(9));
    let error = engine.add_token(FIRST, later, &operator()).await.unwrap_err();
    let EngineError::Registration(RegistrationError::Refused { what, source }) = error else {
        panic!("{error}")
    };
    assert!(what.to_string().starts_with("token 1:"), "{what}");
    assert!(source.detail().contains("registered with start_block 1"), "{source}");
}

/// An engine over a store that followed the token under the metadata of `world`, and now finds another.
async fn again_with(change: impl FnOnce(&mut TokenMetadata)) -> (Result<(), EngineError>, String) {
    let (mut before, store) = engine(followed("first", &chain(FIRST)).token(main_token())).await;
    catch_up(&mut before).await;
    let mut metadata = spec(token()).metadata;
    change(&mut metadata);
    let changed = ScriptedChain::new(FIRST, at(0)).with_token(token().address, metadata);
    let builder = Engine::builder(store.clone(), Arc::new(MemoryPending::default()));
    let built =
        builder.follow(followed("first", &changed).token(main_token())).build(&operator()).await;
    let id = TokenId { chain: FIRST, address: token().address };
    let kept = store.token(id).await.unwrap().unwrap().spec.metadata.symbol;
    (built.map(drop), kept)
}

#[tokio::test]
async fn a_token_that_changed_its_symbol_is_followed_on_under_the_one_before() {
    let (built, kept) = again_with(|metadata| metadata.symbol = "NEW".to_owned()).await;
    assert!(built.is_ok(), "{built:?}");
    assert_eq!(kept, spec(token()).metadata.symbol);
}

#[tokio::test]
async fn a_token_that_changed_its_decimals_is_refused() {
    let (built, _) = again_with(|metadata| metadata.decimals = Decimals::new(3).unwrap()).await;
    assert!(matches!(built, Err(EngineError::Registration(_))), "{built:?}");
}
