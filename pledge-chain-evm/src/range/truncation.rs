//! Answers that end where a provider's limit is, without a word.

use pledge_core::types::Log;

use super::log_calls::{logs_call, placed};
use super::slice::{Slice, SliceError};
use crate::asker::Asker;
use crate::failure::Failure;
use crate::http::Call;
use crate::wire::WireLog;

/// Numbers of logs at which providers are known to stop, or would.
const STOPS: [usize; 15] = [
    10, 25, 50, 100, 250, 256, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000,
];

/// Whether an answer with this many logs may have been cut off. One block cannot be asked for in
/// parts.
fn may_be_cut(slice: &Slice<'_>, logs: usize) -> bool {
    slice.from < slice.to && STOPS.contains(&logs)
}

/// Asks for the halves of a slice, and for theirs, until no answer may have been cut off: together
/// they must have the logs that the whole had.
pub(super) async fn compare_with_halves(
    asker: &Asker,
    slice: &Slice<'_>,
    logs: &[Log],
) -> Result<(), SliceError> {
    let mut suspects = if may_be_cut(slice, logs.len()) { vec![*slice] } else { Vec::new() };
    // A half may have been cut off too, so it becomes a suspect. This ends: one block never is.
    while let Some(suspect) = suspects.pop() {
        let halves = suspect.halves();
        let calls = halves.iter().map(logs_call).collect();
        let read = |_: &Call, answer| asker.parse::<Vec<WireLog>>(answer);
        let answers = asker.together_as(calls, read).await;
        let mut found = Vec::new();
        for (half, half_logs) in halves.into_iter().zip(answers) {
            let half_logs = placed(&half, half_logs?)?;
            if may_be_cut(&half, half_logs.len()) {
                suspects.push(half);
            }
            found.extend(half_logs);
        }
        let start = logs.partition_point(|log| log.block < suspect.from);
        let end = logs.partition_point(|log| log.block <= suspect.to);
        if found != logs[start..end] {
            return Err(SliceError::Refused(Failure::truncated(format!(
                "{} gives {} logs of blocks {}..={} at once and {} in halves: truncated",
                asker.endpoint(),
                end - start,
                suspect.from,
                suspect.to,
                found.len()
            ))));
        }
    }
    Ok(())
}
