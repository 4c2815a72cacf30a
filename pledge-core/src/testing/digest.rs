//! All that a token's ledger and points must be, whichever way they came about.

use std::collections::BTreeMap;

use crate::error::StoreError;
use crate::ledger::{Change, Checkpoint, TokenTotals, UnreadableLog};
use crate::ports::{
    BalanceStore, ChangesQuery, PointsStore, SettlementsQuery, StatementKind, WindowTotal,
};
use crate::types::{Account, BlockId, ProgrammeId, RawPoints, Timestamp, TokenId};

/// The state of one token that depends on the chain alone: not on the epoch, not on what was taken
/// back, not on when a job ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest {
    /// Where the ledger stands.
    pub cursor: Option<BlockId>,
    /// Time of the first block.
    pub start_time: Option<Timestamp>,
    /// Sums.
    pub totals: TokenTotals,
    /// Every change, in the order of the chain.
    pub changes: Vec<Change>,
    /// Every log that cannot be read, in the order of the chain.
    pub unreadable: Vec<UnreadableLog>,
    /// Every account's newest state.
    pub balances: BTreeMap<Account, Checkpoint>,
    /// By programme name.
    pub programmes: BTreeMap<String, ProgrammeDigest>,
}

/// The settled part of one programme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgrammeDigest {
    /// End of the newest settled window.
    pub settled: Option<Timestamp>,
    /// What every account earned up to there.
    pub totals: BTreeMap<Account, RawPoints>,
    /// Statements that were not taken back, by account and window start.
    pub statements: BTreeMap<(Account, Timestamp), RawPoints>,
    /// The sums of every settled window.
    pub windows: BTreeMap<Timestamp, WindowTotal>,
}

const PAGE: usize = 100;

/// Reads the digest of a token through the ports.
pub async fn digest(
    balances: &dyn BalanceStore,
    points: &dyn PointsStore,
    token: TokenId,
) -> Result<Digest, StoreError> {
    let Some(state) = balances.token(token).await? else {
        return Ok(Digest::default());
    };
    let mut digest = Digest {
        cursor: state.cursor.map(|cursor| cursor.id()),
        start_time: state.start_time,
        totals: state.totals,
        ..Digest::default()
    };
    let mut after = None;
    loop {
        let page = balances.holders(token, after, PAGE).await?.value;
        after = page.last().map(|(account, state)| (state.balance, *account));
        let full = page.len() == PAGE;
        for (account, state) in page {
            digest.changes.extend(all_changes(balances, token, account).await?);
            digest.balances.insert(account, state);
        }
        if !full {
            break;
        }
    }
    digest.changes.sort_by_key(Change::place);
    digest.unreadable = balances.unreadable_logs(token, None, usize::MAX).await?.value;
    for programme in points.programmes(token).await? {
        let id = &programme.programme.id;
        let accounts: Vec<_> = digest.balances.keys().copied().collect();
        let mut part = read_programme(points, id, &accounts).await?;
        part.settled = programme.settled();
        digest.programmes.insert(id.name().to_owned(), part);
    }
    Ok(digest)
}

async fn all_changes(
    balances: &dyn BalanceStore,
    token: TokenId,
    account: Account,
) -> Result<Vec<Change>, StoreError> {
    let mut changes: Vec<Change> = Vec::new();
    loop {
        let before = changes.last().map(Change::place);
        let query = ChangesQuery { token, account, before, limit: PAGE };
        let page = balances.changes(&query).await?.value;
        let full = page.len() == PAGE;
        changes.extend(page);
        if !full {
            return Ok(changes);
        }
    }
}

async fn read_programme(
    points: &dyn PointsStore,
    programme: &ProgrammeId,
    accounts: &[Account],
) -> Result<ProgrammeDigest, StoreError> {
    let mut digest = ProgrammeDigest::default();
    let mut after = None;
    loop {
        let page = points.standings(programme, after, PAGE).await?.value;
        after = page.last().map(|standing| (standing.raw, standing.account));
        let full = page.len() == PAGE;
        digest.totals.extend(page.into_iter().map(|standing| (standing.account, standing.raw)));
        if !full {
            break;
        }
    }
    for account in accounts {
        let rows = points.statements(programme, *account).await?;
        let reversed: Vec<_> = rows
            .iter()
            .filter(|row| row.kind == StatementKind::Reversed)
            .map(|row| (row.window, row.epoch))
            .collect();
        let live = rows.iter().filter(|row| {
            row.kind == StatementKind::Earned && !reversed.contains(&(row.window, row.epoch))
        });
        digest.statements.extend(live.map(|row| ((*account, row.window.start), row.raw)));
    }
    let mut before = None;
    loop {
        let query = SettlementsQuery { programme: programme.clone(), before, limit: PAGE };
        let page = points.settlements(&query).await?;
        before = page.last().map(|settlement| settlement.window.start);
        let full = page.len() == PAGE;
        let settled = page.into_iter().filter(|settlement| settlement.settled);
        digest
            .windows
            .extend(settled.map(|settlement| (settlement.window.start, settlement.total)));
        if !full {
            return Ok(digest);
        }
    }
}
