//! Laws of [`Archive`](pledge_core::ports::Archive): what an import refuses, leaving the store
//! empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::archive::{ArchiveRecord, RecordKind};
use pledge_core::audit::AuditNumber;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::indexer::ChainStatus;
use pledge_core::points::Scope;
use pledge_core::ports::{BalanceStore, ChainReport, RecordSource};
use pledge_core::types::{Amount, ChainId, Timestamp};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::archive::{Move, eventful};
use crate::world::{CHAIN, operator};
use crate::{ArchiveFixture, Records};

laws! {
    __archive_refused of archive_refused(Move):
    an_import_into_a_store_in_use_is_refused
    of_two_imports_one_wins
    an_import_and_a_write_to_one_of_its_chains_do_not_wait_for_each_other
    a_chain_that_is_registered_during_an_import_is_kept_and_the_import_refused
    a_chain_of_the_archive_that_is_registered_during_its_import_is_kept_and_the_import_refused
    an_import_cut_short_leaves_nothing
    records_out_of_order_are_refused
    a_record_without_what_it_refers_to_is_refused
    figures_that_do_not_add_up_are_refused
    a_number_that_no_store_comes_to_is_refused
    numbers_go_on_behind_the_highest_of_an_archive
    a_refused_record_is_named
}

/// The records of a store with something of each kind.
async fn records(from: &ArchiveFixture) -> Records {
    eventful(from.fixture.clone()).await;
    from.export().await
}

/// The import fails with `Invalid`, and the store is as empty as before.
async fn refused(to: &ArchiveFixture, records: Records, what: &str) -> StoreError {
    let error = to.import(records).await.expect_err(what);
    assert_eq!(error.kind(), StoreErrorKind::Invalid, "{what}: {error}");
    assert!(to.export().await.0.is_empty(), "{what}: nothing was written");
    error
}

/// Any content counts, even a chain alone.
async fn an_import_into_a_store_in_use_is_refused(stores: Move) {
    let records = records(&stores.from).await;
    stores.to.fixture.balances.register_chain(ChainId::new(9), "nine").await.expect("register");
    let before = stores.to.export().await;
    let error = stores.to.import(records).await.expect_err("it is in use");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.detail().contains("empty"), "{error}");
    assert_eq!(stores.to.export().await, before);
}

/// Either may be first; the other finds the store in use.
async fn of_two_imports_one_wins(stores: Move) {
    let records = records(&stores.from).await;
    let both = [records.clone(), records.clone()].map(|records| stores.to.import(records));
    let [one, other] = both;
    let (one, other) = tokio::join!(one, other);
    let kinds = [one, other].map(|imported| imported.err().map(|error| error.kind()));
    assert!(kinds.contains(&None) && kinds.contains(&Some(StoreErrorKind::Invalid)), "{kinds:?}");
    assert_eq!(stores.to.export().await.without_imports(), records);
}

/// Gives its records once another write is under way.
struct Meanwhile {
    records: Records,
    begins: Option<Arc<Notify>>,
    written: Arc<AtomicBool>,
    /// Whether the write was done before the first record was given.
    came_first: bool,
}

#[async_trait]
impl RecordSource for Meanwhile {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        if let Some(begins) = self.begins.take() {
            begins.notify_one();
            // Until the write is done, or waits for the import.
            sleep(Duration::from_millis(200)).await;
            self.came_first = self.written.load(Ordering::Relaxed);
        }
        self.records.next().await
    }
}

/// Imports an archive with something of each kind while another write begins, which is never taken back.
/// Returns how the import ended, and whether the write was done before the first record was given.
async fn import_during(
    stores: &Move,
    write: impl Future<Output = Result<(), StoreError>>,
) -> (Option<StoreErrorKind>, bool) {
    let (begins, written) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let records = records(&stores.from).await;
    let mut source = Meanwhile {
        records,
        begins: Some(begins.clone()),
        written: written.clone(),
        came_first: false,
    };
    let write = async {
        begins.notified().await;
        write.await.expect("the write is not taken back");
        written.store(true, Ordering::Relaxed);
    };
    let by = operator();
    let (imported, ()) = tokio::join!(stores.to.archive.import(&mut source, &by), write);
    (imported.err().map(|error| error.kind()), source.came_first)
}

async fn halt_five(store: &dyn BalanceStore) -> Result<(), StoreError> {
    let (chain, status) = (ChainId::new(5), ChainStatus::Halted("meanwhile".to_owned()));
    store.register_chain(chain, "five").await?;
    let report = ChainReport { chain, status, head: None, head_time: None, processed: None };
    store.report_chain(&report).await
}

