//! The laws of archives over the stores on a server, and a ledger that goes round all backends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pledge_core::archive::{LineReader, LineWriter};
use pledge_core::ports::Archive;
use pledge_storage_memory::MemoryStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::ArchiveFixture;
use pledge_testing::conformance::archive::eventful;
use pledge_testing::world::operator;
use support::Place;

async fn server() -> ArchiveFixture {
    let place = Place::new().await;
    let store = Arc::new(place.open().await);
    ArchiveFixture::new(store, place)
}

async fn memory() -> ArchiveFixture {
    ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn file() -> ArchiveFixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pledge.db");
    let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    ArchiveFixture::new(Arc::new(store), folder)
}

mod from_server_to_server {
    use super::*;

    pledge_testing::archive_conformance!(server(), server());
}

mod from_file_to_server {
    use super::*;

    pledge_testing::archive_conformance!(file(), server());
}

pledge_testing::same_archives!(server(), memory(), 8);

async fn write(store: &dyn Archive) -> Vec<u8> {
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).unwrap();
    store.export(&mut lines).await.unwrap();
    lines.finish().unwrap();
    file
}

async fn read(store: &dyn Archive, file: &[u8]) {
    store.import(&mut LineReader::new(file).unwrap(), &operator()).await.unwrap();
}

/// The records but for those of imports, of which each station adds one.
fn lines(file: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(file).unwrap();
    let records = text.lines().filter(|line| line.starts_with(r#"{"record":"#));
    let of_store = records.filter(|line| !line.contains(r#""action":"import_archive""#));
    of_store.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_ledger_that_went_round_all_backends_is_the_same_to_the_last_byte() {
    let first = memory().await;
    eventful(first.fixture.clone()).await;
    let mut file_now = write(&first.archive).await;
    let original = lines(&file_now);
    let stations = [file().await, server().await, file().await, server().await, memory().await];
    for station in stations {
        read(&station.archive, &file_now).await;
        file_now = write(&station.archive).await;
        assert!(lines(&file_now) == original, "the lines differ");
    }
}
