//! What people decide about accounts, whether it fits or not.

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{Decision, Measure, Scope};
use pledge_core::types::WeightBp;

use super::ops::account;
use super::{CHAIN, Twins, both, programme_id, same, token};
use crate::world::operator;

/// A decision by choice: accounts may be named twice, or none.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) kind: u8,
    pub(super) accounts: Vec<u8>,
    pub(super) basis_points: u32,
    pub(super) scope: u8,
    /// Seconds after the newest block.
    pub(super) after: Option<u64>,
}

impl Twins {
    /// Whether it is refused depends on what was decided and settled: both do the same.
    pub(super) async fn decide(&self, choice: &Choice) {
        let accounts: Vec<_> = choice.accounts.iter().map(|number| account(*number + 1)).collect();
        let value = WeightBp::new(choice.basis_points).expect("a valid step");
        let rows = || accounts.iter().map(|account| (*account, value)).collect();
        let from = choice.after.map(|after| self.tip().time.checked_add(after));
        let from = from.map(|from| from.expect("a valid step"));
        let scope = match choice.scope {
            0 => Scope::Programme(programme_id()),
            1 => Scope::Token(token()),
            2 => Scope::Chain(CHAIN),
            _ => Scope::All,
        };
        let of_programme = Scope::Programme(programme_id());
        let set = || ["early", "loyal"][usize::from(choice.scope % 2)].parse().expect("a name");
        let (scope, measure) = match choice.kind {
            0 => (of_programme, Measure::Weights { rows: rows(), until: None }),
            1 => {
                let until = from.and_then(|from| from.checked_add(5_000));
                (of_programme, Measure::Weights { rows: rows(), until })
            }
            2 => (of_programme, Measure::BonusSet { set: set(), rows: rows() }),
            3 | 4 => (scope, Measure::Suspend(accounts)),
            5 => (scope, Measure::Reinstate(accounts)),
            6 => (scope, Measure::Exclude(accounts)),
            _ => (scope, Measure::Include(accounts)),
        };
        let decision = Decision { scope, from, measure };
        let decided = both!(self, points.decide(&decision, &operator()));
        let is_refusable = [StoreErrorKind::Invalid, StoreErrorKind::Conflict];
        assert!(decided.err().is_none_or(|kind| is_refusable.contains(&kind)), "{decision:?}");
    }
}
