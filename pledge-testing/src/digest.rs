//! All that a token's ledger and points must be, however they were computed.

use std::collections::BTreeMap;

use pledge_core::error::StoreError;
use pledge_core::ledger::{Change, Checkpoint, TokenTotals, UnreadableLog};
use pledge_core::ports::{
    ChangesQuery, LedgerReads, PointsReads, SettlementsQuery, Statement, StatementKind,
    StatementsQuery, WindowTotal,
};
use pledge_core::types::{Account, BlockId, Overflow, ProgrammeId, RawPoints, Timestamp, TokenId};

/// The state of one token that depends on the chain alone: not on the epoch, not on reversed rows,
/// not on when a job ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest {
    /// The ledger's cursor.
    pub cursor: Option<BlockId>,
    /// Time of the first block.
    pub start_time: Option<Timestamp>,
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
    /// Statements that were not reversed, by account and window start.
    pub statements: BTreeMap<(Account, Timestamp), RawPoints>,
    /// The sums of every settled window.
    pub windows: BTreeMap<Timestamp, WindowTotal>,
}

const PAGE: usize = 100;

/// Reads the digest of a token through the ports.
pub async fn digest(
    balances: &dyn LedgerReads,
    points: &dyn PointsReads,
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
    balances: &dyn LedgerReads,
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

/// Every statement row of an account, in the order of publication.
pub async fn statement_rows(
    points: &dyn PointsReads,
    programme: &ProgrammeId,
    account: Account,
) -> Result<Vec<Statement>, StoreError> {
    let mut rows: Vec<Statement> = Vec::new();
    loop {
        let after = rows.last().map(Statement::place);
        let programme = programme.clone();
        let query = StatementsQuery { programme, account, after, limit: PAGE };
        let page = points.statements(&query).await?.value.rows;
        let full = page.len() == PAGE;
        rows.extend(page);
        if !full {
            return Ok(rows);
        }
    }
}

/// The sum of statements, without the reversed ones.
pub fn sum_of(statements: &[Statement]) -> Result<RawPoints, Overflow> {
    statements.iter().try_fold(RawPoints::ZERO, |sum, row| match row.kind {
        StatementKind::Earned => sum.try_add(row.raw),
        StatementKind::Reversed => sum.try_sub(row.raw),
    })
}

async fn read_programme(
    points: &dyn PointsReads,
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
        let mut live = BTreeMap::new();
        for row in statement_rows(points, programme, *account).await? {
            let start = row.window.start;
            match row.kind {
                StatementKind::Earned => {
                    live.insert((*account, start), row.raw);
                }
                StatementKind::Reversed => {
                    live.split_off(&(*account, start));
                }
            }
        }
        digest.statements.extend(live);
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
