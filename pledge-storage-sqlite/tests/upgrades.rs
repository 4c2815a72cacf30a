//! A file of an earlier release, opened by this one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_core::types::ChainId;
use pledge_storage_memory::MemoryStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::{ArchiveFixture, kept};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};
use support::{Place, as_earlier};

/// What a file kept of its day. It stays as it is.
const DATABASE: &str = include_str!("kept/database.sql");

async fn place_of_its_day() -> Place {
    let place = Place::new();
    let mut outsider = place.outsider().await;
    sqlx::raw_sql(DATABASE).execute(&mut outsider).await.unwrap();
    outsider.close().await.unwrap();
    place
}

async fn opened() -> ArchiveFixture {
    let place = place_of_its_day().await;
    ArchiveFixture::new(Arc::new(place.open().await), place)
}

fn empty() -> ArchiveFixture {
    ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
}

#[tokio::test]
async fn a_file_of_its_day_exports_what_it_did() {
    kept::exports_what_it_did(&opened().await).await;
}

#[tokio::test]
async fn a_file_of_its_day_gives_every_answer_that_it_did() {
    kept::answers_as_its_archive_does(&opened().await, &empty()).await;
}

#[tokio::test]
async fn a_file_of_its_day_has_the_logs_of_its_contracts_and_its_blocks_before_instants() {
    kept::has_what_the_chain_gives_back(&opened().await).await;
}

#[tokio::test]
async fn a_file_of_its_day_goes_on_behind_what_it_had() {
    kept::goes_on(&opened().await, &empty()).await;
}

