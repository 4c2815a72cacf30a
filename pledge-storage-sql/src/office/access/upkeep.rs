//! What is over, and goes.

use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::primitives::{B128, B256};
use pledge_office::access::{
    AccessUpkeep, FailureKey, Failures, InvitationId, KeptAnswer, SessionId, TokenHash,
};
use pledge_office::base::StoreTime;

use super::grants::Holder;
use crate::bulk::{self, values};
use crate::column::Column;
use crate::connection::{Connection, Value};
use crate::database::Database;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query_with;
use crate::store::SqlStore;

const DAY: Duration = Duration::from_secs(86_400);
/// How long sessions and invitations stay to be looked at once they are over.
const SHOWN_FOR: Duration = Duration::from_secs(30 * 86_400);

/// The keys of the oldest rows up to a time, locked until the transaction ends, in their order.
async fn old<K: Column + Copy + Ord>(
    db: &mut dyn Connection,
    (table, key, time): (&'static str, &'static str, &'static str),
    last: u64,
    rows_max: usize,
) -> Result<Vec<K>, Fault> {
    let for_update = db.dialect().for_update();
    let select =
        format!("SELECT {key} FROM {table} WHERE {time} <= ? ORDER BY {time} LIMIT ? {for_update}");
    let rows = query_with(select, vec![Value::Bound(last)]).limit(rows_max).rows(db).await?;
    let mut keys: Vec<K> = rows.iter().map(|row| row.get(key)).collect::<Result<_, _>>()?;
    keys.sort_unstable();
    Ok(keys)
}

/// The last time of what is at least `kept` old; `None` before 1970.
fn last(now: StoreTime, kept: Duration) -> Option<u64> {
    now.checked_sub(kept).map(StoreTime::get)
}

async fn sessions(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_session", "id", "done_at");
    let old: Vec<SessionId> = old(db, table, last, rows_max).await?;
    bulk::delete(db, "DELETE FROM access_token WHERE session_id IN", &[], &old).await?;
    bulk::delete(db, "DELETE FROM access_session WHERE id IN", &[], &old).await
}

async fn invitations(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_invitation", "id", "done_at");
    let old: Vec<InvitationId> = old(db, table, last, rows_max).await?;
    let kind = values![InvitationId::KIND];
    let grants = "DELETE FROM access_grant WHERE holder_kind = ? AND holder IN";
    bulk::delete(db, grants, &kind, &old).await?;
    bulk::delete(db, "DELETE FROM access_invitation WHERE id IN", &[], &old).await
}

async fn nonces(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_nonce", "nonce", "over_at");
    let old: Vec<B128> = old(db, table, last / 1_000, rows_max).await?;
    bulk::delete(db, "DELETE FROM access_nonce WHERE nonce IN", &[], &old).await
}

async fn tickets(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_ticket", "hash", "over_at");
    let old: Vec<TokenHash> = old(db, table, last, rows_max).await?;
    bulk::delete(db, "DELETE FROM access_ticket WHERE hash IN", &[], &old).await
}

async fn failures(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_failure", "attempted", "last_at");
    let old: Vec<FailureKey> = old(db, table, last, rows_max).await?;
    bulk::delete(db, "DELETE FROM access_failure WHERE attempted IN", &[], &old).await
}

async fn requests(db: &mut dyn Connection, last: u64, rows_max: usize) -> Result<u64, Fault> {
    let table = ("access_request", "request", "first_begun");
    let old: Vec<B256> = old(db, table, last, rows_max).await?;
    bulk::delete(db, "DELETE FROM access_request WHERE request IN", &[], &old).await
}

async fn prune(db: &mut dyn Connection, rows_max: usize) -> Result<u64, Fault> {
    let now = now(db).await?;
    let mut gone = 0;
    if let Some(last) = last(now, SHOWN_FOR) {
        gone += invitations(db, last, rows_max).await? + sessions(db, last, rows_max).await?;
    }
    if let Some(last) = last(now, DAY) {
        gone += nonces(db, last, rows_max).await?;
    }
    if let Some(last) = last(now, Failures::FORGOTTEN_AFTER) {
        gone += failures(db, last, rows_max).await?;
    }
    if let Some(last) = last(now, KeptAnswer::KEPT) {
        gone += requests(db, last, rows_max).await?;
    }
    Ok(gone + tickets(db, now.get(), rows_max).await?)
}

#[async_trait]
impl<D: Database> AccessUpkeep for SqlStore<D> {
    async fn prune_access(&self, limit: usize) -> Result<u64, StoreError> {
        let mut unit = self.write("prune sign-ins").await?;
        let pruned = prune(unit.db(), limit).await;
        unit.finish(pruned).await
    }
}
