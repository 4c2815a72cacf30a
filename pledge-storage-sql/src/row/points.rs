//! Rows of programmes, progress and points.

use pledge_core::audit::AuditNumber;
use pledge_core::points::{
    BatchSpan, DecisionKind, DecisionRecord, Holding, HoldingParts, Programme, Reach, Scope,
    WindowRow,
};
use pledge_core::ports::{BatchFailure, ShardProgress, ShardRun, Statement, WindowTotal};
use pledge_core::primitives::Address;
use pledge_core::types::{
    Account, EntryNumber, Epoch, ProgrammeId, RawPoints, ShardId, Timestamp, TokenId, WeightBp,
    Window,
};

use super::FromRow;
use crate::connection::Row;
use crate::fault::Fault;
use crate::scope::ScopeKey;

/// A programme and the small number that is its key in the large tables.
#[derive(Debug)]
pub(crate) struct ProgrammeRow {
    pub(crate) key: u64,
    pub(crate) programme: Programme,
    /// The highest number of a decision that reaches it.
    pub(crate) version: EntryNumber,
}

impl ProgrammeRow {
    /// The programme in a row, whose token is known from the query.
    pub(crate) fn of_token(token: TokenId, row: &dyn Row) -> Result<Self, Fault> {
        let id = ProgrammeId::new(token, &row.get::<String>("name")?);
        let programme = Programme {
            id: id.map_err(|error| Fault::malformed("name", error))?,
            rates: row.get("rates")?,
            window: row.get("window_seconds")?,
            shards: row.get("shards")?,
        };
        Ok(Self { key: row.get("id")?, programme, version: row.get("version")? })
    }
}

impl FromRow for ShardProgress {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let run = match row.find("run_from")? {
            None => None,
            Some(from) => Some(ShardRun {
                from,
                to: row.get("run_to")?,
                through: row.find("run_through")?,
                scanned: row.get("run_scanned")?,
                failures: Vec::new(),
            }),
        };
        let (settled, published) = (row.find("settled")?, row.find("published")?);
        Ok(Self { shard: row.get("shard")?, settled, run, published })
    }
}

/// A failed batch, without what it shares with the run that it belongs to.
#[derive(Debug)]
pub(crate) struct FailureRow {
    pub(crate) shard: ShardId,
    epoch: Epoch,
    span: BatchSpan,
    attempts: u32,
    reason: String,
}

impl FailureRow {
    /// The zero address, which is no account, means a span from the start of its shard.
    pub(crate) fn span_after(span: BatchSpan) -> Address {
        span.after.map(Account::address).unwrap_or_default()
    }

    /// The failure as part of its run.
    pub(crate) fn of_run(self, programme: &ProgrammeId, run: &ShardRun) -> BatchFailure {
        BatchFailure {
            programme: programme.clone(),
            epoch: self.epoch,
            shard: self.shard,
            from: run.from,
            to: run.to,
            span: self.span,
            attempts: self.attempts,
            reason: self.reason,
        }
    }
}

impl FromRow for FailureRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            shard: row.get("shard")?,
            epoch: row.get("epoch")?,
            span: BatchSpan {
                after: Account::new(row.get("span_after")?),
                through: row.find("span_through")?,
            },
            attempts: row.get("attempts")?,
            reason: row.get("reason")?,
        })
    }
}

impl FromRow for (ShardId, WindowRow) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let total = WindowTotal {
            start: row.get("window_start")?,
            accounts: row.get("accounts")?,
            raw: row.get("raw")?,
            blocks: row.find("first_block")?.zip(row.find("last_block")?),
        };
        let parts = HoldingParts {
            holders: row.get("holders")?,
            balance: row.get("balance")?,
            weighted: row.find("weighted")?,
        };
        let closing = Holding::try_from(parts);
        let closing = closing.map_err(|error| Fault::malformed("weighted", error))?;
        let reweighted = row.get("reweighted")?;
        Ok((row.get("shard")?, WindowRow { total, reweighted, closing }))
    }
}

impl FromRow for (Account, RawPoints) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok((row.get("account")?, row.get("raw")?))
    }
}

impl FromRow for Statement {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            account: row.get("account")?,
            window: Window { start: row.get("window_start")?, end: row.get("window_end")? },
            epoch: row.get("epoch")?,
            raw: row.get("raw")?,
            kind: row.get("reversed")?,
            balance: row.get("balance")?,
            entry: row.get("entry")?,
        })
    }
}

/// A decision, without the id of what it reaches.
#[derive(Debug)]
pub(crate) struct DecisionRow {
    pub(crate) number: EntryNumber,
    pub(crate) scope: ScopeKey,
    pub(crate) from: Timestamp,
    kind: DecisionKind,
    accounts: u64,
    audit: AuditNumber,
}

impl DecisionRow {
    /// The decision in its scope, which is known from the query.
    pub(crate) fn in_scope(self, scope: Scope) -> DecisionRecord {
        let Self { number, from, kind, accounts, audit, .. } = self;
        DecisionRecord { number, scope, from, kind, accounts, audit }
    }
}

impl FromRow for DecisionRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let reach = match &*row.get::<String>("scope")? {
            "programme" => Reach::Programme,
            "token" => Reach::Token,
            "chain" => Reach::Chain,
            "all" => Reach::All,
            _ => return Err(Fault::malformed("scope", "not a scope")),
        };
        Ok(Self {
            number: row.get("number")?,
            scope: ScopeKey::new(reach, row.get("scope_key")?),
            from: row.get("effective_from")?,
            kind: kind_of(row)?,
            accounts: row.get("accounts")?,
            audit: row.get("audit_number")?,
        })
    }
}

fn kind_of(row: &dyn Row) -> Result<DecisionKind, Fault> {
    Ok(match &*row.get::<String>("kind")? {
        "rates" => DecisionKind::Rates,
        "weights" => DecisionKind::Weights { until: row.find("effective_until")? },
        "bonus_set" => DecisionKind::BonusSet { set: row.get("set_name")? },
        "suspend" => DecisionKind::Suspend,
        "reinstate" => DecisionKind::Reinstate,
        "exclude" => DecisionKind::Exclude,
        "include" => DecisionKind::Include,
        _ => return Err(Fault::malformed("kind", "not a kind of decision")),
    })
}

/// What a decision states about an account, with the decision.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) decision: DecisionRow,
    pub(crate) account: Account,
    pub(crate) basis_points: WeightBp,
}

impl FromRow for EntryRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let decision = DecisionRow::from_row(row)?;
        let (account, basis_points) = (row.get("account")?, row.get("basis_points")?);
        Ok(Self { decision, account, basis_points })
    }
}

impl FromRow for (Account, WeightBp) {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok((row.get("account")?, row.get("basis_points")?))
    }
}
