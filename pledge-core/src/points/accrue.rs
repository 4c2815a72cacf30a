//! Accrual: from balances over time to raw points. Pure, exact, additive.

use alloy_primitives::U256;

use crate::ledger::Checkpoint;
use crate::types::{
    Amount, BalanceSeconds, Overflow, Rate, RateSchedule, RawPoints, Timestamp, WeightBp,
    WeightSchedule,
};

/// What an account earns over `[from, to)`, from its integral at the edges of every piece.
///
/// `state_at` gives the account's state after its last change at or before an instant, `None` if it
/// had none. It is asked once for every rate or weight boundary: the cost does not depend on how
/// many changes there were.
pub fn accrue<E: From<Overflow>>(
    rates: &RateSchedule,
    weights: &WeightSchedule,
    from: Timestamp,
    to: Timestamp,
    mut state_at: impl FnMut(Timestamp) -> Result<Option<Checkpoint>, E>,
) -> Result<RawPoints, E> {
    let mut integral_at = |time: Timestamp| -> Result<BalanceSeconds, E> {
        let integral = state_at(time)?.map(|state| state.balance_seconds_at(time)).transpose()?;
        Ok(integral.unwrap_or_default())
    };
    let mut raw = RawPoints::ZERO;
    let mut before = integral_at(from)?;
    for (end, rate, weight) in pieces(rates, weights, from, to) {
        let after = integral_at(end)?;
        let area = after.checked_sub(before).ok_or(Overflow("integral going backwards"))?;
        raw = raw.checked_add(RawPoints::of_area(area, rate, weight)?)?;
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
        let seconds = end.get() - start.get();
        factor += U256::from(rate.e18()) * U256::from(weight.get()) * U256::from(seconds);
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
    rates.pieces(from, to).flat_map(move |outer| {
        let inner = weights.pieces(outer.from, outer.to);
        inner.map(move |piece| (piece.to, outer.value, piece.value))
    })
}

/// The plain formula: every segment `(from, to, balance)` times the rate and weight on it.
///
/// Walks each segment by itself, without integrals: what [`accrue`] is checked against, and what a
/// source of segments without a ledger can use.
pub fn accrue_segments(
    rates: &RateSchedule,
    weights: &WeightSchedule,
    segments: impl IntoIterator<Item = (Timestamp, Timestamp, Amount)>,
) -> Result<RawPoints, Overflow> {
    segments.into_iter().try_fold(RawPoints::ZERO, |raw, (from, to, balance)| {
        let factor = rate_factor(rates, weights, from, to);
        raw.checked_add(RawPoints::of_constant(balance, factor)?)
    })
}
