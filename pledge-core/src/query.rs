//! Exact answers: balances and points at any instant, and every join for a reader, from the reading
//! halves of the stores' ports. One file a read model; each returns a view.
//!
//! An answer made of several reads shows one state. Facts before the confirmed time change only
//! when the ledger is rewound, which bumps the epoch, so reads with equal epochs fit together. At
//! the confirmed time itself the next block may add facts, so there the cursors must be equal too.
//! An answer whose reads do not fit together starts again ([`while_ledger_moves`]).

mod account;
mod chains;
mod changes;
mod earnings;
mod error;
mod intervals;
mod leaderboard;
mod logs;
mod page;
mod portfolio;
mod programme;
mod settlements;
mod statements;
mod token_reading;
mod tokens;

use std::sync::Arc;

pub use account::{AccountView, NamedAccount, PointsView};
pub use chains::{ChainPlace, ChainProgress, ChainView, FollowedToken, furthest_behind};
pub use changes::ChangePlace;
pub use earnings::PointsBucket;
pub use error::QueryError;
pub use intervals::{Bounds, Intervals, IntervalsAsked, PointsHistory};
pub use leaderboard::{
    BalancePlace, Leaderboard, LeaderboardQuery, PointsPlace, RankedAccount, SettledPoints,
};
pub use logs::ContractLogs;
pub use page::{Page, PageQuery};
pub use portfolio::{Holding, PointsTotal, Portfolio};
pub use programme::ProgrammeChoice;
pub use settlements::{SettlementFilter, SettlementId, SettlementStatus, SettlementView};
pub use statements::StatementList;
pub use token_reading::{AccountEarnings, AccountsPage, ProgrammeTotals, TokenReading};
pub use tokens::{TokenPlace, TokenView};

pub use crate::moving::{Attempt, while_ledger_moves};

use crate::ledger::{Checkpoint, TokenState};
use crate::points::Rules;
use crate::ports::{ChainState, LedgerReads, LogReads, PendingCache, PointsReads, ProgrammeState};
use crate::types::{Account, ChainId, ProgrammeId, Timestamp, TokenId};

/// Attempts at an answer: one that sees the ledger move starts again.
const ATTEMPTS_MAX: usize = 16;

/// What readers read: the reading halves of the ports of one store, and its pending blocks.
#[derive(Debug, Clone)]
pub struct Queries {
    ledger: Arc<dyn LedgerReads>,
    points: Arc<dyn PointsReads>,
    logs: Arc<dyn LogReads>,
    pending: Arc<dyn PendingCache>,
}

impl Queries {
    /// Queries over the ports of one store.
    pub fn new(
        ledger: Arc<dyn LedgerReads>,
        points: Arc<dyn PointsReads>,
        logs: Arc<dyn LogReads>,
        pending: Arc<dyn PendingCache>,
    ) -> Self {
        Self { ledger, points, logs, pending }
    }

    /// The ledger's port, for answers that need one read.
    pub fn ledger(&self) -> &Arc<dyn LedgerReads> {
        &self.ledger
    }

    /// The points' port, for answers that need one read.
    pub fn points(&self) -> &Arc<dyn PointsReads> {
        &self.points
    }

    /// The state of a chain.
    pub async fn chain(&self, chain: ChainId) -> Result<ChainState, QueryError> {
        self.ledger.chain(chain).await?.ok_or(QueryError::UnknownChain(chain))
    }

    /// The state of a token.
    pub async fn token(&self, token: TokenId) -> Result<TokenState, QueryError> {
        self.ledger.token(token).await?.ok_or(QueryError::UnknownToken(token))
    }

    /// A programme, and how far it is settled.
    pub async fn programme(&self, id: &ProgrammeId) -> Result<ProgrammeState, QueryError> {
        self.token(id.token).await?;
        let programmes = self.points.programmes(id.token).await?;
        let found = programmes.into_iter().find(|state| state.programme.id == *id);
        found.ok_or_else(|| QueryError::UnknownProgramme(id.clone()))
    }

    /// How accounts earn in a programme: by every decision so far, for those about settled time are
    /// refused.
    pub async fn rules(
        &self,
        state: &ProgrammeState,
        accounts: &[Account],
    ) -> Result<Rules, QueryError> {
        let entries = if state.version.is_start() {
            Vec::new()
        } else {
            self.points.entries(&state.programme.id, accounts).await?
        };
        Ok(Rules::of(state, entries)?)
    }
}

/// The requested instant, within the token's ledger; the confirmed time if none is requested.
fn instant(state: &TokenState, at: Option<Timestamp>) -> Result<Timestamp, QueryError> {
    let (Some(cursor), Some(start)) = (state.cursor, state.start_time) else {
        return Err(QueryError::NotStarted(state.spec.id));
    };
    match at {
        None => Ok(cursor.time),
        Some(asked) if asked > cursor.time => {
            Err(QueryError::TooLate { asked, bound: cursor.time })
        }
        Some(asked) if asked < start => Err(QueryError::TooEarly { asked, bound: start }),
        Some(asked) => Ok(asked),
    }
}

/// The state read for one of the requested instants; `times` ascend.
fn look_up(
    times: &[Timestamp],
    states: &[Option<Checkpoint>],
    time: Timestamp,
) -> Option<Checkpoint> {
    let at = times.binary_search(&time).expect("accrual asks only for its accrual times");
    states.get(at).copied().flatten()
}
