//! What an account earned, interval by interval or statement by statement.

use super::{ATTEMPTS_MAX, Queries, QueryError, instant, look_up};
use crate::moving::while_ledger_moves;
use crate::points::{Accrual, list_statements};
use crate::ports::{Seen, Statement, StatementPlace, StatementsQuery};
use crate::types::{Account, Overflow, ProgrammeId, RawPoints, Timestamp, TokenId};

/// What an account earned in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointsBucket {
    /// First instant of the interval.
    pub from: Timestamp,
    /// First instant after the interval.
    pub to: Timestamp,
    /// What the account earned in the interval.
    pub raw: RawPoints,
}

impl Queries {
    /// An account's statements after a position, at most `limit`, in the order of publication: each
    /// window in which it earned something or its balance changed, and the reversals of rewinds.
    /// They sum to its settled points.
    pub async fn statements(
        &self,
        programme: &ProgrammeId,
        account: Account,
        after: Option<StatementPlace>,
        limit: usize,
    ) -> Result<Vec<Statement>, QueryError> {
        self.programme(programme).await?;
        let id = programme.clone();
        let query = StatementsQuery { programme: id, account, after, limit };
        let read = self.points.statements(&query).await?.value;
        // The rule may be read later: that of settled time never changes.
        let state = self.programme(programme).await?;
        let rules = self.rules(&state, &[account]).await?;
        let rule = (account, &**rules.rule(account));
        Ok(list_statements(&state.programme, rule, after, &read, limit)?)
    }

    /// What an account earned between neighbouring edges, which must ascend. Exact for any edges.
    pub async fn points_between(
        &self,
        programme: &ProgrammeId,
        account: Account,
        edges: &[Timestamp],
    ) -> Result<Vec<PointsBucket>, QueryError> {
        if let Some(pair) = edges.windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(QueryError::Descending { earlier: pair[1], later: pair[0] });
        }
        let state = self.programme(programme).await?;
        let rules = self.rules(&state, &[account]).await?;
        let accrual = state.programme.accrual(rules.rule(account));
        let attempt = || self.try_between(programme.token, accrual, account, edges);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_between(
        &self,
        token: TokenId,
        accrual: Accrual<'_>,
        account: Account,
        edges: &[Timestamp],
    ) -> Result<Vec<PointsBucket>, QueryError> {
        let state = self.token(token).await?;
        for edge in edges {
            instant(&state, Some(*edge))?;
        }
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
            return Ok(Vec::new());
        };
        let mut times: Vec<_> = accrual.times(*first, *last).collect();
        times.extend_from_slice(edges);
        times.sort_unstable();
        times.dedup();
        let Seen { epoch, value, .. } = self.ledger.history(token, account, &times).await?;
        // The epoch is enough here: a change at the confirmed time itself has no width and earns
        // nothing yet.
        if epoch != state.epoch {
            return Err(QueryError::moved());
        }
        let mut buckets = Vec::with_capacity(edges.len().saturating_sub(1));
        for pair in edges.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let state_at = |time| Ok::<_, Overflow>(look_up(&times, &value, time));
            let raw = accrual.accrue(from, to, state_at)?;
            buckets.push(PointsBucket { from, to, raw });
        }
        Ok(buckets)
    }
}
