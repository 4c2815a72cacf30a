//! Weights by decisions, looked up one instant at a time in the decisions themselves.

use std::collections::BTreeSet;

use alloy_primitives::U512;
use pledge_core::points::{Decision, Measure, Programme, Scope};
use pledge_core::types::{Account, EntryNumber, Timestamp};

/// A decision that a store took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The number it was given.
    pub number: EntryNumber,
    /// From when on it holds.
    pub from: Timestamp,
    pub decision: Decision,
}

/// One account in one programme.
pub(super) struct Weights<'a> {
    pub(super) programme: &'a Programme,
    pub(super) taken: &'a [Taken],
    pub(super) account: Account,
}

impl Weights<'_> {
    /// The weight at an instant, in basis points.
    pub(super) fn at(&self, time: Timestamp) -> U512 {
        if self.is_stopped(time) {
            return U512::ZERO;
        }
        let mut own = 10_000_u64;
        let mut sets = BTreeSet::new();
        // In the order of their numbers, so that the newest is the last.
        for taken in self.reaching().filter(|taken| taken.from <= time) {
            match &taken.decision.measure {
                Measure::Weights { rows, until } if until.is_none_or(|until| time < until) => {
                    let row = rows.iter().find(|(account, _)| *account == self.account);
                    own = row.map_or(own, |(_, weight)| u64::from(weight.get()));
                }
                Measure::BonusSet { set, .. } => {
                    sets.insert(set.clone());
                }
                _ => {}
            }
        }
        let bonuses = sets.iter().map(|name| {
            let newest =
                self.reaching().filter(|taken| taken.from <= time).filter_map(|taken| match &taken
                    .decision
                    .measure
                {
                    Measure::BonusSet { set, rows } if set == name => Some(rows),
                    _ => None,
                });
            let row = newest.last().and_then(|rows| rows.iter().find(|row| row.0 == self.account));
            row.map_or(0, |(_, bonus)| u64::from(bonus.get()))
        });
        U512::from(own + bonuses.sum::<u64>())
    }

    /// Whether a suspension or an exclusion covers an instant.
    fn is_stopped(&self, time: Timestamp) -> bool {
        let mut scopes: Vec<&Scope> = Vec::new();
        let mut excluded = false;
        for taken in self.reaching().filter(|taken| taken.from <= time) {
            let Decision { scope, measure, .. } = &taken.decision;
            match measure {
                Measure::Suspend(accounts) if accounts.contains(&self.account) => {
                    scopes.push(scope)
                }
                Measure::Reinstate(accounts) if accounts.contains(&self.account) => {
                    scopes.retain(|suspended| *suspended != scope);
                }
                Measure::Exclude(accounts) => excluded |= accounts.contains(&self.account),
                Measure::Include(accounts) => excluded &= !accounts.contains(&self.account),
                _ => {}
            }
        }
        excluded || !scopes.is_empty()
    }

    /// Every instant at which a decision begins or ends.
    pub(super) fn instants(&self) -> BTreeSet<Timestamp> {
        let ends = self.reaching().filter_map(|taken| match taken.decision.measure {
            Measure::Weights { until, .. } => until,
            _ => None,
        });
        self.reaching().map(|taken| taken.from).chain(ends).collect()
    }

    /// Whether the weight at an instant of `[from, to)` is another than a second earlier.
    pub(super) fn change_between(&self, from: Timestamp, to: Timestamp) -> bool {
        let inside = self.instants().into_iter().filter(|time| (from..to).contains(time));
        inside.filter(|time| *time > Timestamp::ZERO).any(|time| {
            let before = Timestamp::new(time.get() - 1).expect("above zero");
            self.at(before) != self.at(time)
        })
    }

    fn reaching(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(|taken| taken.decision.scope.reaches(&self.programme.id))
    }
}
