//! What a decision does, given what a store holds: from when on, for which accounts, or why it is
//! refused. Decided here once, written by every store.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccountEntry, AccountRule, Decision, DecisionKind, DecisionRecord, Ruling};
use crate::error::StoreErrorKind;
use crate::ports::{ProgrammeState, ShardProgress};
use crate::types::{Account, EntryNumber, Timestamp, WeightBp};

/// What a store holds about a decision that it was given.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// Every programme that the decision reaches.
    pub programmes: Vec<ProgrammeState>,
    /// The newest confirmed time of the tokens in its scope.
    pub confirmed: Option<Timestamp>,
    /// The accounts that ever were in the bonus set that it replaces.
    pub members: BTreeSet<Account>,
    /// The entries that hold in its scope or a wider one, of the accounts of its rows and of the members.
    pub entries: BTreeMap<Account, Vec<AccountEntry>>,
}

/// What is written for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enacted {
    /// From when on it holds.
    pub from: Timestamp,
    /// What it states about the accounts for which it changes something, ascending.
    pub rows: Vec<(Account, WeightBp)>,
}

/// Why a decision cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The decision itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// What the store holds does not allow it.
    #[error("{0}")]
    Conflict(String),
}

impl Refused {
    /// The kind of the store's error.
    pub const fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Invalid(_) => StoreErrorKind::Invalid,
            Self::Conflict(_) => StoreErrorKind::Conflict,
        }
    }
}

impl ProgrammeState {
    /// The end of what is, or before a rewind was, settled or being settled in any shard: a decision about
    /// time before it would change what was published.
    pub fn published(&self) -> Option<Timestamp> {
        self.shards.iter().filter_map(ShardProgress::published).max()
    }
}

impl Ground {
    /// What the decision does. Every row is judged before anything is written.
    pub fn enact(&self, decision: &Decision) -> Result<Enacted, Refused> {
        if let Some(reason) = decision.refuse() {
            return Err(Refused::Invalid(reason));
        }
        let kind = decision.kind();
        let from = self.effective(&kind, decision.from)?;
        if kind.until().is_some_and(|until| until <= from) {
            return Err(Refused::Invalid(format!(
                "until: the weights would begin at {from}, and end before: give a later time"
            )));
        }
        let mut rows = Vec::new();
        for (row, (account, value)) in (1_u64..).zip(decision.rows()) {
            let judged = self.judge(decision, &kind, from, (account, value));
            let judged = judged.map_err(|refused| refused.in_row(row, account))?;
            rows.extend(judged.then_some((account, value)));
        }
        rows.extend(self.leaving(decision, &kind, from)?);
        rows.sort_unstable_by_key(|(account, _)| *account);
        Ok(Enacted { from, rows })
    }

    /// When a decision holds from: the instant that it names, or the earliest that is both unsettled and
    /// confirmed in each programme.
    fn effective(
        &self,
        kind: &DecisionKind,
        named: Option<Timestamp>,
    ) -> Result<Timestamp, Refused> {
        let published = self.programmes.iter().filter_map(ProgrammeState::published).max();
        let is_from_start = matches!(kind, DecisionKind::Exclude | DecisionKind::Include);
        match (published, named) {
            (None, _) if is_from_start => Ok(Timestamp::ZERO),
            (Some(settled), _) if is_from_start => Err(Refused::Conflict(format!(
                "an exclusion holds from the start, and time up to {settled} is settled: suspend the \
                 account from there on instead"
            ))),
            (Some(settled), Some(named)) if named < settled => Err(Refused::Conflict(format!(
                "from: {named} is settled already: give a time from {settled} on, or none"
            ))),
            (_, Some(named)) => Ok(named),
            (published, None) => Ok(published.max(self.confirmed).unwrap_or_default()),
        }
    }

