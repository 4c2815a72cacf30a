//! What is particular to a database on a server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{ChainReport, EventReads, LedgerReads, LedgerWrites, Registry};
use pledge_core::types::{BlockNumber, ChainId};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::Fixture;
use pledge_testing::conformance::ledger::Ledger;
use pledge_testing::world::{CHAIN, spec, token};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use support::{Place, schema};

/// A ledger with nothing in it over an open store.
async fn ledger(store: &MySqlStore) -> Ledger {
    Ledger::open(Fixture::new(Arc::new(store.clone()), ())).await
}

fn refused<T: Debug>(result: Result<T, StoreError>) -> (StoreErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let place = Place::new().await;
    let store = place.open().await;
    Ledger::with_blocks(Fixture::new(Arc::new(store.clone()), ())).await;
    let before = store.token(token()).await.unwrap();
    store.close().await;
    assert_eq!(place.open().await.token(token()).await.unwrap(), before);
}

#[tokio::test]
async fn a_url_without_a_database_is_refused() {
    for url in ["", "mysql:", "mysql://root@127.0.0.1:3306", "mysql://root@127.0.0.1:3306/", "x"] {
        let (kind, text) = refused(MySqlStore::open(url).await);
        assert_eq!(kind, StoreErrorKind::Invalid, "{url}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let (kind, text) = refused(MySqlStore::open("mysql://root:secret@127.0.0.1:1/pledge").await);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    assert!(text.contains("127.0.0.1:1") && !text.contains("secret"), "{text}");
}

/// Each of them would be taken for another part of the URL, or for another password.
#[tokio::test]
async fn a_password_that_is_not_encoded_is_refused_with_how_to_write_it() {
    let place = Place::new().await;
    let server = place.url();
    let (_, server) = server.rsplit_once('@').unwrap();
    for password in ["12/34", "ab/cd", "12#34", "ab#cd", "12?34", "ab?cd", "ab%41", "ab%zz", "%ff"]
    {
        let url = format!("mysql://nobody:{password}@{server}");
        let (kind, text) = refused(MySqlStore::open(&url).await);
        assert_eq!(kind, StoreErrorKind::Invalid, "{password}: {text}");
        assert!(text.contains("`@ / # ? %`") && text.contains("%40"), "{password}: {text}");
        assert!(!text.contains(password), "{text}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused_with_what_to_do() {
    let place = Place::new().await;
    let url = format!("{}_not", place.url());
    let (kind, text) = refused(MySqlStore::open(&url).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("CREATE DATABASE"), "{text}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::new().await;
    let mut outsider = place.outsider().await;
    outsider.execute("CREATE TABLE theirs (a INT)").await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("another program"), "{text}");
    let tables = sqlx::query("SHOW TABLES").fetch_all(&mut outsider).await.unwrap();
    assert_eq!(tables.len(), 1);
}

/// A server lists no table on which a user has no right at all.
#[tokio::test]
async fn a_database_that_shows_no_record_is_refused_with_the_right_that_may_be_missing() {
    let place = Place::new().await;
    place.outsider().await.execute("CREATE TABLE chain (id INT)").await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("SELECT") && text.contains("schema_migration"), "{text}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_what_to_do() {
    let place = Place::new().await;
    place.open().await.close().await;
    let newer = "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
                 VALUES ('engine', 9999, 'later', REPEAT('x', 32), 1)";
    place.outsider().await.execute(newer).await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("9999") && text.contains("upgrade pledge"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_looked_at_is_read_and_left_as_it_is() {
    let place = Place::new().await;
    let (looked, version) = MySqlStore::open_read_only(&place.url()).await.unwrap();
    assert!(version.found == 0 && !version.is_current(), "{version:?}");
    looked.close().await;
    let mut outsider = place.outsider().await;
    assert!(outsider.fetch_all("SHOW TABLES").await.unwrap().is_empty());
    place.open().await.register_chain(CHAIN, "one").await.unwrap();
    let (looked, version) = MySqlStore::open_read_only(&place.url()).await.unwrap();
    assert!(version.is_current(), "{version:?}");
    assert!(looked.register_chain(CHAIN, "two").await.is_err());
    assert_eq!(looked.chains().await.unwrap()[0].name, "one");
}

/// A server cannot take a new table back, so a process that is killed while it makes the schema leaves
/// some of it.
#[tokio::test]
async fn a_schema_that_was_left_half_way_is_finished() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let whole = schema(&mut outsider).await;
    let tables: Vec<_> = whole.iter().map(|(name, _)| name).collect();
    let tables: Vec<_> = tables.into_iter().filter(|name| *name != "schema_migration").collect();
    for left in 0..tables.len() {
        for table in tables.iter().skip(left) {
            let drop = format!("DROP TABLE IF EXISTS {table}");
            outsider.execute(AssertSqlSafe(drop)).await.unwrap();
        }
        outsider.execute("UPDATE schema_migration SET made = 0").await.unwrap();
        let (_, version) = MySqlStore::open_read_only(&place.url()).await.unwrap();
        assert!(!version.is_current(), "with {left} tables: {version:?}");
        place.open().await.close().await;
        assert_eq!(schema(&mut outsider).await, whole, "with {left} tables");
    }
    let store = place.open().await;
    Ledger::with_blocks(Fixture::new(Arc::new(store), ())).await;
}

/// A table may be there without the index that comes next.
#[tokio::test]
async fn a_schema_that_was_left_without_an_index_is_finished() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let whole = schema(&mut outsider).await;
    for (table, index) in [
        ("user_balance", "user_balance_by_balance"),
        ("user_balance_change", "user_balance_change_by_time"),
        ("user_points_change", "user_points_change_by_window"),
    ] {
        let drop = format!("ALTER TABLE {table} DROP INDEX {index}");
        outsider.execute(AssertSqlSafe(drop)).await.unwrap();
        outsider.execute("UPDATE schema_migration SET made = 0").await.unwrap();
        place.open().await.close().await;
        assert_eq!(schema(&mut outsider).await, whole, "without {index}");
    }
}

#[tokio::test]
async fn a_schema_that_another_version_left_half_way_is_refused_with_what_to_do() {
    let place = Place::new().await;
    place.open().await.close().await;
    let half = "UPDATE schema_migration SET made = 0, checksum = REPEAT('x', 32)";
    place.outsider().await.execute(half).await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("interrupted") && text.contains("that version of pledge"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_may_be_opened_from_several_sides_at_once() {
    let place = Place::new().await;
    let opened = futures::future::join_all((0..4).map(|_| place.try_open())).await;
    for store in opened {
        store.unwrap().chains().await.unwrap();
    }
}

#[tokio::test]
async fn every_character_survives_whatever_the_database_was_made_for() {
    let place = Place::new().await;
    let store = place.open().await;
    let name = "ünïcödé 😀 \u{200b}'\"\\\0 Ａ ";
    store.register_chain(CHAIN, name).await.unwrap();
    assert_eq!(store.chains().await.unwrap()[0].name, name);
}

#[tokio::test]
async fn a_number_of_64_bits_is_kept() {
    let place = Place::new().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let mut late = spec(token());
    late.start_block = BlockNumber::new(u64::MAX);
    store.register_token(&late).await.unwrap();
    assert_eq!(store.token(token()).await.unwrap().unwrap().spec, late);
}

#[tokio::test]
async fn of_two_handles_that_commit_on_the_same_base_one_wins() {
    let place = Place::new().await;
    let (one, other) = (place.open().await, place.open().await);
    let ledger = ledger(&one).await;
    ledger.mine(0, &[(0, 1, 1_000)]);
    let message = ledger.message(&[token()], 1).await;
    let (a, b) = tokio::join!(one.commit(&message), other.commit(&message));
    let kinds = [a, b].map(|result| result.err().map(|error| error.kind()));
    assert!(kinds.contains(&None) && kinds.contains(&Some(StoreErrorKind::Conflict)), "{kinds:?}");
}

/// Each page is read in the order of an index, on every server that is taken.
#[tokio::test]
async fn a_leaderboard_sorts_no_accounts() {
    let place = Place::new().await;
    place.open().await;
    let mut outsider = place.outsider().await;
    let fill = "INSERT INTO user_balance SELECT 1, UNHEX(LPAD(HEX(n), 40, '0')), \
                UNHEX(LPAD(HEX(n % 97), 64, '0')), UNHEX(REPEAT('0', 80)), 0, 0 FROM numbers; \
                INSERT INTO user_points SELECT 1, UNHEX(LPAD(HEX(n), 40, '0')), \
                UNHEX(LPAD(HEX(n % 97), 128, '0')) FROM numbers; \
                ANALYZE TABLE user_balance, user_points";
    let numbers = (0..5_000).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
    let numbers =
        format!("CREATE TEMPORARY TABLE numbers (n INT); INSERT INTO numbers VALUES {numbers}");
    outsider.execute(AssertSqlSafe(numbers)).await.unwrap();
    for statement in fill.split("; ") {
        outsider.execute(statement).await.unwrap();
    }
    for (table, owner, by) in
        [("user_balance", "token", "balance"), ("user_points", "programme", "raw")]
    {
        for bound in ["", &format!("AND {by} < UNHEX(REPEAT('1', 64))")] {
            let page = format!(
                "EXPLAIN FORMAT = TRADITIONAL SELECT * FROM {table} WHERE {owner} = 1 {bound} ORDER BY {by} DESC, account LIMIT 100"
            );
            let rows = outsider.fetch_all(AssertSqlSafe(page)).await.unwrap();
            for row in rows {
                let extra: Option<String> = row.try_get("Extra").unwrap();
                assert!(!extra.unwrap_or_default().contains("filesort"), "{table} {bound}");
            }
        }
    }
}

#[tokio::test]
async fn reads_do_not_wait_for_a_writer() {
    let place = Place::new().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let mut outsider = place.outsider().await;
    let mut writing = outsider.begin().await.unwrap();
    writing.execute("UPDATE chain SET name = 'other'").await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(4), store.chains()).await;
    assert_eq!(read.unwrap().unwrap()[0].name, "one");
}

#[tokio::test]
async fn a_row_that_another_holds_for_too_long_is_unavailable_and_free_again_later() {
    let place = Place::new().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let mut outsider = place.outsider().await;
    let mut writing = outsider.begin().await.unwrap();
    writing.execute("SELECT * FROM chain FOR UPDATE").await.unwrap();
    let (kind, text) = refused(store.register_chain(CHAIN, "two").await);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    writing.rollback().await.unwrap();
    store.register_chain(CHAIN, "two").await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_is_unavailable_at_most_and_replaced() {
    let place = Place::new().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.chains().await.unwrap();
    let mut outsider = place.outsider().await;
    let others = "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist \
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let ids: Vec<u64> = sqlx::query_scalar(others).fetch_all(&mut outsider).await.unwrap();
    assert!(!ids.is_empty());
    for id in ids {
        outsider.execute(AssertSqlSafe(format!("KILL {id}"))).await.unwrap();
    }
    for _ in 0..20 {
        match store.register_chain(CHAIN, "two").await {
            Ok(()) => break,
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
        }
    }
    assert_eq!(store.chains().await.unwrap()[0].name, "two");
}

#[tokio::test]
async fn a_row_that_is_no_record_is_corrupt() {
    let place = Place::new().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    place.outsider().await.execute("UPDATE chain SET status = 'dancing'").await.unwrap();
    let (kind, text) = refused(store.chains().await);
    assert_eq!(kind, StoreErrorKind::Corrupt, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_no_open_transaction() {
    let place = Place::new().await;
    let store = place.open().await;
    for id in 0..300_u64 {
        let patience = Duration::from_micros(id * 7);
        let register = store.register_chain(ChainId::new(id), "dropped");
        let _ = tokio::time::timeout(patience, register).await;
        let _ = tokio::time::timeout(patience, store.chains()).await;
    }
    for id in 1_000..1_020 {
        store.register_chain(ChainId::new(id), "kept").await.unwrap();
    }
    let seen = place.open().await.chains().await.unwrap();
    assert_eq!(seen.iter().filter(|chain| chain.name == "kept").count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_commit_is_there_whole_or_not_at_all() {
    let place = Place::new().await;
    let store = place.open().await;
    let ledger = ledger(&store).await;
    let mints: Vec<_> = (1..=500).map(|account| (0, account, 1)).collect();
    ledger.mine(0, &mints);
    let message = ledger.message(&[token()], 1).await;
    let mut dropped = 0;
    for patience in (0_u64..).map(Duration::from_millis) {
        let committed = tokio::time::timeout(patience, store.commit(&message)).await;
        let holders = store.holders(token(), None, usize::MAX).await.unwrap();
        assert_eq!(holders.value.len(), if holders.cursor.is_some() { 500 } else { 0 });
        if holders.cursor.is_some() {
            break;
        }
        assert!(committed.is_err(), "a commit that ends is a commit that is there");
        dropped += 1;
    }
    assert!(dropped > 0, "no commit was dropped on its way");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_writers_that_wait_for_each_other_are_read_in_order_from_another_process() {
    const WRITERS: u64 = 4;
    const EACH: usize = 25;
    let place = Place::new().await;
    let store = place.open().await;
    let mut writers = Vec::new();
    for chain in (1..=WRITERS).map(ChainId::new) {
        store.register_chain(chain, "busy").await.unwrap();
        let store = place.open().await;
        writers.push(tokio::spawn(async move {
            for round in 0..EACH {
                halt(&store, chain, round).await;
            }
        }));
    }
    let (mut seen, mut after) = (0, EventSeq::START);
    while seen < EACH * writers.len() {
        for event in store.events(after, 7).await.unwrap() {
            assert_eq!(event.sequence, after.next(), "an event was passed over");
            (seen, after) = (seen + 1, event.sequence);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn halt(store: &MySqlStore, chain: ChainId, round: usize) {
    let status = ChainStatus::Halted(format!("round {round}"));
    let report = ChainReport { chain, status, head: None, head_time: None, processed: None };
    store.report_chain(&report).await.unwrap();
}
