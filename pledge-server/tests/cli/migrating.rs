//! Processes that bring the schema of one empty database up to date at the same time.

use std::sync::Barrier;
use std::thread;

use pledge_testing::MySqlPlace;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::process::Folder;

const PROCESSES: usize = 4;
const ROUNDS: usize = 10;

const MYSQL_SCHEMA: [&str; 4] = [
    "SELECT CAST(concat_ws('|', table_name, engine, table_collation) AS CHAR) \
     FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
    "SELECT CAST(concat_ws('|', table_name, ordinal_position, column_name, column_type, is_nullable, \
     collation_name, column_default, extra) AS CHAR) \
     FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1",
    "SELECT CAST(concat_ws('|', table_name, index_name, seq_in_index, column_name, non_unique) AS CHAR) \
     FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1",
    "SELECT CAST(concat_ws('|', migration_set, version, name, made, hex(checksum)) AS CHAR) \
     FROM schema_migration ORDER BY 1",
];
const SQLITE_SCHEMA: [&str; 2] = [
    "SELECT concat_ws('|', type, name, sql) FROM sqlite_schema ORDER BY 1",
    "SELECT concat_ws('|', migration_set, version, name, made, hex(checksum)) \
     FROM schema_migration ORDER BY 1",
];

/// Runs `pledge migrate` in several processes at once; each must succeed.
fn migrate(folder: &Folder, url: &str, processes: usize) {
    let together = Barrier::new(processes);
    let one = || {
        together.wait();
        let ended = folder.run_with(&[("PLEDGE_STORAGE__URL", url)], &["migrate"]);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    };
    thread::scope(|scope| {
        for _ in 0..processes {
            scope.spawn(one);
        }
    });
}

async fn mysql_schema(place: &MySqlPlace) -> Vec<String> {
    let mut db = place.outsider().await;
    let mut schema = Vec::new();
    for select in MYSQL_SCHEMA {
        schema.extend(sqlx::query_scalar(select).fetch_all(&mut db).await.unwrap());
    }
    db.close().await.unwrap();
    schema
}

async fn sqlite_schema(folder: &Folder) -> Vec<String> {
    let file = folder.path().join("pledge.db");
    let mut db = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let mut schema = Vec::new();
    for select in SQLITE_SCHEMA {
        schema.extend(sqlx::query_scalar(select).fetch_all(&mut db).await.unwrap());
    }
    db.close().await.unwrap();
    schema
}

#[tokio::test]
async fn processes_that_migrate_one_empty_mysql_database_at_once_make_one_schema() {
    let folder = Folder::new();
    let alone = MySqlPlace::new().await;
    migrate(&folder, &alone.url(), 1);
    let expected = mysql_schema(&alone).await;
    assert!(expected.len() > 50, "{expected:?}");
    for _ in 0..ROUNDS {
        let place = MySqlPlace::new().await;
        migrate(&folder, &place.url(), PROCESSES);
        assert_eq!(mysql_schema(&place).await, expected);
    }
}

#[tokio::test]
async fn processes_that_migrate_one_new_sqlite_file_at_once_make_one_schema() {
    let alone = Folder::new();
    migrate(&alone, "sqlite:pledge.db", 1);
    let expected = sqlite_schema(&alone).await;
    assert!(expected.len() > 15, "{expected:?}");
    for _ in 0..ROUNDS {
        let folder = Folder::new();
        migrate(&folder, "sqlite:pledge.db", PROCESSES);
        assert_eq!(sqlite_schema(&folder).await, expected);
    }
}
