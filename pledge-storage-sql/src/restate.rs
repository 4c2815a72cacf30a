//! What a rewind does to points: windows open again, statements taken back, totals restated.

use std::collections::BTreeMap;

use pledge_core::ledger::Checkpoint;
use pledge_core::points::{accrual_times, accrue, take_back};
use pledge_core::ports::{ShardProgress, Statement};
use pledge_core::primitives::Address;
use pledge_core::types::{
    Account, BlockNumber, Epoch, RawPoints, Timestamp, WeightBp, WeightSchedule, Window,
};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::earnings::{add_statements, save_totals, totals_of};
use crate::fault::Fault;
use crate::histories::last_block_before;
use crate::programmes::{of_token, save_shard, shards_of};
use crate::query::query;
use crate::reads::{last_block_at, states_until};
use crate::row::{ProgrammeRow, TokenRow};

const PAGE_ACCOUNTS: usize = 1_024;

/// A row that earned and that no later row takes back.
const IN_FORCE: &str = "reversed = 0 AND NOT EXISTS (SELECT 1 FROM user_points_change AS taken \
     WHERE taken.programme = earned.programme AND taken.account = earned.account \
     AND taken.epoch >= earned.epoch AND taken.reversed = 1 \
     AND taken.window_start <= earned.window_start)";

/// Takes back what was settled beyond the token's cursor, in all its programmes, and returns how
/// many statement rows that reversed. `token` is as the rewind leaves it, `started` and `ended` are
/// its start time and epoch before.
pub(crate) async fn reopen(
    db: &mut dyn Connection,
    token: &TokenRow,
    (started, ended): (Option<Timestamp>, Epoch),
) -> Result<u64, Fault> {
    let mut reversed = 0;
    for programme in of_token(db, token).await? {
        let window = programme.programme.window;
        let cut = token.state.cursor.map(|cursor| window.floor(cursor.time));
        let first_edge = started.map_or(Timestamp::ZERO, |started| window.floor(started));
        for before in shards_of(db, &programme).await? {
            if let Some(after) = before.rewound(cut, first_edge) {
                let open_from = after.settled.unwrap_or(first_edge);
                let ledger = Instants::up_to(db, token.key, &programme, open_from).await?;
                let shard = Reopened { ledger, epoch: ended, before: &before, after: &after };
                // Counted before rows are taken back, for that puts them out of force. Progress is
                // saved last: the rest is found by what it was.
                forget_windows(db, &programme, &after, open_from).await?;
                reversed += shard.count_in_force(db).await?;
                shard.take_rows_back(db).await?;
                shard.take_totals_back(db).await?;
                save_shard(db, programme.key, &before, &after).await?;
            }
        }
    }
    Ok(reversed)
}

async fn forget_windows(
    db: &mut dyn Connection,
    programme: &ProgrammeRow,
    progress: &ShardProgress,
    open_from: Timestamp,
) -> Result<(), Fault> {
    query("DELETE FROM settlement_window WHERE programme = ? AND shard = ? AND window_start >= ?")
        .bind(programme.key)
        .bind(progress.shard)
        .bind(open_from)
        .execute(db)
        .await?;
    Ok(())
}

/// A shard with windows that are open again.
struct Reopened<'a> {
    ledger: Instants<'a>,
    /// The epoch that the rewind ends.
    epoch: Epoch,
    before: &'a ShardProgress,
    after: &'a ShardProgress,
}

impl Reopened<'_> {
    fn bounds(&self) -> (Address, Address) {
        self.ledger.programme.programme.shards.bounds(self.after.shard)
    }

    async fn count_in_force(&self, db: &mut dyn Connection) -> Result<u64, Fault> {
        let (low, high) = self.bounds();
        let by_window = db.dialect().by_index("user_points_change_by_window");
        let count = query(format!(
            "SELECT COUNT(*) AS count FROM user_points_change AS earned {by_window} \
             WHERE programme = ? AND window_start >= ? AND account BETWEEN ? AND ? AND {IN_FORCE}",
        ))
        .bind(self.ledger.programme.key)
        .bind(self.ledger.open_from)
        .bind(low)
        .bind(high)
        .value(db, "count")
        .await?;
        Ok(count.unwrap_or_default())
    }

    /// Takes back for every account with a row in force of a window that is open again, also if it
    /// earned nothing there.
    async fn take_rows_back(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        let (low, high) = self.bounds();
        let by_window = db.dialect().by_index("user_points_change_by_window");
        // The next page begins at a place, not at a count: what was taken back is out of force, so
        // a count would skip as many rows.
        let mut after = (self.ledger.open_from, Address::ZERO);
        loop {
            let rows: Vec<Statement> = query(format!(
                "SELECT * FROM user_points_change AS earned {by_window} \
                 WHERE programme = ? AND window_start >= ? AND (window_start > ? OR account > ?) \
                 AND account BETWEEN ? AND ? AND {IN_FORCE} ORDER BY window_start, account LIMIT ?",
            ))
            .bind(self.ledger.programme.key)
            .bind(after.0)
            .bind(after.0)
            .bind(after.1)
            .bind(low)
            .bind(high)
            .limit(PAGE_ACCOUNTS)
            .all(db)
            .await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = (last.window.start, last.account.address());
            let mut accounts: Vec<_> = rows.iter().map(|row| row.account).collect();
            accounts.sort_unstable();
            accounts.dedup();
            let totals = totals_of(db, self.ledger.programme.key, &accounts).await?;
            let total = |account| (account, totals.get(&account).copied().unwrap_or_default());
            self.take_back(db, accounts.into_iter().map(total).collect(), true).await?;
        }
    }

    /// Takes back for every account that earned anything in windows that are open again.
    async fn take_totals_back(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        let (low, high) = self.bounds();
        let mut next = Some(low);
        while let Some(first) = next {
            let page = earners(db, self.ledger.programme.key, first, high).await?;
            let full = page.last().filter(|_| page.len() == PAGE_ACCOUNTS);
            next = full.and_then(|(last, _)| last.successor());
            self.take_back(db, page, false).await?;
        }
        Ok(())
    }

    /// Restates the totals of some accounts, and adds a row to each whose total changes or that has
    /// rows to take back.
    async fn take_back(
        &self,
        db: &mut dyn Connection,
        totals: Vec<(Account, RawPoints)>,
        have_rows: bool,
    ) -> Result<(), Fault> {
        let (mut rows, mut restated, mut forgotten) = (Vec::new(), Vec::new(), Vec::new());
        for (account, before, Earned { raw, opening }) in self.ledger.earned(db, totals).await? {
            if raw != before || have_rows {
                let end = self.before.settled_of(account);
                let end = end.ok_or_else(|| {
                    Fault::corrupt(format!("account {account} earned, unsettled"))
                })?;
                let open = Window { start: self.ledger.open_from, end };
                let balance = opening.map(|opening| opening.balance).unwrap_or_default();
                rows.push(take_back(account, self.epoch, open, (before, raw), balance)?);
            }
            // A total of zero has no row: it would list an account that never earned.
            if raw == RawPoints::ZERO {
                forgotten.push(account);
            } else if raw != before {
                restated.push((account, raw));
            }
        }
        let programme = self.ledger.programme.key;
        add_statements(db, programme, &rows).await?;
        save_totals(db, programme, &restated).await?;
        forget_earners(db, programme, &forgotten).await
    }
}

