//! The engine over a store that keeps contracts' logs next to its ledger.

use alloy_primitives::{Address, B256};
use pledge_core::error::StoreErrorKind;
use pledge_core::event::Event;
use pledge_core::indexer::{ChainStatus, IndexerError};
use pledge_core::ledger::{Transfer, erc20};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder};
use pledge_core::simulation::ScriptedTransfer;
use pledge_core::types::{BlockNumber, BlockRef, ContractId};

use crate::Fixture;
use crate::world::{CHAIN, CONFIRMATIONS, World, at, operator, token, tokens};

laws! {
    __engine_contracts of engine_contracts(Fixture):
    the_logs_of_confirmed_blocks_are_kept_and_no_others
    a_contract_keeps_the_events_that_it_names
    a_contract_that_begins_later_joins_the_tokens_and_shares_their_requests
    a_reorg_takes_ledger_and_logs_back_in_one_write
    a_halted_token_holds_up_no_contract
    contracts_are_followed_where_no_token_is
    an_operators_rewind_takes_logs_back_and_fetches_none_twice
    an_operators_rewind_above_a_fork_of_the_logs_is_refused
}

/// The token's contract under another name, so that its transfers are logs too.
fn spec(name: &str, start: u64, events: Events) -> ContractSpec {
    let id = ContractId::new(CHAIN, name).expect("a valid name");
    let start_block = BlockNumber::new(start);
    ContractSpec { id, address: token().address, events, start_block }
}

async fn follow(world: &World, spec: &ContractSpec) {
    let state = world.fixture.logs.register_contract(spec).await.expect("register");
    assert_eq!(state, ContractState::registered(spec.clone()));
}

async fn state(world: &World, spec: &ContractSpec) -> ContractState {
    world.fixture.logs.contract(&spec.id).await.expect("read").expect("registered")
}

async fn kept(world: &World, spec: &ContractSpec) -> Vec<ConfirmedLog> {
    let query = ContractLogsQuery {
        contract: spec.id.clone(),
        order: LogOrder::OldestFirst,
        after: None,
        limit: usize::MAX,
    };
    world.fixture.logs.contract_logs(&query).await.expect("read").value
}

/// The logs that the canonical chain has of the contract, up to the confirmed block.
fn on_chain(world: &World, spec: &ContractSpec) -> Vec<ConfirmedLog> {
    let confirmed = world.chain.head().number.down(CONFIRMATIONS);
    let transfers = world.chain.transfers().into_iter().filter(|(block, transfer)| {
        transfer.token == spec.address && (spec.start_block..=confirmed).contains(&block.number)
    });
    let log = |(block, transfer): (BlockRef, Transfer)| ConfirmedLog {
        log: erc20::encode(&transfer, block.hash),
        time: block.time,
    };
    transfers.map(log).collect()
}

/// Mines one transfer a block, a minute apart, up to a height.
fn mine_to(world: &World, height: u64) {
    while world.chain.head().number.get() < height {
        let next = world.chain.head().number.get() + 1;
        world.mine(next * 60, &[(None, Some(next % 5 + 1), tokens(next))]);
    }
}

async fn the_logs_of_confirmed_blocks_are_kept_and_no_others(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let every = spec("every", 4, Events::all());
    follow(&world, &every).await;
    mine_to(&world, 20);
    world.index().await;
    let logs = kept(&world, &every).await;
    assert_eq!(logs, on_chain(&world, &every));
    assert_eq!((logs.len(), state(&world, &every).await.logs), (11, 11), "blocks 4 to 14");
    assert_eq!(state(&world, &every).await.cursor, world.chain.block(14));
    assert_eq!(world.status().await, ChainStatus::Live);
    assert_eq!(world.digest().await, world.oracle(), "the ledger is what it is without contracts");
}

async fn a_contract_keeps_the_events_that_it_names(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let other = B256::repeat_byte(0xee);
    let named = spec("named", 1, Events::only([other, erc20::TRANSFER_TOPIC]).expect("two"));
    let without = spec("without", 1, Events::only([other]).expect("one"));
    follow(&world, &named).await;
    follow(&world, &without).await;
    mine_to(&world, 20);
    world.index().await;
    assert_eq!(kept(&world, &named).await, on_chain(&world, &named));
    assert_eq!(kept(&world, &without).await, []);
    assert_eq!(state(&world, &without).await.cursor, world.chain.block(14));
}

/// What one more block costs at rest, in calls of the source.
async fn calls_of_a_block(world: &mut World) -> u64 {
    let before = world.chain.calls();
    mine_to(world, world.chain.head().number.get() + 1);
    world.index().await;
    world.chain.calls() - before
}

