//! Reads of the ledger. Each runs inside one read transaction: one snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::ports::{ChangesQuery, Seen};
use pledge_core::types::{Account, Amount, BlockNumber, Timestamp, TokenId};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row, Value};
use crate::fault::Fault;
use crate::query::query;
use crate::registry::{require_token, seen};
use crate::row::FromRow;

/// Instants that one statement reads an account at: a power of two.
const INSTANTS_AT_ONCE: usize = 64;

/// The block of a token's last change at or before an instant.
const LAST_BLOCK: &str = "SELECT block FROM user_balance_change WHERE token = ? AND time <= ? \
                          ORDER BY time DESC, block DESC LIMIT 1";
/// An account's state after its last change up to a block.
const STATE_AT: &str = "SELECT account, balance_after AS balance, balance_seconds, time, block \
                        FROM user_balance_change WHERE token = ? AND account = ? AND block <= ? \
                        ORDER BY block DESC, log_index DESC, leg DESC LIMIT 1";

type Holder = (Account, Checkpoint);

/// A row of [`LAST_BLOCK`].
struct LastBlock(BlockNumber);

impl FromRow for LastBlock {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self(row.get("block")?))
    }
}

pub(crate) async fn states(
    db: &mut dyn Connection,
    token: TokenId,
    accounts: &[Account],
) -> Result<Seen<Vec<Option<Checkpoint>>>, Fault> {
    let token = require_token(db, token).await?;
    let select = "SELECT * FROM user_balance WHERE token = ? AND account IN";
    let found: Vec<Holder> = bulk::select(db, select, &values![token.key], accounts, "").await?;
    let found: HashMap<_, _> = found.into_iter().collect();
    let states = accounts.iter().map(|account| found.get(account).copied());
    Ok(seen(&token.state, states.collect()))
}

async fn newest(
    db: &mut dyn Connection,
    token: u64,
    account: Account,
) -> Result<Option<Checkpoint>, Fault> {
    query("SELECT * FROM user_balance WHERE token = ? AND account = ?")
        .bind(token)
        .bind(account)
        .one(db)
        .await
}

/// The states after the last changes of some accounts up to a block, of those that have one.
pub(crate) async fn states_at(
    db: &mut dyn Connection,
    token: u64,
    accounts: &[Account],
    block: BlockNumber,
) -> Result<BTreeMap<Account, Checkpoint>, Fault> {
    let rows = bulk::select_each(db, STATE_AT, accounts, |account| {
        values![token, *account, Value::Bound(block.get())]
    })
    .await?;
    Ok(rows.into_iter().collect())
}

/// The states at `until`, the block of the token's last change up to some instant. An account comes
/// with its newest state, which answers for it if it has not changed since.
pub(crate) async fn states_until(
    db: &mut dyn Connection,
    token: u64,
    accounts: &[Holder],
    until: Option<BlockNumber>,
) -> Result<BTreeMap<Account, Checkpoint>, Fault> {
    let Some(until) = until else {
        return Ok(BTreeMap::new());
    };
    let (changed, same): (Vec<Holder>, Vec<Holder>) =
        accounts.iter().partition(|(_, newest)| newest.block > until);
    let changed: Vec<_> = changed.into_iter().map(|(account, _)| account).collect();
    let mut states = states_at(db, token, &changed, until).await?;
    states.extend(same);
    Ok(states)
}

/// The block of a token's last change at or before an instant.
pub(crate) async fn last_block_at(
    db: &mut dyn Connection,
    token: u64,
    at: Timestamp,
) -> Result<Option<BlockNumber>, Fault> {
    query(LAST_BLOCK).bind(token).bind(at).value(db, "block").await
}

pub(crate) async fn last_change_block(
    db: &mut dyn Connection,
    token: TokenId,
    at: Timestamp,
) -> Result<Seen<Option<BlockNumber>>, Fault> {
    let token = require_token(db, token).await?;
    let block = last_block_at(db, token.key, at).await?;
    Ok(seen(&token.state, block))
}

pub(crate) async fn history(
    db: &mut dyn Connection,
    token: TokenId,
    account: Account,
    times: &[Timestamp],
) -> Result<Seen<Vec<Option<Checkpoint>>>, Fault> {
    let token = require_token(db, token).await?;
    let Some(newest) = newest(db, token.key, account).await? else {
        return Ok(seen(&token.state, vec![None; times.len()]));
    };
    let earlier: Vec<_> = times.iter().copied().filter(|time| *time < newest.time).collect();
    let mut known = states_before(db, token.key, account, &earlier).await?;
    known.push(newest);
    // The state at an instant is among those that were read, and no other of them lies between the
    // two: so the last one at or before the instant is it.
    let state_at = |time: &Timestamp| {
        let until = known.partition_point(|state| state.time <= *time);
        until.checked_sub(1).map(|last| known[last])
    };
    Ok(seen(&token.state, times.iter().map(state_at).collect()))
}