/// Locks are taken in one order. The import is refused, or whole and the write is behind it.
async fn an_import_and_a_write_to_one_of_its_chains_do_not_wait_for_each_other(stores: Move) {
    let (kind, _) = import_during(&stores, halt_five(&*stores.to.fixture.balances)).await;
    assert!(matches!(kind, None | Some(StoreErrorKind::Invalid)), "{kind:?}");
    let five = stores.to.fixture.balances.chain(ChainId::new(5)).await.expect("read");
    let status = five.expect("it is there").status;
    assert_eq!(status, ChainStatus::Halted("meanwhile".to_owned()));
}

/// Where the write waits for the import, the import is whole and the chain behind it.
async fn register_during(stores: Move, chain: u64) {
    let (chain, store) = (ChainId::new(chain), stores.to.fixture.balances.clone());
    let (kind, came_first) = import_during(&stores, store.register_chain(chain, "theirs")).await;
    assert!(matches!(kind, None | Some(StoreErrorKind::Invalid)), "{kind:?}");
    assert!(kind.is_some() || !came_first, "the store was in use, and is overwritten");
    let chains = store.chains().await.expect("read");
    let names: Vec<_> = chains.iter().map(|state| (state.chain, &*state.name)).collect();
    assert!(names.contains(&(chain, "theirs")), "{names:?}");
    assert!(kind.is_none() || names.len() == 1, "{names:?}");
}

async fn a_chain_that_is_registered_during_an_import_is_kept_and_the_import_refused(stores: Move) {
    register_during(stores, 77).await;
}

async fn a_chain_of_the_archive_that_is_registered_during_its_import_is_kept_and_the_import_refused(
    stores: Move,
) {
    register_during(stores, 5).await;
}

/// Gives some records, then fails.
struct CutShort {
    records: Records,
    left: usize,
}

#[async_trait]
impl RecordSource for CutShort {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        if self.left == 0 {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "read", "it was cut short"));
        }
        self.left -= 1;
        self.records.next().await
    }
}

/// Wherever the archive ends, the error is the source's own; then the complete archive is imported.
async fn an_import_cut_short_leaves_nothing(stores: Move) {
    let records = records(&stores.from).await;
    for left in (0..=records.0.len()).step_by(records.0.len() / 9) {
        let mut source = CutShort { records: records.clone(), left };
        let error =
            stores.to.archive.import(&mut source, &operator()).await.expect_err("it is cut short");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!(stores.to.export().await.0.is_empty(), "{left} records were written");
    }
    stores.to.import(records.clone()).await.expect("the store is still empty");
    assert_eq!(stores.to.export().await.without_imports(), records);
}

/// Two records swapped, or one record twice.
async fn records_out_of_order_are_refused(stores: Move) {
    let records = records(&stores.from).await;
    for at in (1..records.0.len()).step_by(records.0.len() / 9) {
        let mut swapped = records.clone();
        swapped.0.swap(at - 1, at);
        refused(&stores.to, swapped, "two records changed places").await;
        let mut twice = records.clone();
        twice.0.insert(at, records.0[at].clone());
        refused(&stores.to, twice, "a record comes twice").await;
    }
}

/// The first record of a kind is missing, and another record refers to it.
async fn a_record_without_what_it_refers_to_is_refused(stores: Move) {
    use RecordKind::{
        Balance, Chain, Change, Decision, Entry, Event, Programme, Shard, Token, UnreadableLog,
    };
    let records = records(&stores.from).await;
    for kind in [Token, UnreadableLog, Change, Balance, Programme, Decision, Entry, Shard] {
        let mut less = records.clone();
        let first = less.0.iter().position(|record| record.kind() == kind).expect("there is one");
        less.0.remove(first);
        refused(&stores.to, less, &format!("no {kind}")).await;
    }
    for kind in [Chain, Event] {
        let mut none = records.clone();
        none.0.retain(|record| record.kind() != kind);
        refused(&stores.to, none, &format!("no {kind}")).await;
    }
}

/// Alters a record of one kind; false for any other.
type Alter = fn(&mut ArchiveRecord) -> bool;

