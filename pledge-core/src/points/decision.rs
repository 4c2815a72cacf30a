//! What a person decides about accounts: a weight, a bonus set, a suspension, an exclusion.

use std::collections::BTreeMap;

use super::{DecisionKind, Scope};
use crate::types::{Account, EntryNumber, SetName, Timestamp, WeightBp};

/// A decision on its way to a store, which gives it a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Where it holds.
    pub scope: Scope,
    /// From when on; `None` for the earliest instant that changes nothing settled and is confirmed
    /// everywhere in the scope.
    pub from: Option<Timestamp>,
    /// What it states about whom.
    pub measure: Measure,
}

/// What a decision states about whom. Rows are counted from 1 in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Gives accounts weights, until an instant or for ever.
    Weights {
        /// The accounts and their weights.
        rows: Vec<(Account, WeightBp)>,
        /// The first instant at which the weights do not hold any more.
        until: Option<Timestamp>,
    },
    /// Replaces the set of this name: accounts that are not in it any more lose its bonus.
    BonusSet {
        /// The name of the set.
        set: SetName,
        /// The accounts and what is added to their weights.
        rows: Vec<(Account, WeightBp)>,
    },
    /// Suspends accounts in the scope.
    Suspend(Vec<Account>),
    /// Ends suspensions of exactly this scope.
    Reinstate(Vec<Account>),
    /// Excludes accounts from a token.
    Exclude(Vec<Account>),
    /// Lifts exclusions.
    Include(Vec<Account>),
}

/// What a store answers to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The number it was given; `None` where it changes nothing, so that nothing was written.
    pub number: Option<EntryNumber>,
    /// From when on it holds.
    pub from: Timestamp,
    /// The number of accounts for which it changes something.
    pub accounts: u64,
}

impl Decision {
    /// The most rows of one decision.
    pub const ROWS_MAX: usize = 100_000;

    /// What is decided, without the accounts.
    pub fn kind(&self) -> DecisionKind {
        match &self.measure {
            Measure::Weights { until, .. } => DecisionKind::Weights { until: *until },
            Measure::BonusSet { set, .. } => DecisionKind::BonusSet { set: set.clone() },
            Measure::Suspend(_) => DecisionKind::Suspend,
            Measure::Reinstate(_) => DecisionKind::Reinstate,
            Measure::Exclude(_) => DecisionKind::Exclude,
            Measure::Include(_) => DecisionKind::Include,
        }
    }

    /// The accounts in the order of their rows, each with the weight or bonus that its row states.
    pub fn rows(&self) -> Vec<(Account, WeightBp)> {
        match &self.measure {
            Measure::Weights { rows, .. } | Measure::BonusSet { rows, .. } => rows.clone(),
            Measure::Suspend(accounts)
            | Measure::Reinstate(accounts)
            | Measure::Exclude(accounts)
            | Measure::Include(accounts) => {
                accounts.iter().map(|account| (*account, WeightBp::ZERO)).collect()
            }
        }
    }

    /// Why the decision contradicts itself, whatever a store holds; `None` if it does not.
    pub fn refuse(&self) -> Option<String> {
        let (kind, rows) = (self.kind(), self.rows());
        if let Some(reason) = kind.refuse_scope(&self.scope) {
            return Some(reason);
        }
        // An empty set ends a bonus; any other decision about nobody is a mistake.
        if rows.is_empty() && kind.set().is_none() {
            return Some(format!("a decision of kind {} names no account: name one", kind.name()));
        }
        if rows.len() > Self::ROWS_MAX {
            let (count, max) = (rows.len(), Self::ROWS_MAX);
            return Some(format!("the decision has {count} rows: at most {max}, split it"));
        }
        let mut known = BTreeMap::new();
        for (row, (account, _)) in (1_u64..).zip(&rows) {
            if let Some(first) = known.insert(*account, row) {
                return Some(format!(
                    "row {row}: account {account} is in row {first} already: keep one of them"
                ));
            }
        }
        match (self.from, kind) {
            (Some(_), DecisionKind::Exclude | DecisionKind::Include) => {
                Some("from: an exclusion holds from the start: leave the effective time out".into())
            }
            (Some(from), kind) if kind.until().is_some_and(|until| until <= from) => Some(format!(
                "until: the weights would end at or before {from}, where they begin: give a later time"
            )),
            _ => None,
        }
    }
}
