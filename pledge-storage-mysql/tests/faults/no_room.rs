//! A server whose disk is full.

use pledge_core::ports::LedgerWrites;
use pledge_core::types::BlockRef;
use pledge_testing::OwnServer;
use pledge_testing::world::token;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use crate::stage::{Stage, is_unavailable, run};

/// Every table in one file that ends at 32 MB: full as a disk is, also for a test that runs as
/// root.
const SMALL: &[&str] =
    &["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:32M"];

const LARGER: &[&str] =
    &["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:64M"];

/// A ledger whose tables take space by the extent. While a table is small it takes single pages out
/// of the last extents, without which the server cannot take a write back: it would end.
async fn grow(stage: &Stage) {
    let mints: Vec<_> = (0..10_000).map(|number| (0, 1 + number % 8, 7)).collect();
    stage.ledger.mine(8_000, &mints);
    stage.ledger.commit_to(6).await.unwrap();
}

/// A block with more changes than fit between the rows that are there.
fn mine_a_lot(stage: &Stage) -> BlockRef {
    let mints: Vec<_> = (10..2_010).map(|account| (0, account, 7)).collect();
    stage.ledger.mine(9_000, &mints)
}

/// Writes until nothing more fits.
async fn fill(outsider: &mut MySqlConnection) {
    run(outsider, "CREATE TABLE filler (a INT PRIMARY KEY AUTO_INCREMENT, b LONGBLOB)").await;
    for bytes in [1_000_000, 100_000, 10_000, 4_000] {
        let insert = format!("INSERT INTO filler (b) VALUES (REPEAT('x', {bytes}))");
        while outsider.execute(AssertSqlSafe(insert.as_str())).await.is_ok() {}
    }
}

#[tokio::test]
async fn a_write_that_finds_no_room_is_taken_back_and_done_by_the_same_call_when_there_is() {
    let mut server = OwnServer::mariadb(SMALL).await;
    let stage = Stage::on(&server).await;
    grow(&stage).await;
    let before = stage.everything().await;
    mine_a_lot(&stage);
    let message = stage.ledger.message(&[token()], 7).await;
    let mut outsider = stage.outsider().await;
    fill(&mut outsider).await;
    is_unavailable(stage.store.commit(&message).await, "no room");
    assert_eq!(stage.everything().await, before);
    is_unavailable(stage.store.commit(&message).await, "no room");
    server.kill();
    server.start_with(LARGER).await;
    stage.store.commit(&message).await.unwrap();
    let clean = Stage::new().await;
    grow(&clean).await;
    mine_a_lot(&clean);
    clean.ledger.commit_to(7).await.unwrap();
    assert_eq!(stage.everything().await, clean.everything().await);
}