/// What makes one figure contradict the others.
const CONTRADICTIONS: [(&str, Alter); 11] = [
    ("entries", |record| {
        let ArchiveRecord::Decision(record) = record else { return false };
        record.accounts += 1;
        true
    }),
    ("entry", |record| {
        let ArchiveRecord::Entry(entry) = record else { return false };
        entry.from = Timestamp::MAX;
        true
    }),
    ("scope", |record| {
        let ArchiveRecord::Decision(record) = record else { return false };
        record.scope = Scope::Chain(ChainId::new(99));
        true
    }),
    ("netted", |record| {
        let ArchiveRecord::Change { change, .. } = record else { return false };
        std::mem::take(&mut change.netted)
    }),
    ("unmarked", |record| {
        let ArchiveRecord::Change { change, .. } = record else { return false };
        !std::mem::replace(&mut change.netted, true)
    }),
    ("unreadable", |record| {
        let ArchiveRecord::Token(state) = record else { return false };
        let has_some = state.unreadable_logs > 0;
        state.unreadable_logs += u64::from(has_some);
        has_some
    }),
    ("amount", |record| {
        let ArchiveRecord::Change { change, .. } = record else { return false };
        change.amount = Amount::from(1);
        true
    }),
    ("balance", |record| {
        let ArchiveRecord::Balance { state, .. } = record else { return false };
        state.balance = Amount::from(1);
        true
    }),
    ("totals", |record| {
        let ArchiveRecord::Token(state) = record else { return false };
        state.totals.holders += 1;
        true
    }),
    ("cursor", |record| {
        let ArchiveRecord::Token(state) = record else { return false };
        state.cursor.take().is_some()
    }),
    ("failure", |record| {
        let ArchiveRecord::Shard { progress, .. } = record else { return false };
        let failure = progress.run.as_mut().and_then(|run| run.failures.first_mut());
        failure.map(|failure| failure.to = failure.from).is_some()
    }),
];

/// One figure contradicts the others.
async fn figures_that_do_not_add_up_are_refused(stores: Move) {
    let records = records(&stores.from).await;
    for (what, alter) in CONTRADICTIONS {
        let mut altered = records.clone();
        assert!(altered.0.iter_mut().any(alter), "{what}");
        refused(&stores.to, altered, what).await;
    }
}

fn set_number(record: &mut ArchiveRecord, number: u64) {
    match record {
        ArchiveRecord::Audit(record) => record.number = AuditNumber::new(number),
        ArchiveRecord::Event(event) => event.sequence = EventSeq::new(number),
        other => panic!("{other:?}"),
    }
}

/// Numbers begin at 1, so a reader would never get 0; and a store that began near its own highest would soon have none.
async fn a_number_that_no_store_comes_to_is_refused(stores: Move) {
    let records = records(&stores.from).await;
    let (act, event) = (AuditNumber::ARCHIVED_MAX.next(), EventSeq::ARCHIVED_MAX.next());
    let acts = [0, act.get(), u64::MAX].map(|number| (RecordKind::Audit, number));
    let events = [0, event.get(), u64::MAX].map(|number| (RecordKind::Event, number));
    for (kind, number) in acts.into_iter().chain(events) {
        let mut altered = records.clone();
        // The first or the last of its kind, so that they still ascend.
        let mut of_kind = altered.0.iter_mut().filter(|record| record.kind() == kind);
        let record = if number == 0 { of_kind.next() } else { of_kind.next_back() };
        set_number(record.expect("there are some"), number);
        let error = refused(&stores.to, altered, "no such number").await;
        assert!(error.detail().contains(&format!("the number {number}:")), "{error}");
    }
}

/// A store that takes them over has numbers left for what happens in it.
async fn numbers_go_on_behind_the_highest_of_an_archive(stores: Move) {
    let mut records = records(&stores.from).await;
    let (act, event) = (AuditNumber::ARCHIVED_MAX, EventSeq::ARCHIVED_MAX);
    for (kind, number) in [(RecordKind::Audit, act.get()), (RecordKind::Event, event.get())] {
        let last = records.0.iter_mut().rfind(|record| record.kind() == kind);
        set_number(last.expect("there are some"), number);
    }
    stores.to.import(records).await.expect("an archive may have these");
    let fixture = &stores.to.fixture;
    fixture.balances.pause_chain(CHAIN, &operator()).await.expect("an act");
    let status = ChainStatus::Halted("another".to_owned());
    let report = ChainReport { chain: CHAIN, status, head: None, head_time: None, processed: None };
    fixture.balances.report_chain(&report).await.expect("an event");
    let events = fixture.all_events().await.expect("read");
    let acts = fixture.all_acts().await.expect("read");
    assert_eq!(events.last().map(|last| last.sequence), Some(event.next()));
    let acts: Vec<_> = acts.iter().rev().take(3).map(|record| record.number).collect();
    assert_eq!(acts, [act.next().next(), act.next(), act]);
}

/// The error names the record by its number and its kind.
async fn a_refused_record_is_named(stores: Move) {
    let mut records = records(&stores.from).await;
    records.0.swap(0, 1);
    let error = refused(&stores.to, records, "two records changed places").await;
    assert!(error.detail().contains("record 2, a chain,"), "{error}");
}
