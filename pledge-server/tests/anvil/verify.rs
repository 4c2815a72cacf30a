//! Two chains, 5,000 transfers among 200 accounts each, then reorgs: every balance equals the
//! contract's own, and every byte equals the oracle's.

use pledge_core::event::{Event, EventEnvelope, EventSeq, ReorgRecord};
use pledge_core::ports::EventReads;
use pledge_examples::Traffic;
use pledge_http::PartState;
use pledge_server::config::Config;
use pledge_server::stores::Stores;
use pledge_server::verify::Verdict;
use pledge_server::wire;
use pledge_storage_memory::MemoryStore;
use pledge_testing::{MySqlPlace, OwnServer};

use super::chains::{Chain, Engine, Setup};

/// Blocks about an hour apart, so that the newest ones lie in windows that are settled.
const HOURLY: Traffic = Traffic {
    seed: 7,
    accounts: 200,
    blocks: 14,
    transfers_per_block: 5,
    block_seconds_max: 7_200,
};

async fn busy_chains() -> [Chain; 2] {
    let chains = [Chain::start(11_155_111).await, Chain::start(84_532).await];
    for (seed, chain) in (1..).zip(&chains) {
        let traffic = Traffic { seed, ..Traffic::default() };
        let played = traffic.play(&chain.anvil, &chain.token).await.unwrap();
        assert!(played.transfers >= 5_000);
        HOURLY.play(&chain.anvil, &chain.token).await.unwrap();
    }
    chains
}

async fn reorgs(store: &dyn EventReads) -> Vec<ReorgRecord> {
    let events = store.events(EventSeq::START, 100_000).await.unwrap();
    let reorged = |event: EventEnvelope| match event.engine() {
        Some(Event::Reorged(record)) => Some(record),
        _ => None,
    };
    events.into_iter().filter_map(|event| reorged(event.event)).collect()
}

async fn assert_exact(engine: &Engine, chains: &[Chain]) {
    for report in engine.verify().await {
        assert_eq!(report.verdict, Verdict::Ok, "{report:?}");
        assert!(report.accounts >= 200);
        assert!(report.supply_ok && report.points_ok);
    }
    for chain in chains {
        let (found, expected) = (engine.digest(chain.id).await, engine.oracle(chain.id).await);
        assert!(found == expected, "the state differs from the oracle's on {}", chain.id);
    }
}

async fn two_chains_through_reorgs(stores: Stores, chains: &[Chain], setup: &Setup) {
    let engine = Engine::new(&setup.config(), stores).await;
    engine.run().await;
    assert_exact(&engine, chains).await;

    for chain in chains {
        chain.anvil.reorg(3).await.unwrap();
    }
    engine.run().await;
    assert_exact(&engine, chains).await;
    let store = &engine.stores.events;
    assert_eq!(reorgs(store).await, [], "a reorg of 3 stays inside the confirmations");

    for chain in chains {
        chain.anvil.reorg(10).await.unwrap();
    }
    engine.run().await;
    assert_exact(&engine, chains).await;
    let records = reorgs(store).await;
    assert_eq!(records.len(), 2, "one record for each chain");
    for record in records {
        assert!(record.tokens[0].changes_removed > 0);
        assert!(record.tokens[0].statements_reversed > 0, "it went across a settled window");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_are_exact_through_reorgs_in_memory() {
    let chains = busy_chains().await;
    let setup = Setup::of(&[&chains[0], &chains[1]]);
    two_chains_through_reorgs(Stores::of(MemoryStore::new()), &chains, &setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_are_exact_through_reorgs_in_sqlite() {
    let chains = busy_chains().await;
    let setup = Setup::of(&[&chains[0], &chains[1]]);
    let url = format!("sqlite:{}", setup.database().display());
    let store = pledge_storage_sqlite::SqliteStore::open(&url).await.unwrap();
    two_chains_through_reorgs(Stores::of(store), &chains, &setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_are_exact_through_reorgs_on_a_database_server_with_redis() {
    let chains = busy_chains().await;
    let (place, redis) = (MySqlPlace::new().await, OwnServer::redis(&[]).await);
    let setup = Setup::over(&place.url(), &[&chains[0], &chains[1]]);
    let variables = [("PLEDGE_STORAGE__REDIS_URL".to_owned(), redis.url())];
    let config = Config::load(Some(&setup.path().join("pledge.toml")), &variables.into()).unwrap();
    let stores = wire::open(&config.storage).await.unwrap();
    let redis = stores.redis.clone().expect("one is configured");
    two_chains_through_reorgs(stores.clone(), &chains, &setup).await;
    assert_eq!(redis.state(), PartState::Up);
    stores.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_index_settle_and_verify_two_chains_in_a_file() {
    let chains = busy_chains().await;
    let setup = Setup::of(&[&chains[0], &chains[1]]);
    the_commands_agree_with(&chains, &setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_index_settle_and_verify_two_chains_on_a_database_server() {
    let chains = busy_chains().await;
    let place = MySqlPlace::new().await;
    let setup = Setup::over(&place.url(), &[&chains[0], &chains[1]]);
    the_commands_agree_with(&chains, &setup).await;
}

async fn the_commands_agree_with(chains: &[Chain], setup: &Setup) {
    for depth in [0, 3, 10] {
        if depth > 0 {
            for chain in chains {
                chain.anvil.reorg(depth).await.unwrap();
            }
        }
        setup.run(&["index", "--until-head"]);
        setup.run(&["settle", "--until-settled"]);
        let report = setup.run(&["verify"]);
        let verdicts: Vec<_> =
            report["tokens"].as_array().unwrap().iter().map(|token| &token["verdict"]).collect();
        assert_eq!(verdicts, ["ok", "ok"], "after a reorg of {depth}: {report}");
    }
}
