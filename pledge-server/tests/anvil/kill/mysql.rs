//! `MariaDB` or `MySQL`: a server that outlives the processes, and may still finish what they asked
//! for.

use std::time::Duration;

use pledge_testing::MySqlPlace;
use sqlx::MySqlConnection;

use super::backend::{Backend, Look, Progress};

const OTHERS: &str = "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist \
     WHERE db = DATABASE() AND id <> CONNECTION_ID()";

/// Generous: a rollback of one write takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A database of its own, and a connection to it.
pub(super) struct Database {
    db: MySqlConnection,
    place: MySqlPlace,
}

impl Database {
    pub(super) async fn new() -> Self {
        let place = MySqlPlace::new().await;
        Self { db: place.outsider().await, place }
    }

    async fn others(&mut self) -> Vec<u64> {
        sqlx::query_scalar(OTHERS).fetch_all(&mut self.db).await.unwrap()
    }
}

impl Backend for Database {
    fn url(&self) -> String {
        self.place.url()
    }

    async fn look(&mut self) -> Look {
        let connections = self.others().await;
        // The table `innodb_trx` is a copy that the server renews ten times a second at most.
        let show = sqlx::raw_sql("SHOW ENGINE INNODB STATUS").fetch_one(&mut self.db);
        let status: String = sqlx::Row::get(&show.await.unwrap(), "Status");
        let is_writing = writers(&status).any(|writer| connections.contains(&writer));
        let progress = sqlx::query_as(Progress::QUERY).fetch_optional(&mut self.db);
        Look { is_writing, progress: Progress::of(progress.await.unwrap()) }
    }

    async fn has_forgotten_the_dead(&mut self) {
        let gone = async {
            while !self.others().await.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("a dead process's connections end");
    }
}

/// The connections whose open transactions have changed rows.
fn writers(status: &str) -> impl Iterator<Item = u64> {
    let transactions = status.split("---TRANSACTION ").skip(1);
    transactions.filter(|text| text.contains("undo log entries")).filter_map(|text| {
        let id = text.split_once(" thread id ")?.1;
        id.split(',').next()?.parse().ok()
    })
}

#[test]
fn writers_are_distinguished_from_readers() {
    let status = "LIST OF TRANSACTIONS FOR EACH SESSION:\n\
        ---TRANSACTION 19, ACTIVE 1 sec\n\
        1 lock struct(s), heap size 1128, 0 row lock(s), undo log entries 2\n\
        MariaDB thread id 5, OS thread handle 139830513260224, query id 7 localhost 127.0.0.1 root\n\
        ---TRANSACTION 20, ACTIVE 0 sec\n\
        1 lock struct(s), heap size 1128, 1 row lock(s)\n\
        MySQL thread id 6, OS thread handle 139830513260225, query id 8 localhost 127.0.0.1 root\n";
    assert_eq!(writers(status).collect::<Vec<_>>(), [5]);
}
