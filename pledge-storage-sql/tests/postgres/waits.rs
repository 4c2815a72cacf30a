//! What waits for what on a server.

use std::time::Duration;

use pledge_core::sharing::InstanceId;
use pledge_office::base::{ClaimName, Claims};
use sqlx::{Connection, Executor, PgConnection};

use crate::place::Schema;

/// Long enough for a call to reach what it waits for. One that is slower proves less, and fails nothing.
const REACHES_THE_LOCK: Duration = Duration::from_millis(500);

async fn tables(db: &mut PgConnection) -> usize {
    let select = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()";
    db.fetch_all(select).await.unwrap().len()
}

/// It passed the fence when there was nothing to see, and what it writes is of the schema of before.
#[tokio::test]
async fn a_change_of_the_schema_waits_for_a_write_that_began_before_it() {
    let schema = Schema::new().await;
    schema.open().await.close().await;
    let (mut outsider, mut writer) = (schema.outsider().await, schema.outsider().await);
    for older in [
        "DROP TABLE claim, claim_fence, outbox_message, outbox_attempt, \
         access_lock, access_user, access_wallet, access_grant, access_role, \
         access_session, access_token, access_key, access_invitation, access_nonce, \
         access_ticket, access_failure, access_request",
        "DELETE FROM schema_migration WHERE migration_set = 'office'",
    ] {
        outsider.execute(older).await.unwrap();
    }
    let before = tables(&mut outsider).await;
    let mut write = writer.begin().await.unwrap();
    write.fetch_all("SELECT version FROM schema_migration").await.unwrap();
    let mut opening = Box::pin(schema.open());
    let opened = tokio::time::timeout(REACHES_THE_LOCK, &mut opening).await;
    assert!(opened.is_err(), "opened in the middle of a write: {opened:?}");
    write.commit().await.unwrap();
    opening.await.close().await;
    assert_eq!(tables(&mut outsider).await, before + 17);
}

/// The row that it found and waits for is gone then, and what has no row is held by no one.
#[tokio::test]
async fn a_claim_that_is_taken_while_it_is_released_has_its_row() {
    let schema = Schema::new().await;
    let store = schema.open().await;
    let (name, lasts) = (ClaimName::new("a").unwrap(), Duration::from_secs(60));
    store.take(&name, InstanceId::new(1), lasts).await.unwrap().unwrap();
    let mut outsider = schema.outsider().await;
    let mut release = outsider.begin().await.unwrap();
    release.execute("SELECT * FROM claim FOR UPDATE").await.unwrap();
    let mut taking = store.take(&name, InstanceId::new(2), lasts);
    let taken = tokio::time::timeout(REACHES_THE_LOCK, &mut taking).await;
    assert!(taken.is_err(), "taken before the release has ended: {taken:?}");
    release.execute("DELETE FROM claim").await.unwrap();
    release.commit().await.unwrap();
    let claim = taking.await.unwrap();
    assert!(claim.is_some());
    assert_eq!(store.holder(&name).await.unwrap(), claim);
}
