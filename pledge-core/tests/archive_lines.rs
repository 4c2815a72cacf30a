//! Archives as text: what is written is read, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::archive::{ArchiveRecord, LineReader, LineWriter, RecordKind, Summary, Tally};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::SequencedEvent;
use pledge_core::ports::{Archive, RecordSink, RecordSource};
use pledge_storage_memory::MemoryStore;
use pledge_testing::conformance::archive::eventful;
use pledge_testing::conformance::ledger::Ledger;
use pledge_testing::conformance::notifier::one_of_each;
use pledge_testing::world::operator;
use pledge_testing::{ArchiveFixture, Records};

/// A store with something of each kind in it.
async fn store() -> ArchiveFixture {
    let store = ArchiveFixture::new(std::sync::Arc::new(MemoryStore::new()), ());
    eventful(store.fixture.clone()).await;
    store
}

async fn written() -> (String, Summary) {
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).unwrap();
    store().await.archive.export(&mut lines).await.unwrap();
    let summary = lines.finish().unwrap();
    (String::from_utf8(file).unwrap(), summary)
}

async fn read(file: &[u8]) -> Result<(Records, Option<Summary>), StoreError> {
    let mut lines = LineReader::new(file)?;
    let mut records = Records::default();
    while let Some(record) = lines.next().await? {
        records.0.push_back(record);
    }
    Ok((records, lines.summary().cloned()))
}

/// The line that a file is refused at, and why.
async fn refused(file: &str) -> (usize, String) {
    let error = read(file.as_bytes()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error}");
    let detail = error.detail().strip_prefix("line ").unwrap();
    let (line, why) = detail.split_once(": ").unwrap();
    (line.parse().unwrap(), why.to_owned())
}

#[tokio::test]
async fn what_was_written_is_read() {
    let (file, summary) = written().await;
    let (records, read) = read(file.as_bytes()).await.unwrap();
    assert_eq!(records, store().await.export().await);
    assert_eq!(read, Some(summary));
}