async fn a_contract_that_begins_later_joins_the_tokens_and_shares_their_requests(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_to(&world, 30);
    world.index().await;
    let alone = calls_of_a_block(&mut world).await;
    let late = spec("late", 5, Events::all());
    follow(&world, &late).await;
    mine_to(&world, 40);
    world.index().await;
    assert_eq!(kept(&world, &late).await, on_chain(&world, &late));
    assert_eq!(state(&world, &late).await.cursor, world.cursor().await);
    assert_eq!(calls_of_a_block(&mut world).await, alone);
}

async fn a_reorg_takes_ledger_and_logs_back_in_one_write(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let every = spec("every", 1, Events::all());
    follow(&world, &every).await;
    mine_to(&world, 20);
    world.index().await;
    world.chain.fork_at(10);
    mine_to(&world, 24);
    world.index().await;
    assert_eq!(kept(&world, &every).await, on_chain(&world, &every));
    assert_eq!(world.digest().await, world.oracle());
    let events = world.fixture.all_events().await.expect("read");
    let records = events.iter().filter_map(|numbered| match numbered.event.engine() {
        Some(Event::Reorged(record)) => Some(record),
        _ => None,
    });
    let [record] = &records.collect::<Vec<_>>()[..] else { panic!("one reorg: {events:?}") };
    assert_eq!(record.tokens.len(), 1);
    let [contract] = &record.contracts[..] else { panic!("one contract: {record:?}") };
    assert_eq!((&contract.contract, contract.logs_removed), (&every.id, 4), "blocks 11 to 14");
    assert_eq!(contract.epoch, state(&world, &every).await.epoch);
}

async fn a_halted_token_holds_up_no_contract(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let every = spec("every", 1, Events::all());
    follow(&world, &every).await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 30);
    world.index().await;
    let halted = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    assert!(!halted.is_active());
    assert_eq!(halted.cursor, world.chain.block(10));
    assert_eq!(kept(&world, &every).await, on_chain(&world, &every));
    assert_eq!(state(&world, &every).await.cursor, world.chain.block(24));
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// The only token is halted at its first block.
async fn contracts_are_followed_where_no_token_is(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let every = spec("every", 1, Events::all());
    follow(&world, &every).await;
    world.mine(60, &[(Some(1), Some(2), tokens(1))]);
    mine_to(&world, 20);
    world.index().await;
    world.chain.fork_at(12);
    mine_to(&world, 26);
    world.index().await;
    assert_eq!(kept(&world, &every).await, on_chain(&world, &every));
    assert_eq!(state(&world, &every).await.cursor, world.chain.block(20));
    assert_eq!(world.cursor().await, None);
}

async fn an_operators_rewind_takes_logs_back_and_fetches_none_twice(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let every = spec("every", 1, Events::all());
    follow(&world, &every).await;
    mine_to(&world, 20);
    world.index().await;
    let record = world.indexer.rewind_to(BlockNumber::new(8), &operator()).await.expect("rewind");
    assert_eq!((record.tokens.len(), record.contracts.len()), (1, 1));
    assert_eq!(record.contracts[0].logs_removed, 6, "blocks 9 to 14");
    world.index().await;
    assert_eq!(kept(&world, &every).await, on_chain(&world, &every));
    assert_eq!(world.digest().await, world.oracle());
}

/// The token has no changes there; the log and the held headers are not on the node's chain.
async fn an_operators_rewind_above_a_fork_of_the_logs_is_refused(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let pool =
        ContractSpec { address: Address::repeat_byte(0x7e), ..spec("pool", 1, Events::all()) };
    follow(&world, &pool).await;
    mine_to(&world, 5);
    let of_the_pool = ScriptedTransfer {
        token: pool.address,
        from: Address::ZERO,
        to: Address::repeat_byte(1),
        amount: tokens(1),
    };
    world.chain.mine(at(360), &[of_the_pool]);
    mine_to(&world, 20);
    world.index().await;
    assert_eq!(kept(&world, &pool).await.len(), 1);
    world.chain.fork_at(5);
    mine_to(&world, 20);
    let error =
        world.indexer.rewind_to(BlockNumber::new(6), &operator()).await.expect_err("another log");
    let IndexerError::Store(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.detail().contains("name one below 6"), "{error}");
    world.indexer.rewind_to(BlockNumber::new(5), &operator()).await.expect("below the fork");
    assert_eq!(kept(&world, &pool).await, []);
}
