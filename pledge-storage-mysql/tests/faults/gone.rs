//! A server that goes away and comes back.

use std::time::{Duration, Instant};

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerCommit, LedgerReads, LedgerWrites, Registry};
use pledge_core::types::ChainId;
use pledge_storage_mysql::{MySqlDatabase, MySqlStore, Timeouts};
use pledge_testing::world::{CHAIN, token};
use pledge_testing::{MySqlPlace, OwnServer};

use crate::stage::{Stage, is_unavailable, refused};

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_goes_on_where_it_was() {
    let mut server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    store.register_chain(CHAIN, "before").await.unwrap();
    assert_eq!(store.chains().await.unwrap()[0].name, "before");
    server.kill();
    is_unavailable(store.register_chain(CHAIN, "meanwhile").await, "no connection");
    is_unavailable(store.chains().await, "no connection");
    is_unavailable(MySqlStore::open(&place.url()).await, "no connection");
    server.start().await;
    assert_eq!(store.chains().await.unwrap()[0].name, "before");
    store.register_chain(CHAIN, "after").await.unwrap();
    assert_eq!(store.chains().await.unwrap()[0].name, "after");
}

/// What was answered is there after any kill, what was not is there whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_the_middle_of_commits_has_each_of_them_once() {
    const KILLS: u64 = 4;
    let mut server = OwnServer::mariadb(&[]).await;
    let stage = Stage::on(&server).await;
    for block in 0..60 {
        stage.ledger.mine(9_000 + block, &[(0, 1 + block % 30, 5), (2, 1, 1)]);
    }
    let mut height = 5;
    let mut met = 0;
    for kill in 0..KILLS {
        for _ in 0..4 + kill {
            stage.ledger.commit_to(height + 1).await.unwrap();
            height += 1;
        }
        let message = stage.ledger.message(&[token()], height + 1).await;
        let sending = tokio::spawn(send(stage.store.clone(), message.clone()));
        tokio::time::sleep(Duration::from_millis(kill)).await;
        server.kill();
        let answer = sending.await.unwrap().map_err(|error| error.kind());
        server.start().await;
        let reached = stage.ledger.cursor().await.unwrap().number.get();
        if answer.is_ok() {
            assert_eq!(reached, height + 1, "what was answered is there");
        } else {
            met += 1;
            assert_eq!(answer, Err(StoreErrorKind::Unavailable));
            assert!([height, height + 1].contains(&reached), "{reached}, not {height} or one more");
            let again = stage.store.commit(&message).await.map_err(|error| error.kind());
            let expected = if reached == height { Ok(()) } else { Err(StoreErrorKind::Conflict) };
            assert_eq!(again, expected);
        }
        height += 1;
    }
    assert!(met > 0, "no kill met a commit");
    let clean = Stage::new().await;
    for block in 0..height - 5 {
        clean.ledger.mine(9_000 + block, &[(0, 1 + block % 30, 5), (2, 1, 1)]);
        clean.ledger.commit_to(6 + block).await.unwrap();
    }
    assert_eq!(stage.everything().await, clean.everything().await);
}

async fn send(
    store: MySqlStore,
    message: LedgerCommit,
) -> Result<(), pledge_core::error::StoreError> {
    store.commit(&message).await
}

#[tokio::test]
async fn connections_that_the_server_has_closed_for_idling_are_replaced_unseen() {
    let server = OwnServer::mariadb(&["--wait-timeout=1", "--interactive-timeout=1"]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    for id in 1..4 {
        store.register_chain(ChainId::new(id), "kept").await.unwrap();
        assert_eq!(store.chains().await.unwrap().len(), usize::try_from(id).unwrap());
        tokio::time::sleep(Duration::from_millis(2_100)).await;
    }
}

#[tokio::test]
async fn every_connection_that_is_cut_at_once_is_replaced() {
    let stage = Stage::new().await;
    let reads = (0..8).map(|_| stage.store.chains());
    for read in futures::future::join_all(reads).await {
        read.unwrap();
    }
    stage.proxy.cut();
    // Those that sleep are looked at before they are used, so no caller notices.
    assert_eq!(stage.store.chains().await.unwrap().len(), 1);
    stage.store.register_chain(CHAIN, "after").await.unwrap();
    assert!(stage.proxy.counts().resets > 1);
}

#[tokio::test]
async fn a_server_that_takes_no_connection_is_unavailable_until_it_does() {
    let stage = Stage::new().await;
    stage.proxy.refuse(true);
    stage.proxy.cut();
    let (kind, text) = refused(stage.store.chains().await);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    is_unavailable(MySqlStore::open(&stage.place.url_through(&stage.proxy)).await, "no connection");
    assert!(stage.proxy.counts().refused > 1);
    stage.proxy.calm();
    stage.store.chains().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_is_reported_at_once_with_its_address_and_the_cause() {
    let mut server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    store.chains().await.unwrap();
    server.kill();
    let began = Instant::now();
    for _ in 0..3 {
        for refused in [
            store.chains().await.map(|_| ()),
            store.register_chain(CHAIN, "meanwhile").await,
            MySqlStore::open(&place.url()).await.map(|_| ()),
        ] {
            is_unavailable(refused, &server.address());
        }
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    is_unavailable(store.chains().await, "refused");
    server.start().await;
}

/// One call waits for the server; the others do not wait for the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_call_tries_a_server_that_does_not_answer_others_are_refused_at_once() {
    const SHORT: Timeouts =
        Timeouts { connection: Duration::from_secs(2), answer: Duration::from_secs(1) };
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::over(MySqlDatabase::open_with(&place.url(), SHORT).await.unwrap());
    server.freeze();
    is_unavailable(store.chains().await, "has not answered");
    let trying = tokio::spawn({
        let store = store.clone();
        async move { store.chains().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    for _ in 0..20 {
        is_unavailable(store.chains().await, "has not answered");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    server.thaw();
    let _ = trying.await.unwrap();
    assert_eq!(store.chains().await.unwrap(), []);
}
