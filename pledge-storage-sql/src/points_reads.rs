//! Reads of points. Each runs inside one read transaction: one snapshot.

use std::collections::BTreeMap;

use pledge_core::points::{
    AccountEntry, DecisionRecord, WindowRow, settlement_windows, settlements_of,
};
use pledge_core::ports::{Seen, Settlement, SettlementsQuery, ShardProgress, Standing};
use pledge_core::types::{
    Account, EntryNumber, ProgrammeId, RawPoints, ShardCount, ShardId, Timestamp, Window,
};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::earnings::totals_of;
use crate::fault::Fault;
use crate::programmes::{require, shards_of};
use crate::query::query;
use crate::registry::seen;

type Earned = (Account, RawPoints);

pub(crate) async fn settlements(
    db: &mut dyn Connection,
    request: &SettlementsQuery,
) -> Result<Vec<Settlement>, Fault> {
    let (token, row) = require(db, &request.programme).await?;
    let shards = shards_of(db, &row).await?;
    let programme = &row.programme;
    let started = token.state.start_time.unwrap_or_default();
    let first_edge = programme.window.floor(started);
    let Some(over) = settlement_windows(programme, &shards, first_edge, request) else {
        return Ok(Vec::new());
    };
    let Window { start: from, end: to } = over;
    let numbers: Vec<_> = shards.iter().map(|shard| shard.shard).collect();
    // The last row before the span is read too: windows without a row are derived from it.
    let before = "SELECT * FROM settlement_window WHERE programme = ? AND shard = ? \
                  AND window_start < ? ORDER BY window_start DESC LIMIT 1";
    let mut rows: Vec<(ShardId, WindowRow)> =
        bulk::select_each(db, before, &numbers, |shard| values![row.key, *shard, from]).await?;
    let inside = "SELECT * FROM settlement_window WHERE programme = ? AND shard = ? \
                  AND window_start >= ? AND window_start < ?";
    rows.extend(
        bulk::select_each(db, inside, &numbers, |shard| values![row.key, *shard, from, to]).await?,
    );
    let mut by_shard: BTreeMap<ShardId, Vec<WindowRow>> = BTreeMap::new();
    for (shard, row) in rows {
        by_shard.entry(shard).or_default().push(row);
    }
    by_shard.values_mut().for_each(|rows| rows.sort_by_key(|row| row.total.start));
    let rows = |shard| by_shard.get(&shard).cloned().unwrap_or_default();
    Ok(settlements_of(programme, &shards, over, rows)?)
}

pub(crate) async fn totals(
    db: &mut dyn Connection,
    programme: &ProgrammeId,
    accounts: &[Account],
) -> Result<Seen<Vec<Option<Standing>>>, Fault> {
    let (token, row) = require(db, programme).await?;
    let progress = Progress::new(row.programme.shards, shards_of(db, &row).await?);
    let earned = totals_of(db, row.key, accounts).await?;
    let standing = |account: &Account| {
        let raw = earned.get(account);
        raw.map(|raw| progress.standing(*account, *raw)).transpose()
    };
    let standings = accounts.iter().map(standing).collect::<Result<_, _>>()?;
    Ok(seen(&token.state, standings))
}

pub(crate) async fn standings(
    db: &mut dyn Connection,
    programme: &ProgrammeId,
    after: Option<(RawPoints, Account)>,
    rows_max: usize,
) -> Result<Seen<Vec<Standing>>, Fault> {
    // Totals and progress are of one snapshot, so that a total names the time that it was settled
    // to.
    let (token, row) = require(db, programme).await?;
    let progress = Progress::new(row.programme.shards, shards_of(db, &row).await?);
    let rows: Vec<Earned> = match after {
        None => {
            query(
                "SELECT account, raw FROM user_points WHERE programme = ? \
                 ORDER BY raw DESC, account LIMIT ?",
            )
            .bind(row.key)
            .limit(rows_max)
            .all(db)
            .await?
        }
        Some(place) => earned_after(db, row.key, place, rows_max).await?,
    };
    let standings = rows
        .into_iter()
        .map(|(account, raw)| progress.standing(account, raw))
        .collect::<Result<_, _>>()?;
    Ok(seen(&token.state, standings))
}

pub(crate) async fn entries(
    db: &mut dyn Connection,
    programme: &ProgrammeId,
    accounts: &[Account],
) -> Result<Vec<AccountEntry>, Fault> {
    let (token, row) = require(db, programme).await?;
    crate::decision_log::entries(db, (&token, &row), accounts).await
}

pub(crate) async fn decisions(
    db: &mut dyn Connection,
    programme: &ProgrammeId,
    below: Option<EntryNumber>,
    rows_max: usize,
) -> Result<Vec<DecisionRecord>, Fault> {
    let (token, row) = require(db, programme).await?;
    crate::decision_log::reaching(db, (&token, &row), below, rows_max).await
}

/// First the rest of those with the same points, then those with less.
async fn earned_after(
    db: &mut dyn Connection,
    programme: u64,
    (raw, account): (RawPoints, Account),
    rows_max: usize,
) -> Result<Vec<Earned>, Fault> {
    // Each is one range of the index, however many share a total. An `OR` of both would be sorted.
    let mut rows: Vec<Earned> = query(
        "SELECT account, raw FROM user_points WHERE programme = ? AND raw = ? AND account > ? \
         ORDER BY account LIMIT ?",
    )
    .bind(programme)
    .bind(raw)
    .bind(account)
    .limit(rows_max)
    .all(db)
    .await?;
    let less: Vec<Earned> = query(
        "SELECT account, raw FROM user_points WHERE programme = ? AND raw < ? \
         ORDER BY raw DESC, account LIMIT ?",
    )
    .bind(programme)
    .bind(raw)
    .limit(rows_max - rows.len())
    .all(db)
    .await?;
    rows.extend(less);
    Ok(rows)
}

/// How far each account is settled.
struct Progress {
    count: ShardCount,
    shards: Vec<ShardProgress>,
}

impl Progress {
    const fn new(count: ShardCount, shards: Vec<ShardProgress>) -> Self {
        Self { count, shards }
    }

    fn standing(&self, account: Account, raw: RawPoints) -> Result<Standing, Fault> {
        let settled = self.settled_of(account);
        let settled = settled
            .ok_or_else(|| Fault::corrupt(format!("account {account} earned, unsettled")))?;
        Ok(Standing { account, raw, settled })
    }

    fn settled_of(&self, account: Account) -> Option<Timestamp> {
        let shard = self.count.shard_of(account);
        self.shards[usize::from(shard.get())].settled_of(account)
    }
}
