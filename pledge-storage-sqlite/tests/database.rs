//! What is particular to a database in a file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use pledge_core::archive::Tally;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Consumer, EventSeq};
use pledge_core::ledger::{Change, ChangeType, TokenMetadata, TokenSpec, TokenTotals};
use pledge_core::points::Programme;
use pledge_core::ports::{
    Archive, ChangesQuery, EventStore, LedgerCommit, LedgerReads, LedgerWrites, NewBlocks,
    PointsReads, PointsStore, Registry, TokenCommit,
};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{
    Account, Amount, BalanceSeconds, BlockNumber, BlockRef, ChainId, Decimals, LogIndex, Rate,
    RateSchedule, Timestamp, TokenId,
};
use pledge_storage_memory::MemoryStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::Records;
use pledge_testing::world::operator;
use sqlx::{AssertSqlSafe, Connection, Executor};
use support::{Place, as_earlier};

const CHAIN: ChainId = ChainId::new(1);

fn token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(7) }
}

fn spec(start_block: u64) -> TokenSpec {
    let metadata = TokenMetadata { symbol: "T".into(), decimals: Decimals::new(6).unwrap() };
    TokenSpec { id: token(), metadata, start_block: BlockNumber::new(start_block) }
}

/// A commit of one empty block on top of nothing.
fn first_commit(hash: u8) -> LedgerCommit {
    let block = BlockRef {
        number: BlockNumber::new(1),
        hash: B256::repeat_byte(hash),
        parent_hash: B256::ZERO,
        time: Timestamp::new(1_000).unwrap(),
    };
    LedgerCommit {
        blocks: NewBlocks {
            chain: CHAIN,
            base: None,
            confirmed_by: None,
            first: block,
            tip: block,
            headers: vec![block],
            retain_from: BlockNumber::new(0),
        },
        tokens: vec![TokenCommit {
            token: token(),
            changes: Vec::new(),
            unreadable_logs: Vec::new(),
            totals: TokenTotals::default(),
        }],
    }
}

/// Mints of nothing in block 1, each to another account.
fn mints(count: u64) -> Vec<Change> {
    let mint = |log_index: u64| Change {
        account: Account::new(Address::left_padding_from(&(log_index + 1).to_be_bytes())).unwrap(),
        change_type: ChangeType::Mint,
        amount: Amount::ZERO,
        balance_after: Amount::ZERO,
        balance_seconds: BalanceSeconds::ZERO,
        counterparty: None,
        tx_hash: B256::ZERO,
        block: BlockNumber::new(1),
        time: Timestamp::new(1_000).unwrap(),
        log_index: LogIndex::new(log_index),
        netted: false,
    };
    (0..count).map(mint).collect()
}

fn first_change() -> ChangesQuery {
    ChangesQuery { token: token(), account: mints(1)[0].account, before: None, limit: 9 }
}

fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (StoreErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    store.commit(&first_commit(1)).await.unwrap();
    let before = store.token(token()).await.unwrap();
    store.close().await;
    let again = place.open().await;
    assert_eq!(again.token(token()).await.unwrap(), before);
}

