//! What one account's changes in one block must be, by themselves.

use super::{Change, Checkpoint, Leg};
use crate::types::{Amount, BalanceSeconds, CumulativeAmount, Overflow};

/// The changes of one account in one block, as the ledger must hold them after `before`: each with
/// the balance after it, or all with the balance at the block's end if the running balance leaves
/// the range of a `uint256` in between. The balance, integral and mark of the given rows are not
/// read.
///
/// An error if the balance at the block's end leaves that range, or if the rows' times differ or
/// are before that of `before`.
pub fn replay_block(
    before: Option<&Checkpoint>,
    changes: &[Change],
) -> Result<Vec<Change>, Overflow> {
    let balance = before.map_or(Amount::ZERO, |state| state.balance);
    let (mut received, mut sent) = (CumulativeAmount::from(balance), CumulativeAmount::ZERO);
    if changes.windows(2).any(|pair| pair[0].time != pair[1].time) {
        return Err(Overflow("time inside a block"));
    }
    let mut rows = changes.to_vec();
    let mut is_netted = false;
    // The running balance may leave its range and come back; only the block's end decides.
    for row in &mut rows {
        row.balance_seconds = match before {
            Some(state) => state.balance_seconds_at(row.time)?,
            None => BalanceSeconds::ZERO,
        };
        let side = match row.change_type.leg() {
            Leg::In => &mut received,
            Leg::Out => &mut sent,
        };
        *side = side.try_add(row.amount)?;
        let running = received.try_sub(sent).ok().and_then(CumulativeAmount::narrow);
        is_netted |= running.is_none();
        row.balance_after = running.unwrap_or_default();
        row.netted = false;
    }
    if is_netted {
        let end = received.try_sub(sent).ok().and_then(CumulativeAmount::narrow);
        let end = end.ok_or(Overflow("balance at a block's end"))?;
        for row in &mut rows {
            (row.balance_after, row.netted) = (end, true);
        }
    }
    Ok(rows)
}
