//! What some accounts earn on together, whatever accrual each of them has.

use serde::{Deserialize, Serialize};

use super::Programme;
use crate::ports::WindowTotal;
use crate::types::{
    Amount, OutOfRange, Overflow, RawPoints, Timestamp, WeightBp, WeightedBalance, Window,
};

/// What some accounts hold together at an instant, as a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HoldingParts", into = "HoldingParts")]
pub struct Holding {
    /// The number of accounts that earn: those with a balance and a weight above zero.
    pub holders: u64,
    /// The sum of their balances, each times its weight.
    pub weighted: WeightedBalance,
}

/// A holding in the form in which it is kept: a sum that is a whole number of base units at the base
/// weight, as it is while all accounts have that weight, is kept as a balance. Each holding has one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingParts {
    /// The number of accounts that earn.
    pub holders: u64,
    /// The sum in base units at the base weight ([`Programme::BASE_WEIGHT`]); zero where `weighted` is given.
    pub balance: Amount,
    /// The sum in base units times basis points, where it is no whole balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted: Option<WeightedBalance>,
}

impl From<Holding> for HoldingParts {
    fn from(Holding { holders, weighted }: Holding) -> Self {
        match weighted.at_weight(Programme::BASE_WEIGHT) {
            Some(balance) => Self { holders, balance, weighted: None },
            None => Self { holders, balance: Amount::ZERO, weighted: Some(weighted) },
        }
    }
}

impl TryFrom<HoldingParts> for Holding {
    type Error = OutOfRange;

    fn try_from(parts: HoldingParts) -> Result<Self, OutOfRange> {
        let HoldingParts { holders, balance, weighted } = parts;
        let at_base = WeightedBalance::of(balance, Programme::BASE_WEIGHT);
        let holding = Self { holders, weighted: weighted.unwrap_or(at_base) };
        if HoldingParts::from(holding) == parts {
            return Ok(holding);
        }
        Err(OutOfRange::new("holding", balance, "one sum, as a balance where it is one"))
    }
}

/// What one account earns on at an instant: its earning balance and its weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) balance: Amount,
    pub(super) weight: WeightBp,
}

/// What some accounts earn on together at an instant.
///
/// Accounts of one programme share its rates alone, so their balances are added up with their
/// weights. A change of an account's weight changes the sum as a change of its balance does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Earners {
    /// The number of accounts that earn: those with a balance and a weight above zero.
    count: u64,
    /// The sum of the balances at the base weight, which nearly all accounts have.
    at_base: Amount,
    /// The sum of the others, each times its weight.
    weighted: WeightedBalance,
}

impl Share {
    /// The number of accounts that earn: one or none.
    fn count(self) -> u64 {
        u64::from(!self.balance.is_zero() && self.weight != WeightBp::ZERO)
    }

    fn is_at_base(self) -> bool {
        self.weight == Programme::BASE_WEIGHT
    }

    fn weighted(self) -> WeightedBalance {
        WeightedBalance::of(self.balance, self.weight)
    }
}

impl Earners {
    const SUM: Overflow = Overflow("sum of balances");

    /// Adds an account.
    pub(super) fn add(&mut self, share: Share) -> Result<(), Overflow> {
        self.count = self.count.checked_add(share.count()).ok_or(Overflow("holders"))?;
        if share.is_at_base() {
            self.at_base = self.at_base.checked_add(share.balance).ok_or(Self::SUM)?;
        } else {
            self.weighted = self.weighted.checked_add(share.weighted()).ok_or(Self::SUM)?;
        }
        Ok(())
    }

    /// Adds other accounts at the same instant.
    pub(super) fn add_all(&mut self, other: Self) -> Result<(), Overflow> {
        self.count = self.count.checked_add(other.count).ok_or(Overflow("holders"))?;
        self.at_base = self.at_base.checked_add(other.at_base).ok_or(Self::SUM)?;
        self.weighted = self.weighted.checked_add(other.weighted).ok_or(Self::SUM)?;
        Ok(())
    }

    /// Subtracts some of the accounts.
    pub(super) fn take_all(&mut self, other: Self) -> Result<(), Overflow> {
        self.count = self.count.checked_sub(other.count).ok_or(Overflow("holders"))?;
        self.at_base = self.at_base.checked_sub(other.at_base).ok_or(Self::SUM)?;
        self.weighted = self.weighted.checked_sub(other.weighted).ok_or(Self::SUM)?;
        Ok(())
    }

    /// The sums of a window in which neither a balance nor a weight changes, by its start.
    pub(super) fn earn(
        &self,
        programme: &Programme,
        start: Timestamp,
    ) -> Result<WindowTotal, Overflow> {
        Ok(still_window(programme, start, self.count, self.sum()?))
    }

    /// The same as a record.
    pub(super) fn holding(&self) -> Result<Holding, Overflow> {
        Ok(Holding { holders: self.count, weighted: self.sum()? })
    }

    fn sum(&self) -> Result<WeightedBalance, Overflow> {
        let at_base = WeightedBalance::of(self.at_base, Programme::BASE_WEIGHT);
        at_base.checked_add(self.weighted).ok_or(Self::SUM)
    }
}

impl Holding {
    /// Adds other accounts' holdings at the same instant.
    pub(super) fn add(&mut self, other: Self) -> Result<(), Overflow> {
        self.holders = self.holders.checked_add(other.holders).ok_or(Overflow("holders"))?;
        let sum = self.weighted.checked_add(other.weighted);
        self.weighted = sum.ok_or(Overflow("sum of balances"))?;
        Ok(())
    }

    /// The sums of a window in which neither a balance nor a weight changes, by its start.
    pub(super) fn earn(&self, programme: &Programme, start: Timestamp) -> WindowTotal {
        still_window(programme, start, self.holders, self.weighted)
    }
}

/// The sums of a window in which these balances and weights are constant.
fn still_window(
    programme: &Programme,
    start: Timestamp,
    earners: u64,
    weighted: WeightedBalance,
) -> WindowTotal {
    let Window { start, end } = programme.window.window_of(start);
    let rate_seconds = programme.rates.rate_seconds(start, end);
    WindowTotal {
        accounts: if rate_seconds.is_zero() { 0 } else { earners },
        raw: RawPoints::of_weighted(weighted, rate_seconds),
        ..WindowTotal::empty(start)
    }
}