    /// Whether a row changes anything from its instant on, or why it cannot stand.
    fn judge(
        &self,
        decision: &Decision,
        kind: &DecisionKind,
        from: Timestamp,
        (account, value): (Account, WeightBp),
    ) -> Result<bool, Refused> {
        let known = self.entries.get(&account).map_or(&[][..], Vec::as_slice);
        let reach = decision.scope.reach();
        let Some(ruling) = kind.ruling(reach, value) else {
            return Err(Refused::Invalid("rates are changed with their programme".to_owned()));
        };
        if *kind == DecisionKind::Reinstate {
            refuse_reinstating(known, &ruling)?;
        }
        // Above every number that was given.
        let number = EntryNumber::new(u64::MAX);
        let entry = AccountEntry { account, number, from, ruling };
        if !changes(known, &entry) {
            return Ok(false);
        }
        if known.len() >= AccountRule::ENTRIES_MAX {
            let max = AccountRule::ENTRIES_MAX;
            return Err(Refused::Conflict(format!(
                "it has {max} entries already, and may not have more"
            )));
        }
        let all: Vec<_> = known.iter().cloned().chain([entry]).collect();
        AccountRule::of(&all, &[]).map_err(|error| Refused::Invalid(error.to_string()))?;
        Ok(true)
    }

    /// The accounts that a replaced set had and that are not in the new one.
    fn leaving(
        &self,
        decision: &Decision,
        kind: &DecisionKind,
        from: Timestamp,
    ) -> Result<Vec<(Account, WeightBp)>, Refused> {
        let staying: BTreeSet<_> =
            decision.rows().into_iter().map(|(account, _)| account).collect();
        let mut rows = Vec::new();
        for account in self.members.difference(&staying) {
            let row = (*account, WeightBp::ZERO);
            if self.judge(decision, kind, from, row)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// Whether an entry with the highest number changes what its subject is, at any instant.
fn changes(known: &[AccountEntry], entry: &AccountEntry) -> bool {
    let about: Vec<_> =
        known.iter().filter(|known| known.ruling.is_about_the_same(&entry.ruling)).collect();
    let ends = about.iter().filter_map(|known| known.until());
    let mut edges: Vec<_> = about.iter().map(|known| known.from).chain(ends).collect();
    edges.push(entry.from);
    edges.into_iter().filter(|edge| entry.holds_at(*edge)).any(|edge| {
        let holding = about.iter().filter(|known| known.holds_at(edge));
        match holding.max_by_key(|known| known.number) {
            Some(held) => !says_the_same(&held.ruling, &entry.ruling),
            None => entry.ruling.differs_from_none(),
        }
    })
}

/// Whether two entries about one subject say the same while both hold.
fn says_the_same(one: &Ruling, other: &Ruling) -> bool {
    match (one, other) {
        (
            Ruling::Suspension { suspended: one, .. },
            Ruling::Suspension { suspended: other, .. },
        )
        | (Ruling::Exclusion { excluded: one }, Ruling::Exclusion { excluded: other }) => {
            one == other
        }
        _ => one.value() == other.value(),
    }
}

/// A reinstatement needs a suspension of exactly its scope, and none of a wider one.
fn refuse_reinstating(known: &[AccountEntry], ruling: &Ruling) -> Result<(), Refused> {
    let Ruling::Suspension { reach: own, .. } = ruling else {
        return Ok(());
    };
    let mut newest = BTreeMap::new();
    for entry in known {
        if let Ruling::Suspension { reach, suspended } = entry.ruling {
            let known = newest.entry(reach).or_insert((entry.number, suspended));
            *known = (*known).max((entry.number, suspended));
        }
    }
    let is_open = |(reach, (_, suspended)): (_, &(EntryNumber, bool))| suspended.then_some(reach);
    if let Some(wider) = newest.iter().filter_map(is_open).find(|reach| *reach > own) {
        return Err(Refused::Conflict(format!(
            "it is suspended in a wider scope, {}: end that suspension first",
            wider.name()
        )));
    }
    if newest.get(own).is_some_and(|(_, suspended)| *suspended) {
        return Ok(());
    }
    Err(Refused::Conflict(format!("it has no suspension of scope {} to end", own.name())))
}

impl Refused {
    fn in_row(self, row: u64, account: Account) -> Self {
        let named = |reason| format!("row {row}: account {account}: {reason}");
        match self {
            Self::Invalid(reason) => Self::Invalid(named(reason)),
            Self::Conflict(reason) => Self::Conflict(named(reason)),
        }
    }
}

impl DecisionRecord {
    /// Why a batch that read a programme before this decision cannot be written; `None` if the decision
    /// changes no time before the batch's end.
    pub fn refuse_batch(&self, read: EntryNumber, end: Timestamp) -> Option<String> {
        let changes = self.number > read && self.from < end;
        changes.then(|| {
            format!(
                "decision {} changes time from {} on, and the batch read {read}",
                self.number, self.from
            )
        })
    }
}