#[tokio::test]
async fn an_event_of_any_domain_is_written_and_read_to_the_byte() {
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).unwrap();
    let events = one_of_each();
    for event in &events {
        lines.put(ArchiveRecord::Event(event.clone())).await.unwrap();
    }
    lines.finish().unwrap();
    let text = String::from_utf8(file).unwrap();
    for (line, SequencedEvent { sequence, event }) in text.lines().skip(1).zip(&events) {
        let event = event.to_json();
        let expected = format!(r#"{{"record":"event","sequence":{sequence},"event":{event}}}"#);
        assert_eq!(line, expected);
    }
    let (records, _) = read(text.as_bytes()).await.unwrap();
    assert_eq!(records.0, events.into_iter().map(ArchiveRecord::Event).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_written_in_another_way_is_refused() {
    let (file, _) = written().await;
    let at = file.lines().position(|line| line.contains("\"record\":\"event\"")).unwrap();
    for (from, to) in [
        ("\"event\":{", "\"event\": {"),
        ("\"sequence\":", "\"more\":1,\"sequence\":"),
        ("\"type\":\"", "\"type\":\"UP"),
    ] {
        let line = file.lines().nth(at).unwrap();
        let altered = file.replacen(line, &line.replacen(from, to, 1), 1);
        assert_eq!(refused(&altered).await.0, at + 1, "{to}");
    }
}

/// An archive of a release without marks is read, and written again, unchanged.
#[tokio::test]
async fn marks_that_nothing_has_are_not_written() {
    let store = ArchiveFixture::new(std::sync::Arc::new(MemoryStore::new()), ());
    let ledger = Ledger::open(store.fixture.clone()).await;
    ledger.mine(0, &[(0, 1, 1_000)]);
    ledger.commit_to(1).await.unwrap();
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).unwrap();
    store.archive.export(&mut lines).await.unwrap();
    lines.finish().unwrap();
    let text = String::from_utf8(file).unwrap();
    assert_eq!(text.lines().count(), 8, "{text}");
    for key in ["netted", "unreadable", "supply_", "head_time"] {
        assert!(!text.contains(key), "{key}: {text}");
    }
}

#[tokio::test]
async fn a_tally_of_the_store_is_the_summary_of_its_file() {
    let mut tally = Tally::default();
    store().await.archive.export(&mut tally).await.unwrap();
    assert_eq!(tally.summary(), written().await.1);
}

#[tokio::test]
async fn a_record_is_named_in_its_line_as_its_kind_is() {
    let (file, summary) = written().await;
    let records = store().await.export().await.0;
    for (record, line) in records.iter().zip(file.lines().skip(1)) {
        let kind: RecordKind = record.kind();
        assert!(line.starts_with(&format!("{{\"record\":\"{kind}\",")), "{line}");
    }
    let last = file.lines().last().unwrap();
    assert!(summary.counts.keys().all(|kind| last.contains(&format!("\"{kind}\":"))), "{last}");
}

#[tokio::test]
async fn amounts_are_texts_and_no_number_has_a_fraction() {
    let (file, _) = written().await;
    let change = file.lines().find(|line| line.contains("\"record\":\"change\"")).unwrap();
    let change: serde_json::Value = serde_json::from_str(change).unwrap();
    for column in ["amount", "balance_after", "balance_seconds", "tx_hash"] {
        assert!(change[column].is_string(), "{column}: {change}");
    }
    let floats = |value: &serde_json::Value| value.is_f64();
    assert!(!change.as_object().unwrap().values().any(floats));
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_refused_where_it_ends() {
    let (file, _) = written().await;
    let lines = file.lines().count();
    let last = file.trim_end().rfind('\n').unwrap();
    assert_eq!(refused(&file[..=last]).await.0, lines, "the last line is missing");
    for cut in [1, 10, file.len() / 3, file.len() / 2, last, file.len() - 1] {
        let (line, why) = refused(&file[..cut]).await;
        let ends_in = file[..cut].matches('\n').count() + 1;
        assert_eq!(line, ends_in, "{why}");
        assert!(line == 1 || why.contains("cut short"), "{why}");
    }
}

#[tokio::test]
async fn a_figure_that_was_changed_is_refused_by_the_digest() {
    let (file, _) = written().await;
    let at = file.find("\"record\":\"change\"").unwrap();
    let figure = at + file[at..].find("\"block\":").unwrap() + "\"block\":".len();
    let mut altered = file.clone();
    altered.replace_range(figure..=figure, "9");
    assert_ne!(altered, file);
    let (line, why) = refused(&altered).await;
    assert_eq!(line, file.lines().count());
    assert!(why.contains("altered"), "{why}");
}

#[tokio::test]
async fn a_line_that_is_missing_is_refused_by_the_counts() {
    let (file, _) = written().await;
    let mut lines: Vec<_> = file.split_inclusive('\n').collect();
    lines.remove(3);
    let (line, why) = refused(&lines.concat()).await;
    assert_eq!(line, lines.len());
    assert!(why.contains("missing"), "{why}");
}

#[tokio::test]
async fn a_line_with_more_than_its_record_is_refused() {
    let (file, _) = written().await;
    for more in [" ", "\"more\":1,"] {
        let altered =
            file.replacen("{\"record\":\"token\",", &format!("{{\"record\":\"token\",{more}"), 1);
        let (line, why) = refused(&altered).await;
        let token = file.lines().position(|line| line.contains("\"record\":\"token\"")).unwrap();
        assert_eq!(line, token + 1, "{why}");
    }
}

#[tokio::test]
async fn a_line_of_an_unknown_kind_is_refused() {
    let (file, _) = written().await;
    let altered = file.replacen("\"record\":\"token\"", "\"record\":\"coin\"", 1);
    let token = file.lines().position(|line| line.contains("\"record\":\"token\"")).unwrap();
    assert_eq!(refused(&altered).await.0, token + 1);
}

#[tokio::test]
async fn lines_behind_the_end_are_refused() {
    let (file, _) = written().await;
    let (line, why) = refused(&format!("{file}{{}}\n")).await;
    assert_eq!(line, file.lines().count() + 1);
    assert!(why.contains("behind its end"), "{why}");
}

#[tokio::test]
async fn a_file_that_is_no_archive_is_refused_at_once() {
    for file in ["", "\n", "not an archive\n", "{\"pledge_archive\":2,\"more\":1}\n"] {
        assert_eq!(LineReader::new(file.as_bytes()).unwrap_err().kind(), StoreErrorKind::Invalid);
    }
}

/// They had the same records, but for those that each format added.
#[tokio::test]
async fn archives_of_the_formats_before_are_read() {
    let (file, summary) = written().await;
    for format in [2, 3, 4] {
        let head = format!("{{\"pledge_archive\":{format}}}");
        let before = file.replacen("{\"pledge_archive\":5}", &head, 1);
        assert!(before != file, "the head of the newest format");
        let mut lines = LineReader::new(before.as_bytes()).unwrap();
        MemoryStore::new().import(&mut lines, &operator()).await.unwrap();
        assert_eq!(lines.summary(), Some(&summary));
    }
}

#[tokio::test]
async fn an_archive_of_another_format_is_refused_with_what_to_do() {
    let refused = LineReader::new(&b"{\"pledge_archive\":1}\n"[..]).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.detail().contains("format 1"), "{refused}");
    assert!(refused.detail().contains("a release that reads that format"), "{refused}");
}

/// A disk that is full after some bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.0.checked_sub(bytes.len());
        self.0 = left.ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_export_and_is_unavailable() {
    let mut lines = LineWriter::new(Full(1_000)).unwrap();
    let store: &dyn Archive = &store().await.archive;
    assert_eq!(store.export(&mut lines).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_file_that_fits_no_ledger_is_refused_by_the_store_even_with_a_digest_of_its_own() {
    let mut records = store().await.export().await;
    for record in &mut records.0 {
        if let ArchiveRecord::Token(state) = record {
            state.totals.holders += 1;
        }
    }
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).unwrap();
    for record in records.0 {
        lines.put(record).await.unwrap();
    }
    lines.finish().unwrap();
    let empty = MemoryStore::new();
    let mut lines = LineReader::new(file.as_slice()).unwrap();
    let refused = empty.import(&mut lines, &operator()).await.unwrap_err();
    assert!(refused.detail().contains("the sums of token"), "{refused}");
}
