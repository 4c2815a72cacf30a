//! What a server takes at once.

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, LogStore, Registry};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::conformance::contracts::log_with;
use pledge_testing::world::token;
use pledge_testing::{MySqlPlace, OwnServer};

use crate::stage::{Stage, refused};

/// The least that a store accepts.
const SMALLEST: &[&str] = &["--max-allowed-packet=4M"];

fn mine_thousands(stage: &Stage) {
    let mints: Vec<_> = (1..=15_000).map(|account| (0, account, 7)).collect();
    stage.ledger.mine(9_000, &mints);
}

#[tokio::test]
async fn a_commit_of_thousands_of_changes_fits_the_smallest_packets() {
    let server = OwnServer::mariadb(SMALLEST).await;
    let stage = Stage::on(&server).await;
    mine_thousands(&stage);
    stage.ledger.commit_to(6).await.unwrap();
    let state = stage.store.token(token()).await.unwrap().unwrap();
    assert_eq!(state.totals.holders, 15_000);
}

#[tokio::test]
async fn a_text_that_no_packet_holds_is_refused_for_good_and_harms_nothing_after_it() {
    let server = OwnServer::mariadb(SMALLEST).await;
    let stage = Stage::on(&server).await;
    let before = stage.everything().await;
    let cursor = stage.ledger.cursor().await.map(|cursor| cursor.id());
    let reason = "x".repeat(5 << 20);
    let (kind, text) = refused(stage.store.halt_token(token(), cursor, &reason).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{}", &text[..200.min(text.len())]);
    assert_eq!(stage.everything().await, before);
    let fits = "x".repeat(3 << 19);
    stage.store.halt_token(token(), cursor, &fits).await.unwrap();
}

#[tokio::test]
async fn a_log_that_no_packet_holds_is_refused_with_what_to_do_and_nothing_is_written() {
    let server = OwnServer::mariadb(SMALLEST).await;
    let stage = Stage::on(&server).await;
    let contracts = stage.contracts();
    contracts.follow("vault").await;
    stage.ledger.mine(9_000, &[]);
    let block = stage.ledger.chain.block(6).unwrap();
    let before = stage.everything().await;
    let message = async |bytes| {
        let small = log_with(&block, 0, &[], b"small");
        let large = log_with(&block, 1, &[], &vec![7; bytes]);
        contracts.message(&[("vault", vec![small, large])], 6).await
    };
    let (kind, text) = refused(stage.store.commit_logs(&message(5 << 20).await).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("raise its max_allowed_packet"), "{text}");
    assert_eq!(stage.everything().await, before);
    stage.store.commit_logs(&message(5 << 19).await).await.unwrap();
}

#[tokio::test]
async fn a_server_that_takes_too_little_at_once_is_refused_with_what_to_do() {
    let server = OwnServer::mariadb(&["--max-allowed-packet=1M"]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let (kind, text) = refused(MySqlStore::open(&place.url()).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("max_allowed_packet"), "{text}");
}