/// The instants that an accrual asks for, each with the token's last block up to it.
struct Instants<'a> {
    token: u64,
    programme: &'a ProgrammeRow,
    weights: WeightSchedule,
    /// Where the windows begin that are open again.
    open_from: Timestamp,
    /// The token's last block with a change before them.
    opened_at: Option<BlockNumber>,
    blocks: Vec<(Timestamp, Option<BlockNumber>)>,
}

/// What an account earned before the windows that are open again, and what it held there.
struct Earned {
    raw: RawPoints,
    opening: Option<Checkpoint>,
}

impl<'a> Instants<'a> {
    async fn up_to(
        db: &mut dyn Connection,
        token: u64,
        programme: &'a ProgrammeRow,
        open_from: Timestamp,
    ) -> Result<Self, Fault> {
        let weights = WeightSchedule::constant(WeightBp::ONE);
        let rates = &programme.programme.rates;
        let mut blocks = Vec::new();
        for time in accrual_times(rates, &weights, Timestamp::ZERO, open_from) {
            blocks.push((time, last_block_at(db, token, time).await?));
        }
        let opened_at = last_block_before(db, token, open_from).await?;
        Ok(Self { token, programme, weights, open_from, opened_at, blocks })
    }

    /// What accounts earned from the beginning on, by the ledger as it is now, with the known
    /// totals.
    async fn earned(
        &self,
        db: &mut dyn Connection,
        accounts: Vec<(Account, RawPoints)>,
    ) -> Result<Vec<(Account, RawPoints, Earned)>, Fault> {
        let keys: Vec<_> = accounts.iter().map(|(account, _)| *account).collect();
        let select = "SELECT * FROM user_balance WHERE token = ? AND account IN";
        let newest: Vec<(Account, Checkpoint)> =
            bulk::select(db, select, &values![self.token], &keys, "").await?;
        let mut states = Vec::with_capacity(self.blocks.len());
        for (_, block) in &self.blocks {
            states.push(states_until(db, self.token, &newest, *block).await?);
        }
        let openings = states_until(db, self.token, &newest, self.opened_at).await?;
        let with_points = |(account, known)| {
            let raw = self.accrue(account, &states)?;
            Ok((account, known, Earned { raw, opening: openings.get(&account).copied() }))
        };
        accounts.into_iter().map(with_points).collect()
    }

    /// What one account earned, given all states at each instant.
    fn accrue(
        &self,
        account: Account,
        states: &[BTreeMap<Account, Checkpoint>],
    ) -> Result<RawPoints, Fault> {
        let rates = &self.programme.programme.rates;
        accrue(rates, &self.weights, Timestamp::ZERO, self.open_from, |time| {
            let known = self.blocks.binary_search_by_key(&time, |known| known.0);
            known
                .map(|instant| states[instant].get(&account).copied())
                .map_err(|_| Fault::corrupt(format!("no state was read for {time}")))
        })
    }
}

async fn earners(
    db: &mut dyn Connection,
    programme: u64,
    first: Address,
    last: Address,
) -> Result<Vec<(Account, RawPoints)>, Fault> {
    query(
        "SELECT account, raw FROM user_points WHERE programme = ? AND account BETWEEN ? AND ? \
         ORDER BY account LIMIT ?",
    )
    .bind(programme)
    .bind(first)
    .bind(last)
    .limit(PAGE_ACCOUNTS)
    .all(db)
    .await
}

async fn forget_earners(
    db: &mut dyn Connection,
    programme: u64,
    accounts: &[Account],
) -> Result<(), Fault> {
    let delete = "DELETE FROM user_points WHERE programme = ? AND account IN";
    bulk::delete(db, delete, &values![programme], accounts).await.map(drop)
}
