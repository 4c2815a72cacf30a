//! Other writers that hold what a write needs, or that kill it.

use std::time::Duration;

use pledge_core::ports::LedgerWrites;
use pledge_testing::world::token;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use crate::stage::{Stage, is_unavailable, run};

/// The next commit, sent from a task of its own, and the store it goes to.
async fn send_next(
    stage: &Stage,
) -> tokio::task::JoinHandle<Result<(), pledge_core::error::StoreError>> {
    stage.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    let (store, message) = (stage.store.clone(), stage.ledger.message(&[token()], 6).await);
    tokio::spawn(async move { store.commit(&message).await })
}

/// Our connection that waits for a lock which the outsider holds.
async fn waiting(outsider: &mut MySqlConnection) -> u64 {
    let select = "SELECT CAST(trx_mysql_thread_id AS UNSIGNED) FROM information_schema.innodb_trx \
                  JOIN information_schema.processlist ON id = trx_mysql_thread_id \
                  WHERE db = DATABASE() AND trx_state = 'LOCK WAIT'";
    for _ in 0..25 {
        // The table shows what it showed before until it is not read for a tenth of a second.
        tokio::time::sleep(Duration::from_millis(150)).await;
        let found = sqlx::query_scalar(select).fetch_optional(&mut *outsider).await.unwrap();
        if let Some(id) = found {
            return id;
        }
    }
    panic!("no connection waits for the lock");
}

/// The same call goes through now, and leaves what it should.
async fn is_done_by_the_same_call(stage: &Stage) {
    stage.ledger.commit_to(6).await.unwrap();
    let clean = Stage::new().await;
    clean.ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5)]);
    clean.ledger.commit_to(6).await.unwrap();
    assert_eq!(stage.everything().await, clean.everything().await);
}

#[tokio::test]
async fn a_write_that_is_chosen_to_end_a_deadlock_is_taken_back() {
    let stage = Stage::new().await;
    let before = stage.everything().await;
    let mut other = stage.outsider().await;
    run(&mut other, "CREATE TABLE heavy (a INT PRIMARY KEY AUTO_INCREMENT, b BLOB)").await;
    let mut outsider = other.begin().await.unwrap();
    // Servers end the transaction that has written least.
    for _ in 0..8 {
        let rows = vec!["(1)"; 500].join(", ");
        run(&mut outsider, &format!("INSERT INTO heavy (b) VALUES {rows}")).await;
    }
    run(&mut outsider, "SELECT * FROM event_counter FOR UPDATE").await;
    let sent = send_next(&stage).await;
    waiting(&mut stage.outsider().await).await;
    run(&mut outsider, "UPDATE chain SET name = name").await;
    let answer = tokio::time::timeout(Duration::from_secs(4), sent).await.unwrap().unwrap();
    is_unavailable(answer, "1213");
    outsider.rollback().await.unwrap();
    assert_eq!(stage.everything().await, before);
    is_done_by_the_same_call(&stage).await;
}

#[tokio::test]
async fn a_write_that_waits_too_long_for_a_lock_is_taken_back_whole() {
    let stage = Stage::new().await;
    let before = stage.everything().await;
    let mut outsider = stage.outsider().await;
    let mut holding = outsider.begin().await.unwrap();
    // The last row that a commit takes: the rest of it is written by then.
    run(&mut holding, "SELECT * FROM event_counter FOR UPDATE").await;
    is_unavailable(send_next(&stage).await.await.unwrap(), "1205");
    assert_eq!(stage.everything().await, before);
    holding.rollback().await.unwrap();
    is_done_by_the_same_call(&stage).await;
}

#[tokio::test]
async fn a_write_whose_connection_is_killed_is_taken_back() {
    killed_by("KILL").await;
}

#[tokio::test]
async fn a_write_whose_statement_is_killed_is_taken_back() {
    killed_by("KILL QUERY").await;
}

async fn killed_by(kill: &str) {
    let stage = Stage::new().await;
    let before = stage.everything().await;
    let mut other = stage.outsider().await;
    let mut holding = other.begin().await.unwrap();
    run(&mut holding, "SELECT * FROM event_counter FOR UPDATE").await;
    let sent = send_next(&stage).await;
    let mut outsider = stage.outsider().await;
    let victim = waiting(&mut outsider).await;
    sqlx::raw_sql(AssertSqlSafe(format!("{kill} {victim}"))).execute(&mut outsider).await.unwrap();
    is_unavailable(sent.await.unwrap(), "");
    assert_eq!(stage.everything().await, before);
    holding.rollback().await.unwrap();
    is_done_by_the_same_call(&stage).await;
}