/// An account's states at some instants, in the order of the chain; none for an instant before its
/// first change. Two statements for many instants: the token's blocks in the index by time, then
/// the account's changes at these in the key, which has no time.
async fn states_before(
    db: &mut dyn Connection,
    token: u64,
    account: Account,
    instants: &[Timestamp],
) -> Result<Vec<Checkpoint>, Fault> {
    let mut states = Vec::with_capacity(instants.len());
    for instants in instants.chunks(INSTANTS_AT_ONCE) {
        let time_of = |instant: &Timestamp| values![token, *instant];
        let blocks = bulk::select_each(db, LAST_BLOCK, &filled(instants), time_of).await?;
        let blocks: BTreeSet<_> = blocks.into_iter().map(|LastBlock(block)| block).collect();
        let blocks: Vec<_> = blocks.into_iter().collect();
        let place_of = |block: &BlockNumber| values![token, account, Value::Bound(block.get())];
        let rows = bulk::select_each(db, STATE_AT, &filled(&blocks), place_of).await?;
        states.extend(rows.into_iter().map(|(_, state): Holder| state));
    }
    states.sort_by_key(|state| (state.time, state.block));
    Ok(states)
}

/// At most [`INSTANTS_AT_ONCE`] keys, filled up with the last one to a power of two: so they fit in
/// one statement, of which there are a few texts.
fn filled<K: Copy>(keys: &[K]) -> Vec<K> {
    let mut filled = keys.to_vec();
    if let Some(last) = keys.last() {
        filled.resize(keys.len().next_power_of_two(), *last);
    }
    filled
}

pub(crate) async fn changes(
    db: &mut dyn Connection,
    page: &ChangesQuery,
) -> Result<Seen<Vec<Change>>, Fault> {
    let token = require_token(db, page.token).await?;
    let sql = if page.before.is_some() {
        // The bound on the block alone is the range; a comparison of triples is none to the server.
        "SELECT * FROM user_balance_change WHERE token = ? AND account = ? AND block <= ? \
         AND (block < ? OR log_index < ? OR (log_index = ? AND leg < ?)) \
         ORDER BY block DESC, log_index DESC, leg DESC LIMIT ?"
    } else {
        "SELECT * FROM user_balance_change WHERE token = ? AND account = ? \
         ORDER BY block DESC, log_index DESC, leg DESC LIMIT ?"
    };
    let mut select = query(sql).bind(token.key).bind(page.account);
    if let Some((block, log_index, leg)) = page.before {
        select = select.bound(block.get()).bound(block.get());
        select = select.bound(log_index.get()).bound(log_index.get()).bind(leg);
    }
    Ok(seen(&token.state, select.limit(page.limit).all(db).await?))
}

pub(crate) async fn holders(
    db: &mut dyn Connection,
    token: TokenId,
    after: Option<(Amount, Account)>,
    rows_max: usize,
) -> Result<Seen<Vec<Holder>>, Fault> {
    let token = require_token(db, token).await?;
    let rows =
        match after {
            None => query(
                "SELECT * FROM user_balance WHERE token = ? ORDER BY balance DESC, account LIMIT ?",
            )
            .bind(token.key)
            .limit(rows_max)
            .all(db)
            .await?,
            Some(place) => holders_after(db, token.key, place, rows_max).await?,
        };
    Ok(seen(&token.state, rows))
}

/// First the rest of those with the same balance, then those with less.
async fn holders_after(
    db: &mut dyn Connection,
    token: u64,
    (balance, account): (Amount, Account),
    rows_max: usize,
) -> Result<Vec<Holder>, Fault> {
    // Each is one range of the index, however many share a balance. An `OR` of both would be
    // sorted.
    let mut rows: Vec<Holder> = query(
        "SELECT * FROM user_balance WHERE token = ? AND balance = ? AND account > ? \
         ORDER BY account LIMIT ?",
    )
    .bind(token)
    .bind(balance)
    .bind(account)
    .limit(rows_max)
    .all(db)
    .await?;
    let less: Vec<Holder> = query(
        "SELECT * FROM user_balance WHERE token = ? AND balance < ? \
         ORDER BY balance DESC, account LIMIT ?",
    )
    .bind(token)
    .bind(balance)
    .limit(rows_max - rows.len())
    .all(db)
    .await?;
    rows.extend(less);
    Ok(rows)
}
