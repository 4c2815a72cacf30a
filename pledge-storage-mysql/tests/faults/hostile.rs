//! Servers whose defaults are not ours.

use pledge_core::ports::{LedgerReads, Registry};
use pledge_core::types::ChainId;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::conformance::points_store::settle_both;
use pledge_testing::world::{World, token, tokens};
use pledge_testing::{MySqlPlace, OwnServer};
use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;

use crate::stage::{Stage, fixture, run};

/// Each of them changes what a statement means, what is read, or what becomes of a transaction.
const HOSTILE: &[&str] = &[
    "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH,IGNORE_SPACE",
    "--transaction-isolation=SERIALIZABLE",
    "--transaction-read-only=ON",
    "--autocommit=OFF",
    "--completion-type=CHAIN",
    "--default-time-zone=+08:00",
    "--character-set-server=latin1",
    "--collation-server=latin1_swedish_ci",
    "--init-connect=SET NAMES latin1",
    "--default-storage-engine=MyISAM",
    "--max-join-size=1",
    "--lower-case-table-names=1",
    "--innodb-strict-mode=OFF",
    "--innodb-rollback-on-timeout=ON",
    "--query-cache-type=ON",
    "--query-cache-size=1M",
    "--event-scheduler=ON",
    "--div-precision-increment=0",
    "--group-concat-max-len=4",
];

/// Those that have no option.
const MORE: &str = "SET GLOBAL sql_select_limit = 1, GLOBAL unique_checks = 0, \
                    GLOBAL sql_safe_updates = 1";

async fn hostile() -> OwnServer {
    let server = OwnServer::mariadb(HOSTILE).await;
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    run(&mut options.connect().await.unwrap(), MORE).await;
    server
}

#[tokio::test]
async fn a_server_with_every_default_against_us_keeps_the_same_ledger() {
    let server = hostile().await;
    let (stage, clean) = (Stage::on(&server).await, Stage::new().await);
    for stage in [&stage, &clean] {
        settle_both(&stage.ledger, (0, 7_200)).await;
        stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
        stage.ledger.commit_to(6).await.unwrap();
        let to = stage.ledger.chain.block(2).unwrap();
        stage.ledger.rewind_to(to).await.unwrap();
        stage.ledger.commit_to(4).await.unwrap();
    }
    assert_eq!(stage.everything().await, clean.everything().await);
}

#[tokio::test]
async fn a_server_with_every_default_against_us_answers_all_rows_and_the_newest() {
    let server = hostile().await;
    let stage = Stage::on(&server).await;
    let name = "ünïcödé 😀 'quoted' \\ \"twice\"  ";
    for id in 1..6 {
        stage.store.register_chain(ChainId::new(id), name).await.unwrap();
        // Once more, on a connection that has ended a transaction before.
        stage.store.holders(token(), None, 10).await.unwrap();
        let chains = stage.store.chains().await.unwrap();
        assert_eq!(chains.len(), usize::try_from(id).unwrap() + 1, "the world's own is there too");
        assert_eq!(chains[0].name, name);
    }
    assert_eq!(stage.store.holders(token(), None, 10).await.unwrap().value.len(), 4);
}

#[tokio::test]
async fn an_engine_over_a_hostile_server_gives_what_the_oracle_gives() {
    let server = hostile().await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    let mut world = World::new(fixture(&store)).await;
    for step in 0..40 {
        let moves = [(None, Some(step % 7 + 1), tokens(50)), (Some(1), Some(2), tokens(1))];
        world.mine(step * 700, &moves);
        if step % 9 == 0 {
            world.run().await;
        }
        if step == 25 {
            world.fork(12);
        }
    }
    world.confirm(80_000);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}
