//! How accounts earn in a programme: the entries of each, as a weight over time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AccountEntry, Programme, Ruling};
use crate::error::StoreError;
use crate::ports::ProgrammeState;
use crate::types::{Account, EntryNumber, OutOfRange, Step, Timestamp, WeightBp, WeightSchedule};

/// One account's weight over time, and the decisions that its statements name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRule {
    pub(super) weights: WeightSchedule,
    /// From each instant on, the highest number of a decision that holds from there or earlier.
    entries: Vec<Step<EntryNumber>>,
}

/// The rules of some accounts of a programme. All others have the base weight.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    plain: Arc<AccountRule>,
    own: BTreeMap<Account, Arc<AccountRule>>,
}

impl Default for AccountRule {
    fn default() -> Self {
        Self::of_weights(WeightSchedule::constant(Programme::BASE_WEIGHT))
    }
}

impl AccountRule {
    /// The entries that one account may have of those that reach a programme: each is read and weighed
    /// whenever the account is settled.
    pub const ENTRIES_MAX: usize = 1_000;

    /// A weight over time that no decision made.
    pub const fn of_weights(weights: WeightSchedule) -> Self {
        Self { weights, entries: Vec::new() }
    }

    /// The rule by an account's entries that reach the programme, and the programme's own versions. An
    /// error where weight and bonuses add up to 2^24 basis points or more, also while it is suspended.
    pub fn of(
        entries: &[AccountEntry],
        versions: &[Step<EntryNumber>],
    ) -> Result<Self, OutOfRange> {
        let ends = entries.iter().filter_map(AccountEntry::until);
        let mut edges: BTreeSet<_> = entries.iter().map(|entry| entry.from).chain(ends).collect();
        edges.remove(&Timestamp::ZERO);
        let initial = weight_at(entries, Timestamp::ZERO)?;
        let (mut weight, mut steps) = (initial, Vec::new());
        // Only true changes are steps, for each of them makes a row.
        for from in edges {
            let value = weight_at(entries, from)?;
            if value != weight {
                steps.push(Step { from, value });
                weight = value;
            }
        }
        let of_account = entries.iter().map(|entry| Step { from: entry.from, value: entry.number });
        let marks = versions.iter().copied().chain(of_account).collect();
        Ok(Self { weights: WeightSchedule::new(initial, steps)?, entries: highest(marks) })
    }

    /// The highest number of a decision that holds from before an instant on.
    pub fn entry_before(&self, time: Timestamp) -> EntryNumber {
        let passed = self.entries.partition_point(|step| step.from < time);
        self.entries[..passed].last().map_or(EntryNumber::START, |step| step.value)
    }
}

/// The steps at which the highest number so far rises.
fn highest(mut marks: Vec<Step<EntryNumber>>) -> Vec<Step<EntryNumber>> {
    marks.sort_unstable_by_key(|mark| (mark.from, mark.value));
    let mut steps: Vec<Step<EntryNumber>> = Vec::with_capacity(marks.len());
    for mark in marks {
        match steps.last_mut() {
            Some(last) if last.value >= mark.value => {}
            Some(last) if last.from == mark.from => last.value = mark.value,
            _ => steps.push(mark),
        }
    }
    steps
}

/// An account's weight at an instant: nothing under any suspension or exclusion, else its weight plus
/// the bonuses of its sets.
fn weight_at(entries: &[AccountEntry], time: Timestamp) -> Result<WeightBp, OutOfRange> {
    // Of each subject the newest entry that holds.
    let mut held: Vec<&AccountEntry> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.holds_at(time)) {
        match held.iter_mut().find(|held| held.ruling.is_about_the_same(&entry.ruling)) {
            Some(known) if known.number < entry.number => *known = entry,
            Some(_) => {}
            None => held.push(entry),
        }
    }
    let (mut weight, mut bonuses, mut earns) = (Programme::BASE_WEIGHT, 0_u64, true);
    for entry in held {
        match &entry.ruling {
            Ruling::Weight { weight: own, .. } => weight = *own,
            Ruling::Bonus { bonus, .. } => bonuses += u64::from(bonus.get()),
            Ruling::Suspension { suspended: stops, .. } | Ruling::Exclusion { excluded: stops } => {
                earns &= !stops;
            }
        }
    }
    let sum = u64::from(weight.get()) + bonuses;
    let weight = u32::try_from(sum).ok().and_then(|sum| WeightBp::new(sum).ok());
    let weight = weight.ok_or_else(|| {
        OutOfRange::new(
            "weight with bonuses",
            sum,
            "basis points below 2^24: lower the weight or a bonus",
        )
    })?;
    Ok(if earns { weight } else { WeightBp::ZERO })
}

impl Rules {
    /// The rules of accounts by those of their entries that reach the programme, in any order.
    /// `Corrupt` where entries add up to no weight: none was accepted that would.
    pub fn of(
        state: &ProgrammeState,
        entries: impl IntoIterator<Item = AccountEntry>,
    ) -> Result<Self, StoreError> {
        Self::try_of(&state.versions, entries).map_err(|error| {
            let id = &state.programme.id;
            StoreError::corrupt("weigh entries", format!("programme {id}: {error}"))
                .caused_by(error)
        })
    }

    fn try_of(
        versions: &[Step<EntryNumber>],
        entries: impl IntoIterator<Item = AccountEntry>,
    ) -> Result<Self, OutOfRange> {
        let mut by_account: BTreeMap<Account, Vec<AccountEntry>> = BTreeMap::new();
        for entry in entries {
            by_account.entry(entry.account).or_default().push(entry);
        }
        let own = by_account.into_iter().map(|(account, entries)| {
            Ok((account, Arc::new(AccountRule::of(&entries, versions)?)))
        });
        let own = own.collect::<Result<_, OutOfRange>>()?;
        Ok(Self { plain: Arc::new(AccountRule::of(&[], versions)?), own })
    }

    /// How an account earns.
    pub fn rule(&self, account: Account) -> &Arc<AccountRule> {
        self.own.get(&account).unwrap_or(&self.plain)
    }
}
