//! Accrual: from an earning balance over time to raw points. Pure, exact, additive.

use alloy_primitives::U256;
use alloy_primitives::aliases::U64;

use super::AccountRule;
use crate::ledger::Checkpoint;
use crate::types::{
    Amount, BalanceSeconds, EntryNumber, Overflow, Piece, Rate, RateSchedule, RawPoints, Step,
    Timestamp, WeightBp,
};

/// How one account earns in a programme, which gives it
/// ([`Programme::accrual`](super::Programme::accrual)): the only place of the formula.
///
/// It is applied to the account's earning balance: its balance in the ledger. At each instant an
/// account earns its earning balance times the rate times its weight.
#[derive(Debug, Clone, Copy)]
pub struct Accrual<'a> {
    rates: &'a RateSchedule,
    rule: &'a AccountRule,
}

impl<'a> Accrual<'a> {
    /// Accrual at these rates, by an account's rule.
    pub const fn new(rates: &'a RateSchedule, rule: &'a AccountRule) -> Self {
        Self { rates, rule }
    }

    /// The account's weight at an instant.
    pub fn weight_at(self, time: Timestamp) -> WeightBp {
        self.rule.weights.at(time)
    }

    /// The account's weight just before an instant, and its changes from it on.
    pub fn weight_before(self, time: Timestamp) -> (WeightBp, &'a [Step<WeightBp>]) {
        self.rule.weights.before(time)
    }

    /// The highest number of a decision about the account or its programme that holds from before an
    /// instant on: what a statement of the window that ends there names.
    pub fn entry_before(self, time: Timestamp) -> EntryNumber {
        self.rule.entry_before(time)
    }

    /// The first instant after another at which a constant balance begins to earn more or less;
    /// `None` if there is none.
    pub fn next_step(self, time: Timestamp) -> Option<Timestamp> {
        let steps = [self.rates.next_step(time), self.rule.weights.next_step(time)];
        steps.into_iter().flatten().min()
    }

    /// What the account earns over `[from, to)`, from its integral at the edges of every piece.
    ///
    /// `state_at` returns the account's state after its last change at or before an instant, `None`
    /// if there was none. It is called once per rate or weight boundary: the cost does not depend
    /// on the number of changes.
    pub fn accrue<E: From<Overflow>>(
        self,
        from: Timestamp,
        to: Timestamp,
        mut state_at: impl FnMut(Timestamp) -> Result<Option<Checkpoint>, E>,
    ) -> Result<RawPoints, E> {
        let mut integral_at = |time: Timestamp| -> Result<BalanceSeconds, E> {
            match state_at(time)? {
                Some(state) => Ok(state.balance_seconds_at(time)?),
                None => Ok(BalanceSeconds::ZERO),
            }
        };
        let mut raw = RawPoints::ZERO;
        let mut before = integral_at(from)?;
        // A difference of integrals suffices, for at one rate and weight what is earned is linear in
        // the balance.
        for (end, rate, weight) in self.pieces(from, to) {
            let after = integral_at(end)?;
            let area = after.checked_sub(before).ok_or(Overflow("integral going backwards"))?;
            raw = raw.try_add(RawPoints::of_area(area, rate, weight))?;
            before = after;
        }
        Ok(raw)
    }

    /// The instants at which [`accrue`](Self::accrue) asks for the state: `from`, every boundary
    /// inside, and `to`.
    pub fn times(self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::once(from).chain(self.pieces(from, to).map(|(end, ..)| end))
    }

    /// `sum(rate_e18 * weight_bp * seconds)` over `[from, to)`: what one base unit earns.
    ///
    /// Below 2^160, since rates are below 2^96, weights below 2^24 and times below 2^40.
    pub fn factor(self, from: Timestamp, to: Timestamp) -> U256 {
        let mut start = from;
        let mut factor = U256::ZERO;
        for (end, rate, weight) in self.pieces(from, to) {
            let seconds = U64::from(end.get() - start.get());
            factor += rate.weighted(weight).widening_mul::<64, 1, 256, 4>(seconds);
            start = end;
        }
        factor
    }

    /// What a constant balance earns over `[from, to)`.
    #[inline]
    pub fn of_constant(self, balance: Amount, from: Timestamp, to: Timestamp) -> RawPoints {
        RawPoints::of_constant(balance, self.factor(from, to))
    }

    /// What a balance earns that is constant on each of the segments.
    ///
    /// The plain formula: takes each segment by itself, without integrals.
    /// [`accrue`](Self::accrue) is tested against it, and a source of segments without a ledger can
    /// use it.
    pub fn of_segments(
        self,
        segments: impl IntoIterator<Item = Piece<Amount>>,
    ) -> Result<RawPoints, Overflow> {
        segments.into_iter().try_fold(RawPoints::ZERO, |raw, Piece { from, to, value }| {
            raw.try_add(self.of_constant(value, from, to))
        })
    }

    /// The pieces of `[from, to)` on which neither rate nor weight changes: end, rate, weight.
    #[inline]
    fn pieces(
        self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Rate, WeightBp)> {
        let ((mut rate, mut rates), (mut weight, mut weights)) =
            (self.rates.from(from), self.rule.weights.from(from));
        let mut start = from;
        std::iter::from_fn(move || {
            if start >= to {
                return None;
            }
            let piece = (rate, weight);
            // Each schedule is searched once, and then followed.
            start = to;
            for step in [rates.first().map(|step| step.from), weights.first().map(|step| step.from)]
            {
                start = step.map_or(start, |step| step.min(start));
            }
            if let [step, ahead @ ..] = rates
                && step.from == start
            {
                (rate, rates) = (step.value, ahead);
            }
            if let [step, ahead @ ..] = weights
                && step.from == start
            {
                (weight, weights) = (step.value, ahead);
            }
            Some((start, piece.0, piece.1))
        })
    }
}
