//! Claims and messages on a server: what waits for what.

#![cfg(feature = "office")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../pledge-storage-sql/tests/support/shifted_clock.rs"]
mod shifted_clock;
mod support;

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::sharing::InstanceId;
use pledge_office::base::{Claim, ClaimName, Claims};
use pledge_storage_mysql::MySqlDatabase;
use pledge_storage_sql::{Database, SqlStore};
use shifted_clock::{Ahead, ShiftedClock};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};
use support::Place;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR_MILLIS: i64 = 3_600_000;
const LOCK: &str = "SELECT * FROM claim WHERE name = 'a' FOR UPDATE";
/// Long enough for a call to reach the lock. One that is slower proves less, and fails nothing.
const REACHES_THE_LOCK: Duration = Duration::from_millis(300);

fn name() -> ClaimName {
    ClaimName::new("a").unwrap()
}

/// A store with a claim for a minute, and its clock.
async fn claimed(place: &Place) -> (SqlStore<ShiftedClock<MySqlDatabase>>, Claim, Ahead) {
    let database = ShiftedClock::<MySqlDatabase>::open(&place.url()).await.unwrap();
    let ahead = database.watch.clone();
    let store = SqlStore::over(database);
    let claim = store.take(&name(), InstanceId::new(1), MINUTE).await.unwrap().unwrap();
    (store, claim, ahead)
}

/// The holder's transaction goes on though its claim has ended meanwhile.
#[tokio::test]
async fn a_claim_that_is_over_is_not_taken_while_its_holder_writes() {
    let place = Place::new().await;
    let (store, _, ahead) = claimed(&place).await;
    let mut outsider = place.outsider().await;
    let mut holder = outsider.begin().await.unwrap();
    holder.execute(LOCK).await.unwrap();
    ahead.advance(HOUR_MILLIS);
    let name = name();
    let mut taking = store.take(&name, InstanceId::new(2), MINUTE);
    let taken = tokio::time::timeout(REACHES_THE_LOCK, &mut taking).await;
    assert!(taken.is_err(), "taken in the middle of a write: {taken:?}");
    holder.commit().await.unwrap();
    assert!(taking.await.unwrap().is_some());
}

/// The time at which it began to wait decides nothing.
#[tokio::test]
async fn a_write_that_waited_is_judged_by_the_time_after_the_wait() {
    let place = Place::new().await;
    let (store, claim, ahead) = claimed(&place).await;
    let mut outsider = place.outsider().await;
    let mut other = outsider.begin().await.unwrap();
    other.execute(LOCK).await.unwrap();
    let mut renewing = store.renew(&claim, MINUTE);
    let renewed = tokio::time::timeout(REACHES_THE_LOCK, &mut renewing).await;
    assert!(renewed.is_err(), "renewed under a lock of another: {renewed:?}");
    ahead.advance(HOUR_MILLIS);
    other.commit().await.unwrap();
    assert_eq!(renewing.await.unwrap_err().kind(), StoreErrorKind::Conflict);
}

#[tokio::test]
async fn every_page_of_the_office_is_read_in_the_order_of_an_index() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    // A planner may choose another way for a table of a few rows.
    let numbers = (0..2_000).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
    let numbers = format!("INSERT INTO numbers VALUES {numbers}");
    for statement in [
        "CREATE TEMPORARY TABLE numbers (n INT)",
        &numbers,
        "INSERT INTO outbox_message SELECT UNHEX(LPAD(HEX(n), 32, '0')), IF(n % 2 = 0, 'ops', 'mail'), \
         's', 'b', n, 0, IF(n % 4 < 2, n, NULL), IF(n % 4 < 2, NULL, n), 0 FROM numbers",
        "ANALYZE TABLE outbox_message",
    ] {
        outsider.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
    for (select, index) in [
        (
            "SELECT * FROM outbox_message WHERE channel = 'ops' AND due <= 70 \
             ORDER BY due, id LIMIT 8",
            "outbox_message_by_due",
        ),
        (
            "SELECT * FROM outbox_message WHERE channel = 'ops' AND due > 1900 \
             ORDER BY due, id LIMIT 8",
            "outbox_message_by_due",
        ),
        (
            "SELECT id FROM outbox_message WHERE ended <= 70 ORDER BY ended LIMIT 8 FOR UPDATE",
            "outbox_message_by_end",
        ),
        (
            "SELECT * FROM outbox_attempt WHERE message = UNHEX(LPAD('', 32, '0')) AND attempt > 3 \
             ORDER BY attempt LIMIT 8",
            "PRIMARY",
        ),
    ] {
        shows(&mut outsider, select, index).await;
    }
}

/// The pages of users and sessions, and what is removed of them.
#[tokio::test]
async fn every_page_of_access_is_read_in_the_order_of_an_index() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let numbers = (0..2_000).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
    let numbers = format!("INSERT INTO numbers VALUES {numbers}");
    for statement in [
        "CREATE TEMPORARY TABLE numbers (n INT)",
        &numbers,
        "INSERT INTO access_user (id, created) SELECT UNHEX(LPAD(HEX(n), 32, '0')), n FROM numbers",
        "INSERT INTO access_session \
         (id, user_id, signed_in_by, signed_in, refreshed, over_at, done_at) \
         SELECT UNHEX(LPAD(HEX(n), 32, '0')), UNHEX(LPAD(HEX(n % 4), 32, '0')), 'password', \
         n, n, n, n FROM numbers",
        "ANALYZE TABLE access_user, access_session",
    ] {
        outsider.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
    let id = "UNHEX(LPAD('7', 32, '0'))";
    for (select, index) in [
        ("SELECT * FROM access_user ORDER BY created DESC, id DESC LIMIT 8", "access_user_by_time"),
        (
            &*format!(
                "SELECT * FROM access_user WHERE created <= 70 AND (created < 70 OR id < {id}) \
                 ORDER BY created DESC, id DESC LIMIT 8"
            ),
            "access_user_by_time",
        ),
        (
            &*format!(
                "SELECT * FROM access_session WHERE user_id = UNHEX(LPAD('1', 32, '0')) \
                 AND ended IS NULL AND over_at > 7 \
                 AND signed_in <= 70 AND (signed_in < 70 OR id < {id}) \
                 ORDER BY signed_in DESC, id DESC LIMIT 8"
            ),
            "access_session_by_user",
        ),
        (
            "SELECT id FROM access_session WHERE done_at <= 70 ORDER BY done_at LIMIT 8 FOR UPDATE",
            "access_session_by_end",
        ),
    ] {
        shows(&mut outsider, select, index).await;
    }
}

/// The plan of a statement is one step, by an index and without a sort.
async fn shows(outsider: &mut MySqlConnection, select: &str, index: &str) {
    let plan = AssertSqlSafe(format!("EXPLAIN FORMAT = TRADITIONAL {select}"));
    let rows = outsider.fetch_all(plan).await.unwrap();
    let [row] = &rows[..] else { panic!("{select}: {} steps", rows.len()) };
    let (key, extra): (Option<String>, Option<String>) = (row.get("key"), row.get("Extra"));
    let extra = extra.unwrap_or_default();
    assert!(!extra.contains("filesort"), "{select}: {extra}");
    assert_eq!(key.as_deref(), Some(index), "{select}");
}
