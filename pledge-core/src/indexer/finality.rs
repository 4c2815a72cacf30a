//! Whether the finalized block moves, where it decides what is confirmed.

use std::time::{Duration, SystemTime};

use super::{Finality, Observed};
use crate::types::BlockNumber;

/// A node that has no finalized block for so long is not about to have one.
const MISSING_AFTER: Duration = Duration::from_secs(60);
/// Chains finalize many blocks at once: Ethereum every 6.4 minutes, rollups with the blocks that they are
/// written to, so their finalized blocks stand still between.
const STUCK_AFTER: Duration = Duration::from_secs(30 * 60);

/// What was seen of finality so far.
#[derive(Debug, Default)]
pub(super) struct FinalityWatch {
    /// The newest finalized block, the head when it was new, and when that was.
    newest: Option<(BlockNumber, BlockNumber, SystemTime)>,
    missing_since: Option<SystemTime>,
}

impl FinalityWatch {
    /// Why nothing new is confirmed, if the chain goes on and its finality does not. A clock that was set
    /// back begins the wait again.
    pub(super) fn doubts(
        &mut self,
        finality: Finality,
        observed: &Observed,
        now: SystemTime,
    ) -> Option<String> {
        if finality != Finality::Finalized {
            return None;
        }
        let head = observed.head.number;
        let Some(finalized) = observed.finalized.map(|block| block.number) else {
            let since = self.missing_since.filter(|since| *since <= now);
            let since = *self.missing_since.insert(since.unwrap_or(now));
            let lasts = now.duration_since(since).is_ok_and(|lasts| lasts >= MISSING_AFTER);
            return lasts.then(|| {
                "its node has no finalized block, so nothing new is confirmed: wait until it has one, use \
                 another node, or confirmations = N in the place of finality"
                    .to_owned()
            });
        };
        self.missing_since = None;
        let known = self.newest.filter(|(newest, _, since)| finalized <= *newest && *since <= now);
        let (newest, head_then, since) =
            *self.newest.insert(known.unwrap_or((finalized, head, now)));
        let lasted = now.duration_since(since).unwrap_or_default();
        (lasted >= STUCK_AFTER && head > head_then).then(|| {
            let minutes = lasted.as_secs() / 60;
            format!(
                "its newest finalized block is {newest} for {minutes} minutes, while its head went from \
                 {head_then} to {head}: the chain does not finalize, or its node does not see it"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::types::{BlockRef, Timestamp};

    fn block(number: u64) -> BlockRef {
        let number = BlockNumber::new(number);
        BlockRef { number, hash: B256::ZERO, parent_hash: B256::ZERO, time: Timestamp::ZERO }
    }

    /// What is said at each second, of a head and a finalized block.
    fn said(sights: &[(u64, u64, Option<u64>)]) -> Vec<Option<String>> {
        let mut watch = FinalityWatch::default();
        let says = |(at, head, finalized): &(u64, u64, Option<u64>)| {
            let observed = Observed { head: block(*head), finalized: finalized.map(block) };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(*at);
            watch.doubts(Finality::Finalized, &observed, now)
        };
        sights.iter().map(says).collect()
    }

    #[test]
    fn a_finalized_block_that_is_missing_for_a_minute_is_told() {
        let said = said(&[(0, 9, None), (59, 14, None), (60, 14, None), (61, 14, Some(3))]);
        assert_eq!([&said[0], &said[1], &said[3]], [&None; 3]);
        assert!(said[2].as_ref().is_some_and(|reason| reason.contains("confirmations = N")));
    }

    #[test]
    fn a_finalized_block_that_is_missing_now_and_then_is_not_told() {
        let said = said(&[(0, 9, None), (50, 9, Some(2)), (100, 9, None), (159, 9, None)]);
        assert_eq!(said, [None, None, None, None]);
    }

    #[test]
    fn a_finalized_block_that_stands_still_while_the_head_moves_is_told_after_half_an_hour() {
        let sights = [(0, 100, Some(36)), (1_799, 250, Some(36)), (1_800, 250, Some(36))];
        let said = said(&sights);
        assert_eq!([&said[0], &said[1]], [&None; 2]);
        let reason = said[2].as_ref().unwrap();
        assert!(
            reason.contains("36 for 30 minutes") && reason.contains("from 100 to 250"),
            "{reason}"
        );
    }

    #[test]
    fn finality_that_moves_in_leaps_is_well() {
        let leap = |epoch: u64| (epoch * 384, 100 + epoch * 32, Some(36 + epoch * 32));
        let sights: Vec<_> = (0..20).map(leap).collect();
        assert!(said(&sights).iter().all(Option::is_none));
    }

    #[test]
    fn a_chain_that_stands_still_as_a_whole_does_not_blame_finality() {
        assert_eq!(said(&[(0, 100, Some(36)), (9_000, 100, Some(36))]), [None, None]);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_wait_again() {
        let sights = [(5_000, 100, Some(36)), (100, 101, Some(36)), (1_800, 102, Some(36))];
        assert_eq!(said(&sights), [None, None, None]);
        assert_eq!(said(&[(5_000, 1, None), (100, 2, None), (159, 3, None)]), [None, None, None]);
    }
}