#[tokio::test]
async fn a_file_of_its_day_gets_the_schema_of_a_new_one() {
    let (old, new) = (place_of_its_day().await, Place::new());
    for place in [&old, &new] {
        place.open().await.close().await;
    }
    let (old, new) =
        (schema(&mut old.outsider().await).await, schema(&mut new.outsider().await).await);
    let of_office = if cfg!(feature = "office") { 17 } else { 0 };
    assert_eq!(new.len(), 23 + of_office, "{:?}", new.keys());
    assert_eq!(old, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_its_day_may_be_opened_from_several_sides_at_once() {
    let place = place_of_its_day().await;
    let opened = futures::future::join_all((0..4).map(|_| place.try_open())).await;
    for store in opened {
        assert_eq!(LedgerReads::chains(&store.unwrap()).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_file_of_its_day_that_is_looked_at_stays_of_its_version() {
    let place = place_of_its_day().await;
    let (_, version) = SqliteStore::open_read_only(&place.path()).await.unwrap();
    assert_eq!((version.found, version.is_current()), (8, false));
}

/// A release that a file of an earlier kind was never opened with.
#[tokio::test]
async fn an_earlier_file_of_a_newer_version_is_refused_with_what_to_do() {
    let place = place_of_its_day().await;
    let newer = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    place.outsider().await.execute(newer).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("9999") && text.contains("upgrade pledge"), "{text}");
}

#[tokio::test]
async fn an_earlier_file_whose_texts_were_others_is_refused() {
    let place = place_of_its_day().await;
    let other = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 3";
    place.outsider().await.execute(other).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.to_string().contains("not one that a release"), "{error}");
}

/// What a newer release has begun may be anything already.
#[tokio::test]
async fn a_file_that_a_newer_release_has_half_changed_is_refused_even_to_look_at() {
    let place = Place::new();
    place.open().await.close().await;
    record(&place, 9999, false).await;
    let error = SqliteStore::open_read_only(&place.path()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("9999") && text.contains("that version of pledge"), "{text}");
}

/// A backup that was restored over a newer database leaves records of both.
#[tokio::test]
async fn a_file_with_earlier_records_and_later_ones_is_refused_as_two_backups() {
    let place = Place::new();
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    outsider.execute("ALTER TABLE schema_migration RENAME TO kept").await.unwrap();
    outsider.execute("CREATE TABLE schema_migration (version INTEGER)").await.unwrap();
    as_earlier(&mut outsider, 8).await;
    outsider.execute("ALTER TABLE kept RENAME TO schema_migration").await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("two backups") && text.contains("an empty file"), "{text}");
}

/// Whether its release has ended the change or only begun it. Only the first ends the store.
#[tokio::test]
async fn a_store_whose_schema_a_newer_release_changes_takes_no_more_writes() {
    for whole in [false, true] {
        let place = Place::new();
        let store = place.open().await;
        let write = async |name| store.register_chain(ChainId::new(1), name).await;
        write("before").await.unwrap();
        store.check().await.unwrap();
        record(&place, 9999, whole).await;
        let (refused, lost) = (write("after").await.unwrap_err(), store.check().await.err());
        assert_eq!(lost.is_some(), whole, "{lost:?}");
        for error in [refused].into_iter().chain(lost) {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            let text = error.detail();
            assert!(text.contains("9999") && text.contains("start that release"), "{text}");
        }
        assert_eq!(LedgerReads::chains(&store).await.unwrap()[0].name, "before");
    }
}

/// It wrote nothing since it met the beginning.
#[tokio::test]
async fn a_store_is_lost_once_a_change_that_it_saw_begin_is_whole() {
    let place = Place::new();
    let store = place.open().await;
    record(&place, 9999, false).await;
    store.register_chain(ChainId::new(1), "meanwhile").await.unwrap_err();
    let end = "UPDATE schema_migration SET made = 1 WHERE version = 9999";
    place.outsider().await.execute(end).await.unwrap();
    let lost = store.check().await.unwrap_err();
    assert_eq!(lost.kind(), StoreErrorKind::Unavailable, "{lost}");
}

/// A release that could not make its change takes the record of it back.
#[tokio::test]
async fn a_store_writes_again_once_the_change_of_a_newer_release_is_withdrawn() {
    let place = Place::new();
    let store = place.open().await;
    let write = async |name| store.register_chain(ChainId::new(1), name).await;
    record(&place, 9999, false).await;
    write("meanwhile").await.unwrap_err();
    store.check().await.unwrap();
    let withdraw = "DELETE FROM schema_migration WHERE version = 9999";
    place.outsider().await.execute(withdraw).await.unwrap();
    store.check().await.unwrap();
    write("after").await.unwrap();
}

/// Records a change of the schema by a newer release.
async fn record(place: &Place, version: u32, whole: bool) {
    let insert = "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
                  VALUES ('engine', ?, 'later', zeroblob(32), ?)";
    let insert = sqlx::query(insert).bind(version).bind(whole);
    insert.execute(&mut place.outsider().await).await.unwrap();
}

/// Every table, with its columns, keys, indexes, references and checks as SQLite understands them.
async fn schema(db: &mut SqliteConnection) -> BTreeMap<String, Vec<String>> {
    const PARTS: [&str; 5] = [
        "SELECT concat_ws('|', type, ncol, wr, strict) AS part FROM pragma_table_list(?)",
        "SELECT concat_ws('|', cid, name, type, \"notnull\", coalesce(dflt_value, 'none'), pk, hidden) AS part \
         FROM pragma_table_xinfo(?)",
        "SELECT concat_ws('|', list.name, list.\"unique\", list.origin, list.partial, info.seqno, \
         coalesce(info.name, 'none'), info.\"desc\", info.coll, info.key) AS part \
         FROM pragma_index_list(?) AS list, pragma_index_xinfo(list.name) AS info ORDER BY part",
        "SELECT concat_ws('|', id, seq, \"table\", \"from\", \"to\", on_update, on_delete) AS part \
         FROM pragma_foreign_key_list(?) ORDER BY part",
        "SELECT iif(sql LIKE '%AUTOINCREMENT%', 'numbered', 'not numbered') AS part \
         FROM sqlite_schema WHERE name = ?",
    ];
    let names =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut tables = BTreeMap::new();
    for row in sqlx::query(names).fetch_all(&mut *db).await.unwrap() {
        let (name, sql): (String, String) = (row.get("name"), row.get("sql"));
        let mut parts = checks(&sql);
        for select in PARTS {
            let found = sqlx::query(AssertSqlSafe(select)).bind(&name).fetch_all(&mut *db);
            parts.extend(found.await.unwrap().iter().map(|row| row.get::<String, _>("part")));
        }
        tables.insert(name, parts);
    }
    tables
}

/// The checks of a definition, which SQLite keeps nowhere else.
fn checks(sql: &str) -> Vec<String> {
    let mut checks = Vec::new();
    for (start, _) in sql.match_indices("CHECK (") {
        let inside = &sql[start + "CHECK (".len()..];
        let mut depth = 1;
        let end = inside.find(|char| {
            depth += match char {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        checks.push(inside[..end.unwrap()].to_owned());
    }
    checks.sort();
    checks
}
