//! Points in a rewind: reads what core decides from, and writes what it decides.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use pledge_core::ledger::Checkpoint;
use pledge_core::points::{
    Published, Reopened, RestateError, Restated, RestatedTotal, RewoundLedger, Rules,
};
use pledge_core::ports::{ProgrammeState, Statement};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, BlockNumber, Epoch, RawPoints, Timestamp};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::decision_log::entries;
use crate::earnings::{add_statements, save_totals, totals_of};
use crate::fault::Fault;
use crate::programmes::{of_token, save_shard, state_of};
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
    let confirmed = token.state.cursor.map(|cursor| cursor.time);
    let ledger = RewoundLedger { ended, started, confirmed };
    let mut reversed = 0;
    for programme in of_token(db, token).await? {
        let state = state_of(db, token, &programme).await?;
        for before in &state.shards {
            let Some(reopened) = ledger.reopen(&programme.programme, before) else {
                continue;
            };
            // Counted before rows are taken back, for that puts them out of force. Progress is saved
            // last: the rest is found by what it was.
            let blocks = BTreeMap::new();
            let (programme, state) = (&programme, &state);
            let mut shard = Shard { token, programme, state, reopened, blocks };
            shard.forget_windows(db).await?;
            reversed += shard.count_in_force(db).await?;
            shard.take_rows_back(db).await?;
            shard.take_totals_back(db).await?;
            save_shard(db, programme.key, before, shard.reopened.progress()).await?;
        }
    }
    Ok(reversed)
}

impl From<RestateError> for Fault {
    fn from(error: RestateError) -> Self {
        match error {
            RestateError::Overflow(overflow) => overflow.into(),
            contradiction => Self::corrupt(contradiction.to_string()),
        }
    }
}

/// A shard with windows that are open again.
struct Shard<'a> {
    token: &'a TokenRow,
    programme: &'a ProgrammeRow,
    state: &'a ProgrammeState,
    reopened: Reopened<'a>,
    /// The token's last block up to each instant that was asked for.
    blocks: BTreeMap<Timestamp, Option<BlockNumber>>,
}

impl Shard<'_> {
    fn bounds(&self) -> (Address, Address) {
        self.programme.programme.shards.bounds(self.reopened.progress().shard)
    }

    async fn forget_windows(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        query(
            "DELETE FROM settlement_window \
             WHERE programme = ? AND shard = ? AND window_start >= ?",
        )
        .bind(self.programme.key)
        .bind(self.reopened.progress().shard)
        .bind(self.reopened.from())
        .execute(db)
        .await?;
        Ok(())
    }

    async fn count_in_force(&self, db: &mut dyn Connection) -> Result<u64, Fault> {
        let (low, high) = self.bounds();
        let by_window = db.dialect().by_index("user_points_change_by_window");
        let count = query(format!(
            "SELECT COUNT(*) AS count FROM user_points_change AS earned {by_window} \
             WHERE programme = ? AND window_start >= ? AND account BETWEEN ? AND ? AND {IN_FORCE}",
        ))
        .bind(self.programme.key)
        .bind(self.reopened.from())
        .bind(low)
        .bind(high)
        .value(db, "count")
        .await?;
        Ok(count.unwrap_or_default())
    }

    /// Takes back for every account with a row in force of a window that is open again, also if it
    /// earned nothing there.
    async fn take_rows_back(&mut self, db: &mut dyn Connection) -> Result<(), Fault> {
        let (low, high) = self.bounds();
        let by_window = db.dialect().by_index("user_points_change_by_window");
        // The next page begins at a place, not at a count: what was taken back is out of force, so
        // a count would skip as many rows.
        let mut after = (self.reopened.from(), Address::ZERO);
        loop {
            let rows: Vec<Statement> = query(format!(
                "SELECT * FROM user_points_change AS earned {by_window} \
                 WHERE programme = ? AND window_start >= ? AND (window_start > ? OR account > ?) \
                 AND account BETWEEN ? AND ? AND {IN_FORCE} ORDER BY window_start, account LIMIT ?",
            ))
            .bind(self.programme.key)
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
            let totals = totals_of(db, self.programme.key, &accounts).await?;
            let published = |account| {
                let total = totals.get(&account).copied().unwrap_or_default();
                Published { account, total, has_rows: true }
            };
            self.restate(db, accounts.into_iter().map(published).collect()).await?;
        }
    }

    /// Takes back for every account that earned anything in windows that are open again.
    async fn take_totals_back(&mut self, db: &mut dyn Connection) -> Result<(), Fault> {
        let (low, high) = self.bounds();
        let mut next = Some(low);
        while let Some(first) = next {
            let page = earners(db, self.programme.key, first, high).await?;
            let full = page.last().filter(|_| page.len() == PAGE_ACCOUNTS);
            next = full.and_then(|(last, _)| last.successor());
            // Their rows are taken back by now.
            let published = |(account, total)| Published { account, total, has_rows: false };
            self.restate(db, page.into_iter().map(published).collect()).await?;
        }
        Ok(())
    }

    /// Writes what becomes of some accounts.
    async fn restate(
        &mut self,
        db: &mut dyn Connection,
        page: Vec<Published>,
    ) -> Result<(), Fault> {
        let accounts: Vec<_> = page.iter().map(|published| published.account).collect();
        let entries = entries(db, (self.token, self.programme), &accounts).await?;
        let rules = Rules::of(self.state, entries)?;
        let states = self.states(db, &accounts, &rules).await?;
        // All are decided before the first write: what one account becomes depends on no other.
        let (mut rows, mut replaced, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for published in page {
            let account = published.account;
            let rule = rules.rule(account);
            let Restated { row, total } = self.reopened.restate(published, rule, |time| {
                let block = self.blocks.get(&time).ok_or(RestateError::UnknownState(time))?;
                Ok(states.get(block).and_then(|states| states.get(&account)).copied())
            })?;
            rows.extend(row);
            match total {
                RestatedTotal::Kept => {}
                RestatedTotal::Replaced(raw) => replaced.push((account, raw)),
                RestatedTotal::Removed => removed.push(account),
            }
        }
        let programme = self.programme.key;
        add_statements(db, programme, &rows).await?;
        save_totals(db, programme, &replaced).await?;
        forget_earners(db, programme, &removed).await
    }

    /// The states of some accounts, of those that have one, at the block of each instant that their
    /// accruals ask for.
    async fn states(
        &mut self,
        db: &mut dyn Connection,
        accounts: &[Account],
        rules: &Rules,
    ) -> Result<BTreeMap<Option<BlockNumber>, BTreeMap<Account, Checkpoint>>, Fault> {
        let select = "SELECT * FROM user_balance WHERE token = ? AND account IN";
        let newest: Vec<(Account, Checkpoint)> =
            bulk::select(db, select, &values![self.token.key], accounts, "").await?;
        let mut states = BTreeMap::new();
        for time in self.reopened.times(accounts.iter().map(|account| &**rules.rule(*account))) {
            let block = match self.blocks.get(&time) {
                Some(block) => *block,
                None => last_block_at(db, self.token.key, time).await?,
            };
            self.blocks.insert(time, block);
            // Instants without a change between them share a block.
            if let Entry::Vacant(at_block) = states.entry(block) {
                at_block.insert(states_until(db, self.token.key, &newest, block).await?);
            }
        }
        Ok(states)
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
