//! A server that is killed around the commit of a rewind over tokens and contracts.

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::LedgerWrites;
use pledge_testing::OwnServer;
use pledge_testing::conformance::points_store::settle_both;
use pledge_testing::fault_proxy::Fate;

use crate::stage::{COMMIT, Everything, Stage, is_unavailable};

const NAMES: [&str; 2] = ["router", "vault"];

/// A settled ledger and two contracts at its cursor.
async fn filled(server: &OwnServer) -> Stage {
    let stage = Stage::on(server).await;
    settle_both(&stage.ledger, (0, 7_200)).await;
    for name in NAMES {
        stage.contracts().follow(name).await;
    }
    stage
}

/// The same before a rewind to block 2 and after it, where nothing happens.
async fn before_and_after(server: &OwnServer) -> (Everything, Everything) {
    let calm = filled(server).await;
    let before = calm.everything().await;
    calm.contracts().rewind(&NAMES, calm.ledger.chain.block(2).unwrap()).await.unwrap();
    (before, calm.everything().await)
}

/// Right before the server has the commit, right after it has done it, and while it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_around_a_rewind_leaves_ledger_and_logs_both_rewound_or_neither() {
    let mut server = OwnServer::mariadb(&[]).await;
    let (before, after) = before_and_after(&server).await;
    for (fate, is_done) in [(Fate::CutBefore, false), (Fate::DropReply, true)] {
        let stage = filled(&server).await;
        let contracts = stage.contracts();
        let rewind = contracts.rewind_of(&NAMES, stage.ledger.chain.block(2).unwrap()).await;
        stage.proxy.trap(COMMIT, fate);
        is_unavailable(stage.store.rewind(&rewind).await, "may be there or not");
        server.kill();
        server.start().await;
        let expected = if is_done { &after } else { &before };
        assert_eq!(stage.everything().await, *expected, "{fate:?}");
        let again = stage.store.rewind(&rewind).await.map_err(|error| error.kind());
        assert_eq!(again.is_ok(), !is_done, "{again:?}");
        assert_eq!(stage.everything().await, after);
    }
    for wait in 0..6 {
        let stage = filled(&server).await;
        let contracts = stage.contracts();
        let rewind = contracts.rewind_of(&NAMES, stage.ledger.chain.block(2).unwrap()).await;
        let (store, message) = (stage.store.clone(), rewind.clone());
        let sending = tokio::spawn(async move { store.rewind(&message).await });
        tokio::time::sleep(Duration::from_millis(2 * wait)).await;
        server.kill();
        let answer = sending.await.unwrap().map_err(|error| error.kind());
        server.start().await;
        let left = stage.everything().await;
        assert!(left == before || left == after, "after {wait}: {left:?}");
        match answer {
            Ok(_) => assert_eq!(left, after, "what was answered is there"),
            Err(kind) => assert_eq!(kind, StoreErrorKind::Unavailable),
        }
    }
}
