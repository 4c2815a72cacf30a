//! A network that is slow, and one that goes silent.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, LedgerWrites, Registry};
use pledge_storage_mysql::{MySqlDatabase, MySqlStore, Timeouts};
use pledge_testing::OwnServer;
use pledge_testing::fault_proxy::{Direction, Fate, Flow};
use pledge_testing::world::{CHAIN, token};

use crate::stage::{COMMIT, Stage, is_unavailable, refused, run};

const SHORT: Timeouts =
    Timeouts { connection: Duration::from_secs(2), answer: Duration::from_secs(1) };

async fn impatient(stage: &Stage) -> MySqlStore {
    let url = stage.place.url_through(&stage.proxy);
    MySqlStore::over(MySqlDatabase::open_with(&url, SHORT).await.unwrap())
}

#[tokio::test]
async fn a_slow_network_delays_and_changes_nothing() {
    let stage = Stage::new().await;
    stage.proxy.set_both(Flow::Delay(Duration::from_millis(30)));
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    stage.ledger.commit_to(6).await.unwrap();
    stage.proxy.set_both(Flow::Throttle(NonZeroU32::new(60_000).unwrap()));
    let mints: Vec<_> = (10..110).map(|account| (0, account, 7)).collect();
    stage.ledger.mine(9_500, &mints);
    stage.ledger.commit_to(7).await.unwrap();
    assert!(stage.proxy.counts().slowed > 20);
    let clean = Stage::new().await;
    clean.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    clean.ledger.commit_to(6).await.unwrap();
    clean.ledger.mine(9_500, &mints);
    clean.ledger.commit_to(7).await.unwrap();
    assert_eq!(stage.everything().await, clean.everything().await);
}

/// From the next statement on, one direction or both lose every byte.
async fn silent(directions: &[Direction]) {
    let stage = Stage::new().await;
    let store = impatient(&stage).await;
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    let message = stage.ledger.message(&[token()], 6).await;
    let before = stage.everything().await;
    // Connections of both kinds are there, and have been used.
    store.register_chain(CHAIN, "test").await.unwrap();
    store.chains().await.unwrap();
    for direction in directions {
        stage.proxy.set(*direction, Flow::Swallow);
    }
    let began = Instant::now();
    let write = store.commit(&message).await;
    is_unavailable(write, "");
    is_unavailable(store.chains().await, "");
    let url = stage.place.url_through(&stage.proxy);
    is_unavailable(MySqlDatabase::open_with(&url, SHORT).await, "has not answered");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert!(stage.proxy.counts().bytes_swallowed > 0);
    stage.proxy.calm();
    assert_eq!(store.chains().await.unwrap().len(), 1);
    assert_eq!(stage.everything().await, before);
    store.commit(&message).await.unwrap();
}

#[tokio::test]
async fn a_server_that_receives_nothing_is_given_up_and_found_again() {
    silent(&[Direction::ToServer]).await;
}

#[tokio::test]
async fn a_server_that_is_not_heard_is_given_up_and_found_again() {
    silent(&[Direction::ToClient]).await;
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_given_up_and_found_again() {
    silent(&[Direction::ToServer, Direction::ToClient]).await;
}

/// The silence begins in the middle of a write: at one of its statements.
#[tokio::test]
async fn a_write_that_is_met_by_silence_half_way_is_given_up_and_taken_back() {
    let stage = Stage::new().await;
    let store = impatient(&stage).await;
    store.register_chain(CHAIN, "test").await.unwrap();
    let before = stage.everything().await;
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    let message = stage.ledger.message(&[token()], 6).await;
    let mut other = stage.outsider().await;
    run(&mut other, "START TRANSACTION").await;
    run(&mut other, "SELECT * FROM event_counter FOR UPDATE").await;
    let sending = tokio::spawn({
        let store = store.clone();
        async move { store.commit(&message).await }
    });
    // All but the last steps are done by now: it waits for the outsider.
    tokio::time::sleep(Duration::from_millis(400)).await;
    stage.proxy.set_both(Flow::Swallow);
    is_unavailable(sending.await.unwrap(), "has not answered");
    run(&mut other, "ROLLBACK").await;
    stage.proxy.calm();
    stage.proxy.cut();
    assert_eq!(stage.everything().await, before);
    let message = stage.ledger.message(&[token()], 6).await;
    store.commit(&message).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_and_goes_on_later() {
    let server = OwnServer::mariadb(&[]).await;
    let stage = Stage::on(&server).await;
    let store = impatient(&stage).await;
    store.chains().await.unwrap();
    server.freeze();
    let began = Instant::now();
    is_unavailable(store.chains().await, "");
    is_unavailable(store.register_chain(CHAIN, "meanwhile").await, "");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    server.thaw();
    store.register_chain(CHAIN, "after").await.unwrap();
    assert_eq!(store.chains().await.unwrap()[0].name, "after");
}

#[tokio::test]
async fn a_commit_that_is_met_by_silence_is_unknown_and_was_done() {
    let stage = Stage::new().await;
    let store = impatient(&stage).await;
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    let message = stage.ledger.message(&[token()], 6).await;
    stage.proxy.trap(COMMIT, Fate::SwallowReply);
    is_unavailable(store.commit(&message).await, "may be there or not");
    assert_eq!(stage.proxy.counts().replies_dropped, 1);
    let (kind, text) = refused(store.commit(&message).await);
    assert_eq!(kind, StoreErrorKind::Conflict, "{text}");
}