#[tokio::test]
async fn a_position_is_there_after_opening_again() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    store.commit(&first_commit(1)).await.unwrap();
    let mail = Consumer::new("mail").unwrap();
    let newest = store.events(EventSeq::START, 1).await.unwrap()[0].sequence;
    store.record_delivered(&mail, EventSeq::START, newest).await.unwrap();
    store.close().await;
    assert_eq!(place.open().await.delivered(&mail).await.unwrap(), newest);
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up_to_date_with_all_that_it_holds() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    let mut commit = first_commit(1);
    commit.tokens[0].changes = mints(1);
    store.commit(&commit).await.unwrap();
    let before = store.events(EventSeq::START, 9).await.unwrap();
    let (state, changes) = (store.token(token()).await.unwrap(), mints(1));
    let programme = Programme::main(token(), "0.05".parse().unwrap());
    store.put_programme(&programme, &operator()).await.unwrap();
    store.close().await;
    let mut outsider = place.outsider().await;
    for undo in [
        "DROP TABLE contract_log",
        "DROP TABLE contract",
        "DROP TABLE block_edge",
        "DROP TABLE event_delivery",
        "DROP TABLE unreadable_log",
        "ALTER TABLE chain DROP COLUMN head_time",
        "ALTER TABLE token DROP COLUMN rewinds_by_person",
        "ALTER TABLE token DROP COLUMN unreadable_logs",
        "ALTER TABLE token DROP COLUMN supply_block",
        "ALTER TABLE token DROP COLUMN supply_time",
        "ALTER TABLE token DROP COLUMN supply_ledger",
        "ALTER TABLE token DROP COLUMN supply_on_chain",
        "ALTER TABLE token DROP COLUMN supply_unanswered",
        "ALTER TABLE user_balance_change DROP COLUMN netted",
        "ALTER TABLE shard_progress DROP COLUMN published",
        "UPDATE shard_progress SET settled = 7200",
    ] {
        outsider.execute(undo).await.unwrap();
    }
    as_earlier(&mut outsider, 1).await;
    outsider.close().await.unwrap();
    let store = place.open().await;
    assert_eq!(store.events(EventSeq::START, 9).await.unwrap(), before);
    assert_eq!(store.token(token()).await.unwrap(), state);
    assert_eq!(store.changes(&first_change()).await.unwrap().value, changes);
    let (mail, newest) = (Consumer::new("mail").unwrap(), before[0].sequence);
    store.record_delivered(&mail, EventSeq::START, newest).await.unwrap();
    // Points are settled again, by the rates that they were settled by.
    let shards = store.programmes(token()).await.unwrap().remove(0).shards;
    let published = Some(Timestamp::new(7_200).unwrap());
    assert!(shards.iter().all(|shard| (shard.settled, shard.published) == (None, published)));
    let rates = RateSchedule::constant(Rate::ZERO);
    let changed = store.put_programme(&Programme { rates, ..programme }, &operator()).await;
    assert_eq!(changed.unwrap_err().kind(), StoreErrorKind::Invalid);
}

#[tokio::test]
async fn a_location_may_be_a_url() {
    let place = Place::new();
    let url = format!("sqlite://{}", place.path());
    SqliteStore::open(&url).await.unwrap().close().await;
    assert!(std::fs::exists(place.path()).unwrap());
}

