//! A database of an earlier release, opened by this one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_core::types::ChainId;
use pledge_storage_memory::MemoryStore;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::conformance::ledger::Ledger;
use pledge_testing::{ArchiveFixture, Fixture, kept};
use sqlx::Executor;
use support::{Place, as_earlier, schema};

/// What a database kept of its day. It stays as it is.
const DATABASE: &str = include_str!("kept/database.sql");

async fn place_of_its_day() -> Place {
    let place = Place::new().await;
    sqlx::raw_sql(DATABASE).execute(&mut place.outsider().await).await.unwrap();
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
async fn a_database_of_its_day_exports_what_it_did() {
    kept::exports_what_it_did(&opened().await).await;
}

#[tokio::test]
async fn a_database_of_its_day_gives_every_answer_that_it_did() {
    kept::answers_as_its_archive_does(&opened().await, &empty()).await;
}

#[tokio::test]
async fn a_database_of_its_day_has_the_logs_of_its_contracts_and_its_blocks_before_instants() {
    kept::has_what_the_chain_gives_back(&opened().await).await;
}

#[tokio::test]
async fn a_database_of_its_day_goes_on_behind_what_it_had() {
    kept::goes_on(&opened().await, &empty()).await;
}

#[tokio::test]
async fn a_database_of_its_day_gets_the_schema_of_a_new_one() {
    let (old, new) = (place_of_its_day().await, Place::new().await);
    for place in [&old, &new] {
        place.open().await.close().await;
    }
    let (old, new) =
        (schema(&mut old.outsider().await).await, schema(&mut new.outsider().await).await);
    let of_office = if cfg!(feature = "office") { 17 } else { 0 };
    assert_eq!(new.len(), 24 + of_office);
    assert_eq!(old, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_its_day_may_be_opened_from_several_sides_at_once() {
    let place = place_of_its_day().await;
    let opened = futures::future::join_all((0..4).map(|_| place.try_open())).await;
    for store in opened {
        assert_eq!(LedgerReads::chains(&store.unwrap()).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_database_of_its_day_that_is_looked_at_stays_of_its_version() {
    let place = place_of_its_day().await;
    let (_, version) = MySqlStore::open_read_only(&place.url()).await.unwrap();
    assert_eq!((version.found, version.is_current()), (7, false));
}

/// A server takes nothing back, so the step from the earlier texts may end anywhere in it.
#[tokio::test]
async fn a_database_that_was_left_between_its_earlier_texts_and_these_is_finished() {
    let place = place_of_its_day().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let whole = schema(&mut outsider).await;
    let recorded = outsider.fetch_one("SELECT * FROM schema_migration").await.unwrap();
    let checksum: &[u8] = sqlx::Row::get(&recorded, "checksum");
    for begun in [true, false] {
        let mut half = place.outsider().await;
        half.execute("CREATE TABLE copied LIKE schema_migration").await.unwrap();
        as_earlier(&mut half).await;
        half.execute("RENAME TABLE copied TO schema_migration").await.unwrap();
        if begun {
            let insert = "INSERT INTO schema_migration VALUES ('engine', 9, 'baseline', ?, 1)";
            sqlx::query(insert).bind(checksum).execute(&mut half).await.unwrap();
        }
        place.open().await.close().await;
        assert_eq!(schema(&mut outsider).await, whole, "recorded: {begun}");
    }
}

#[tokio::test]
async fn an_earlier_schema_that_another_version_left_half_way_is_refused_with_what_to_do() {
    let place = place_of_its_day().await;
    let half = "UPDATE _sqlx_migrations SET success = FALSE, checksum = x'00' WHERE version = 7";
    place.outsider().await.execute(half).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("interrupted") && text.contains("that version of pledge"), "{text}");
    assert!(!text.contains("pledge migrate"), "{text}");
}

/// Whether its release has ended the change or only begun it. Only the first ends the store.
#[tokio::test]
async fn a_store_whose_schema_a_newer_release_changes_takes_no_more_writes() {
    for whole in [false, true] {
        let place = Place::new().await;
        let store = place.open().await;
        let write = async |name| store.register_chain(ChainId::new(1), name).await;
        write("before").await.unwrap();
        store.check().await.unwrap();
        let insert =
            "INSERT INTO schema_migration VALUES ('engine', 9999, 'later', REPEAT('x', 32), ?)";
        sqlx::query(insert).bind(whole).execute(&mut place.outsider().await).await.unwrap();
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

/// The second version of the schema has four parts, of which any number may be there; none is what the
/// first version leaves.
#[tokio::test]
async fn a_change_of_the_schema_that_was_left_half_way_is_finished() {
    const UNDO: [&str; 4] = [
        "DROP TABLE unreadable_log",
        "ALTER TABLE user_balance_change DROP COLUMN netted",
        "ALTER TABLE token DROP COLUMN unreadable_logs, DROP COLUMN supply_block, \
         DROP COLUMN supply_time, DROP COLUMN supply_ledger, DROP COLUMN supply_on_chain, \
         DROP COLUMN supply_unanswered",
        "ALTER TABLE chain DROP COLUMN head_time",
    ];
    let place = Place::new().await;
    let store = place.open().await;
    let ledger = Ledger::with_blocks(Fixture::new(Arc::new(store), ())).await;
    // What a column had goes with it.
    let unmarked = async |ledger: &Ledger| {
        let mut digest = ledger.digest().await;
        digest.changes.iter_mut().for_each(|row| row.netted = false);
        digest
    };
    let before = unmarked(&ledger).await;
    let mut outsider = place.outsider().await;
    let whole = schema(&mut outsider).await;
    for undone in 0..=UNDO.len() {
        as_earlier(&mut outsider).await;
        // What came later comes again, behind the same columns.
        outsider.execute("ALTER TABLE token DROP COLUMN rewinds_by_person").await.unwrap();
        outsider.execute("DELETE FROM _sqlx_migrations WHERE version = 5").await.unwrap();
        for undo in &UNDO[..undone] {
            outsider.execute(*undo).await.unwrap();
        }
        let half = "UPDATE _sqlx_migrations SET success = FALSE WHERE version = 2";
        outsider.execute(half).await.unwrap();
        let store = place.open().await;
        assert_eq!(schema(&mut outsider).await, whole, "with {undone} parts undone");
        let again = Ledger { fixture: Fixture::new(Arc::new(store), ()), ..ledger.clone() };
        assert_eq!(unmarked(&again).await, before);
    }
}

/// The third version rebuilds tables, so any part of it that is there may be done again.
#[tokio::test]
async fn a_third_version_that_was_left_half_way_is_finished() {
    let place = Place::new().await;
    let store = place.open().await;
    let ledger = Ledger::with_blocks(Fixture::new(Arc::new(store), ())).await;
    let before = ledger.digest().await;
    let mut outsider = place.outsider().await;
    let whole = schema(&mut outsider).await;
    for undo in [
        "DO 0",
        "DROP TABLE user_points_change",
        "DROP TABLE settlement_window",
        "ALTER TABLE shard_progress DROP COLUMN published",
    ] {
        as_earlier(&mut outsider).await;
        outsider.execute(undo).await.unwrap();
        let half = "UPDATE _sqlx_migrations SET success = FALSE WHERE version = 3";
        outsider.execute(half).await.unwrap();
        let store = place.open().await;
        assert_eq!(schema(&mut outsider).await, whole, "after {undo}");
        let again = Ledger { fixture: Fixture::new(Arc::new(store), ()), ..ledger.clone() };
        assert_eq!(again.digest().await, before);
    }
}
