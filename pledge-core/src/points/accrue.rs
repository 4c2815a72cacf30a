//! Accrual: from balances over time to raw points. Pure, exact, additive.

use alloy_primitives::U256;
use alloy_primitives::aliases::U64;

use crate::ledger::Checkpoint;
use crate::types::{
    Amount, BalanceSeconds, Overflow, Rate, RateSchedule, RawPoints, Timestamp, WeightBp,
    WeightSchedule,
};

/// What an account earns over `[from, to)`, from its integral at the edges of every piece.
///
/// `state_at` returns the account's state after its last change at or before an instant, `None` if
/// there was none. It is called once per rate or weight boundary: the cost does not depend on the
/// number of changes.
pub fn accrue<E: From<Overflow>>(
    rates: &RateSchedule,
    weights: &WeightSchedule,
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
    for (end, rate, weight) in pieces(rates, weights, from, to) {
        let after = integral_at(end)?;
        let area = after.checked_sub(before).ok_or(Overflow("integral going backwards"))?;
        raw = raw.try_add(RawPoints::of_area(area, rate, weight))?;
        before = after;
    }
    Ok(raw)
}

/// The instants at which [`accrue`] asks for the state: `from`, every boundary inside, and `to`.
pub fn accrual_times(
    rates: &RateSchedule,
    weights: &WeightSchedule,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Timestamp> {
    std::iter::once(from).chain(pieces(rates, weights, from, to).map(|(end, ..)| end)).collect()
}

/// `sum(rate_e18 * weight_bp * seconds)` over `[from, to)`: what one base unit earns.
///
/// Below 2^160, since rates are below 2^96, weights below 2^24 and times below 2^40.
pub fn rate_factor(
    rates: &RateSchedule,
    weights: &WeightSchedule,
    from: Timestamp,
    to: Timestamp,
) -> U256 {
    let mut start = from;
    let mut factor = U256::ZERO;
    for (end, rate, weight) in pieces(rates, weights, from, to) {
        let seconds = U64::from(end.get() - start.get());
        factor += rate.weighted(weight).widening_mul::<64, 1, 256, 4>(seconds);
        start = end;
    }
    factor
}

/// The pieces of `[from, to)` on which neither rate nor weight changes: end, rate, weight.
fn pieces<'a>(
    rates: &'a RateSchedule,
    weights: &'a WeightSchedule,
    from: Timestamp,
    to: Timestamp,
) -> impl Iterator<Item = (Timestamp, Rate, WeightBp)> + 'a {
    let mut start = from;
    std::iter::from_fn(move || {
        let (rate, weight) = (rates.at(start), weights.at(start));
        let steps = [rates.next_step(start), weights.next_step(start)];
        let end = steps.into_iter().flatten().fold(to, Timestamp::min);
        let is_piece = start < to;
        start = end;
        is_piece.then_some((end, rate, weight))
    })
}

/// The plain formula: every segment `(from, to, balance)` times the rate and weight on it.
///
/// Takes each segment by itself, without integrals. [`accrue`] is tested against it, and a source
/// of segments without a ledger can use it.
pub fn accrue_segments(
    rates: &RateSchedule,
    weights: &WeightSchedule,
    segments: impl IntoIterator<Item = (Timestamp, Timestamp, Amount)>,
) -> Result<RawPoints, Overflow> {
    segments.into_iter().try_fold(RawPoints::ZERO, |raw, (from, to, balance)| {
        let factor = rate_factor(rates, weights, from, to);
        raw.try_add(RawPoints::of_constant(balance, factor))
    })
}
