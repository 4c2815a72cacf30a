//! What a rewind does to points: windows open again, statements taken back, totals restated.

use pledge_core::ledger::Checkpoint;
use pledge_core::points::{accrual_times, accrue};
use pledge_core::ports::ShardProgress;
use pledge_core::primitives::{Address, U160};
use pledge_core::types::{Account, BlockNumber, RawPoints, Timestamp, WeightBp, WeightSchedule};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::earnings::save_totals;
use crate::fault::Fault;
use crate::programmes::{of_token, save_shard, shards_of};
use crate::query::query;
use crate::reads::{last_block_at, states_until};
use crate::row::{EarnerRow, ProgrammeRow, TokenRow};

const PAGE_ACCOUNTS: usize = 1_024;

/// Takes back what was settled beyond the token's cursor, in all its programmes, and answers how
/// many statements that reversed. `token` is as the rewind leaves it, `started` its start time
/// before.
pub(crate) async fn reopen(
    db: &mut dyn Connection,
    token: &TokenRow,
    started: Option<Timestamp>,
) -> Result<u64, Fault> {
    let mut reversed = 0;
    for programme in of_token(db, token).await? {
        let window = programme.programme.window;
        let cut = token.state.cursor.map(|cursor| window.floor(cursor.time));
        let first_edge = started.map_or(Timestamp::ZERO, |started| window.floor(started));
        for shard in shards_of(db, &programme).await? {
            if let Some(progress) = shard.rewound(cut, first_edge) {
                let open_from = progress.settled.unwrap_or(first_edge);
                forget_windows(db, &programme, &progress, open_from).await?;
                reversed += reverse(db, &programme, &progress, open_from).await?;
                restate(db, token, &programme, &progress).await?;
                save_shard(db, programme.key, &shard, &progress).await?;
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
    query("DELETE FROM settlement_window WHERE programme = ? AND window_start >= ? AND shard = ?")
        .bind(programme.key)
        .bind(open_from)
        .bind(progress.shard)
        .execute(db)
        .await?;
    Ok(())
}

/// Adds a row for every statement that counted until now.
async fn reverse(
    db: &mut dyn Connection,
    programme: &ProgrammeRow,
    progress: &ShardProgress,
    open_from: Timestamp,
) -> Result<u64, Fault> {
    let (low, high) = programme.programme.shards.bounds(progress.shard);
    let by_window = db.dialect().by_index("user_points_change_by_window");
    let added = query(format!(
        "INSERT INTO user_points_change \
         (programme, account, window_start, epoch, reversed, window_end, raw) \
         SELECT programme, account, window_start, epoch, 1, window_end, raw \
         FROM user_points_change AS earned {by_window} \
         WHERE programme = ? AND window_start >= ? AND account BETWEEN ? AND ? AND reversed = 0 \
         AND NOT EXISTS (SELECT 1 FROM user_points_change AS taken \
          WHERE taken.programme = earned.programme AND taken.account = earned.account \
          AND taken.window_start = earned.window_start AND taken.epoch = earned.epoch \
          AND taken.reversed = 1)",
    ))
    .bind(programme.key)
    .bind(open_from)
    .bind(low)
    .bind(high)
    .execute(db)
    .await?;
    Ok(added.rows_affected)
}

/// Sets the shard's totals to what its accounts earned up to its settled time.
async fn restate(
    db: &mut dyn Connection,
    token: &TokenRow,
    programme: &ProgrammeRow,
    progress: &ShardProgress,
) -> Result<(), Fault> {
    let (low, high) = programme.programme.shards.bounds(progress.shard);
    let Some(settled) = progress.settled else {
        return forget_totals(db, programme.key, low, high).await;
    };
    let ledger = Instants::up_to(db, token.key, programme, settled).await?;
    let mut next = Some(low);
    while let Some(first) = next {
        let page = earners(db, token.key, programme.key, first, high).await?;
        let full = page.last().filter(|_| page.len() == PAGE_ACCOUNTS);
        next = full.and_then(|last| address_after(last.account));
        let (mut restated, mut forgotten) = (Vec::new(), Vec::new());
        for (earner, raw) in ledger.earned(db, page).await? {
            if raw == RawPoints::ZERO {
                forgotten.push(earner.account);
            } else if raw != earner.raw {
                restated.push((earner.account, raw));
            }
        }
        save_totals(db, programme.key, &restated).await?;
        forget_earners(db, programme.key, &forgotten).await?;
    }
    Ok(())
}

/// The instants that an accrual asks for, each with the token's last block up to it.
struct Instants<'a> {
    token: u64,
    programme: &'a ProgrammeRow,
    weights: WeightSchedule,
    settled: Timestamp,
    blocks: Vec<(Timestamp, Option<BlockNumber>)>,
}

impl<'a> Instants<'a> {
    async fn up_to(
        db: &mut dyn Connection,
        token: u64,
        programme: &'a ProgrammeRow,
        settled: Timestamp,
    ) -> Result<Self, Fault> {
        let weights = WeightSchedule::constant(WeightBp::ONE);
        let rates = &programme.programme.rates;
        let mut blocks = Vec::new();
        for time in accrual_times(rates, &weights, Timestamp::ZERO, settled) {
            blocks.push((time, last_block_at(db, token, time).await?));
        }
        Ok(Self { token, programme, weights, settled, blocks })
    }

    /// What accounts earned from the beginning up to `settled`, by the ledger as it is now.
    async fn earned(
        &self,
        db: &mut dyn Connection,
        earners: Vec<EarnerRow>,
    ) -> Result<Vec<(EarnerRow, RawPoints)>, Fault> {
        let newest = earners.iter().filter_map(|earner| Some((earner.account, earner.newest?)));
        let newest: Vec<_> = newest.collect();
        let mut states = Vec::with_capacity(self.blocks.len());
        for (_, block) in &self.blocks {
            states.push(states_until(db, self.token, &newest, *block).await?);
        }
        let with_points = |earner: EarnerRow| {
            let raw = self.accrue(|instant| states[instant].get(&earner.account).copied())?;
            Ok((earner, raw))
        };
        earners.into_iter().map(with_points).collect()
    }

    /// What one account earned, given its state at each instant.
    fn accrue(&self, state: impl Fn(usize) -> Option<Checkpoint>) -> Result<RawPoints, Fault> {
        let rates = &self.programme.programme.rates;
        accrue(rates, &self.weights, Timestamp::ZERO, self.settled, |time| {
            let known = self.blocks.binary_search_by_key(&time, |known| known.0);
            known.map(&state).map_err(|_| Fault::corrupt(format!("no state was read for {time}")))
        })
    }
}

async fn earners(
    db: &mut dyn Connection,
    token: u64,
    programme: u64,
    first: Address,
    last: Address,
) -> Result<Vec<EarnerRow>, Fault> {
    query(
        "SELECT user_points.account AS account, raw, balance, balance_seconds, time, block \
         FROM user_points LEFT JOIN user_balance \
         ON user_balance.token = ? AND user_balance.account = user_points.account \
         WHERE programme = ? AND user_points.account BETWEEN ? AND ? \
         ORDER BY user_points.account LIMIT ?",
    )
    .bind(token)
    .bind(programme)
    .bind(first)
    .bind(last)
    .limit(PAGE_ACCOUNTS)
    .all(db)
    .await
}

async fn forget_totals(
    db: &mut dyn Connection,
    programme: u64,
    first: Address,
    last: Address,
) -> Result<(), Fault> {
    query("DELETE FROM user_points WHERE programme = ? AND account BETWEEN ? AND ?")
        .bind(programme)
        .bind(first)
        .bind(last)
        .execute(db)
        .await?;
    Ok(())
}

async fn forget_earners(
    db: &mut dyn Connection,
    programme: u64,
    accounts: &[Account],
) -> Result<(), Fault> {
    let delete = "DELETE FROM user_points WHERE programme = ? AND account IN";
    bulk::delete(db, delete, &values![programme], accounts).await
}

fn address_after(account: Account) -> Option<Address> {
    let number: U160 = account.address().into();
    number.checked_add(U160::from(1)).map(Address::from)
}