#[tokio::test]
async fn a_location_without_a_file_is_refused() {
    for location in ["", "sqlite:", "sqlite::memory:", "pledge.db?mode=rwc"] {
        let (kind, text) = refused(SqliteStore::open(location).await);
        assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_refused_and_named() {
    let place = Place::new();
    let location = format!("{}/nowhere/pledge.db", place.path());
    let (kind, text) = refused(SqliteStore::open(&location).await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains(&location), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    let text = "not a database at all, but long enough to have a header of one. ".repeat(20);
    std::fs::write(place.path(), &text).unwrap();
    let (kind, detail) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{detail}");
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let place = Place::new();
    let mut outsider = place.outsider().await;
    outsider.execute("CREATE TABLE theirs (a)").await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("another program"), "{text}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_what_to_do() {
    let place = Place::new();
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let newer = "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
                 VALUES ('engine', 9999, 'later', zeroblob(32), 1)";
    outsider.execute(newer).await.unwrap();
    let (kind, text) = refused(place.try_open().await);
    assert_eq!(kind, StoreErrorKind::Invalid);
    assert!(text.contains("9999") && text.contains("upgrade pledge"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_may_be_opened_from_several_sides_at_once() {
    let place = Place::new();
    let opened = futures::future::join_all((0..4).map(|_| place.try_open())).await;
    for store in opened {
        store.unwrap().chains().await.unwrap();
    }
}

#[tokio::test]
async fn of_two_handles_that_commit_on_the_same_base_one_wins() {
    let place = Place::new();
    let (one, other) = (place.open().await, place.open().await);
    one.register_chain(CHAIN, "one").await.unwrap();
    one.register_token(&spec(1)).await.unwrap();
    let (first, second) = (first_commit(1), first_commit(2));
    let (a, b) = tokio::join!(one.commit(&first), other.commit(&second));
    let kinds = [a, b].map(|result| result.err().map(|error| error.kind()));
    assert!(kinds.contains(&None) && kinds.contains(&Some(StoreErrorKind::Conflict)), "{kinds:?}");
}

#[tokio::test]
async fn reads_do_not_wait_for_a_writer() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let mut outsider = place.outsider().await;
    let mut writing = outsider.begin_with("BEGIN IMMEDIATE").await.unwrap();
    writing.execute("UPDATE chain SET name = 'other'").await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(2), store.chains()).await;
    assert_eq!(read.unwrap().unwrap()[0].name, "one");
}

#[tokio::test]
async fn a_number_beyond_63_bits_is_invalid() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let (kind, text) = refused(store.register_token(&spec(1 << 63)).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert_eq!(store.tokens(CHAIN).await.unwrap(), []);
}

#[tokio::test]
async fn a_bound_beyond_63_bits_means_every_block() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    store.commit(&first_commit(1)).await.unwrap();
    let all = store.headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX).await.unwrap();
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn changes_out_of_the_order_of_the_chain_are_invalid() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    let mut commit = first_commit(1);
    commit.tokens[0].changes = mints(2).into_iter().rev().collect();
    let (kind, text) = refused(store.commit(&commit).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert_eq!(store.token(token()).await.unwrap().unwrap().cursor, None);
}

#[tokio::test]
async fn a_row_that_is_no_record_is_corrupt() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    let mut outsider = place.outsider().await;
    outsider.execute("UPDATE chain SET status = 'dancing'").await.unwrap();
    let (kind, text) = refused(store.chains().await);
    assert_eq!(kind, StoreErrorKind::Corrupt, "{text}");
}

#[tokio::test]
async fn a_programme_without_its_shards_is_corrupt() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    let programme = Programme::main(token(), Rate::ZERO);
    store.put_programme(&programme, &operator()).await.unwrap();
    let mut outsider = place.outsider().await;
    outsider.execute("DELETE FROM shard_progress WHERE shard = 3").await.unwrap();
    let (kind, text) = refused(store.programmes(token()).await);
    assert_eq!(kind, StoreErrorKind::Corrupt, "{text}");
}

#[tokio::test]
async fn a_ledger_whose_tables_differ_is_corrupt_to_export() {
    for table in ["user_balance", "user_balance_change"] {
        let place = Place::new();
        let store = place.open().await;
        store.register_chain(CHAIN, "one").await.unwrap();
        store.register_token(&spec(1)).await.unwrap();
        let mut commit = first_commit(1);
        commit.tokens[0].changes = mints(3);
        store.commit(&commit).await.unwrap();
        let delete = format!("DELETE FROM {table} WHERE account > x'{:040x}'", 2);
        place.outsider().await.execute(AssertSqlSafe(delete)).await.unwrap();
        let (kind, text) = refused(store.export(&mut Tally::default()).await);
        assert_eq!(kind, StoreErrorKind::Corrupt, "{text}");
        assert!(text.contains("0000000003"), "{text}");
    }
}

#[tokio::test]
async fn an_archive_with_a_number_beyond_63_bits_is_invalid_and_leaves_nothing() {
    let memory = MemoryStore::new();
    memory.register_chain(CHAIN, "one").await.unwrap();
    memory.register_token(&spec(1 << 63)).await.unwrap();
    let mut records = Records::default();
    memory.export(&mut records).await.unwrap();
    let place = Place::new();
    let store = place.open().await;
    let (kind, text) = refused(store.import(&mut records, &operator()).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert_eq!(store.chains().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_no_open_transaction() {
    let place = Place::new();
    let store = place.open().await;
    for id in 0..300_u64 {
        let patience = Duration::from_micros(id * 7);
        let register = store.register_chain(ChainId::new(id), "dropped");
        let _ = tokio::time::timeout(patience, register).await;
        let _ = tokio::time::timeout(patience, store.chains()).await;
    }
    let write = store.register_chain(ChainId::new(1_000), "kept");
    tokio::time::timeout(Duration::from_secs(5), write).await.unwrap().unwrap();
    let other = place.open().await;
    let seen = other.chains().await.unwrap();
    assert!(seen.iter().any(|chain| chain.chain == ChainId::new(1_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_commit_is_there_whole_or_not_at_all() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    store.register_token(&spec(1)).await.unwrap();
    let mut commit = first_commit(1);
    commit.tokens[0].changes = mints(2_000);
    let mut dropped = 0;
    for patience in (0_u64..).map(|round| Duration::from_micros(round * 500)) {
        let committed = tokio::time::timeout(patience, store.commit(&commit)).await;
        let cursor = store.token(token()).await.unwrap().unwrap().cursor;
        let holders = store.holders(token(), None, usize::MAX).await.unwrap();
        assert_eq!(holders.cursor.is_some(), !holders.value.is_empty());
        if cursor.is_some() {
            assert_eq!(holders.value.len(), 2_000);
            break;
        }
        assert!(committed.is_err(), "a commit that ends is a commit that is there");
        dropped += 1;
    }
    assert!(dropped > 0, "no commit was dropped on its way");
}
