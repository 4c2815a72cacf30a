//! A points rule on a token.

use serde::{Deserialize, Serialize};

use super::{AccountRule, Accrual};
use crate::types::{
    ProgrammeId, Rate, RateSchedule, ShardCount, Timestamp, WeightBp, WindowLength,
};

/// How the balances of a token earn points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Token and name.
    pub id: ProgrammeId,
    /// Points per whole token per hour over time.
    pub rates: RateSchedule,
    /// The length of a settlement window.
    pub window: WindowLength,
    /// The number of shards that its accounts are divided into.
    pub shards: ShardCount,
}

impl Programme {
    /// The weight of an account without one of its own.
    pub const BASE_WEIGHT: WeightBp = WeightBp::ONE;

    /// How an account of a rule earns.
    pub const fn accrual<'a>(&'a self, rule: &'a AccountRule) -> Accrual<'a> {
        Accrual::new(&self.rates, rule)
    }

    /// A programme `main` with one constant rate, windows of an hour, and 16 shards.
    pub fn main(token: crate::types::TokenId, rate: Rate) -> Self {
        Self {
            id: ProgrammeId::main(token),
            rates: RateSchedule::constant(rate),
            window: WindowLength::HOUR,
            shards: ShardCount::default(),
        }
    }

    /// The starts of the windows of `[from, to)`, which must be whole windows.
    pub fn window_starts(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        let length = self.window.get();
        let next = move |start: &Timestamp| start.checked_add(length);
        std::iter::successors(Some(from), next).take_while(move |start| *start < to)
    }

    /// Why `next` cannot replace this programme, whose shards are settled up to `settled` at most.
    /// `None` if it can.
    pub fn refuse_change(&self, next: &Self, settled: Option<Timestamp>) -> Option<String> {
        let settled = settled.unwrap_or(Timestamp::ZERO);
        if self.window != next.window || self.shards != next.shards {
            return Some(format!(
                "programme {} has windows of {} s in {} shards, which cannot change: keep them; \
                 for others, follow the token in a new database",
                self.id,
                self.window.get(),
                self.shards.get()
            ));
        }
        if !self.rates.agrees_before(&next.rates, settled) {
            return Some(format!(
                "the rate of programme {} would change before {settled}, which is settled already; \
                 keep the past as it was and add a schedule step from {settled} on",
                self.id
            ));
        }
        None
    }
}
