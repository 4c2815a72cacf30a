//! Whether the finalized block still moves, where it decides what is confirmed.

use std::time::{Duration, SystemTime};

use super::{Finality, Observed};
use crate::types::BlockNumber;

/// A node that had no finalized block for this long is not expected to have one soon.
const MISSING_AFTER: Duration = Duration::from_secs(60);
/// A leap of the finalized block is overdue after this many times the longest before it. Chains
/// finalize many blocks at once: Ethereum every 6.4 minutes, rollups with the blocks that they are
/// written to, some of them hourly.
const OVERDUE_FACTOR: u32 = 3;
/// No leap is overdue earlier than this.
const OVERDUE_MIN: Duration = Duration::from_secs(30 * 60);
/// When a leap is overdue while none was seen yet.
const OVERDUE_UNSEEN: Duration = Duration::from_secs(2 * 60 * 60);
/// A leap counts as measured only if no two looks at the chain were further apart than this.
const LOOKS_APART_MAX: Duration = Duration::from_secs(5 * 60);

/// What was seen of finality so far.
#[derive(Debug, Default)]
pub(super) struct FinalityWatch {
    newest: Option<Newest>,
    /// The longest time between two finalized blocks in a row.
    longest: Option<Duration>,
    missing_since: Option<SystemTime>,
}

/// The newest finalized block.
#[derive(Debug, Clone, Copy)]
struct Newest {
    finalized: BlockNumber,
    /// The head when the block was first seen, and when that was.
    head: BlockNumber,
    since: SystemTime,
    /// The last look at it; `None` if two looks were too far apart to measure anything.
    looked: Option<SystemTime>,
}

impl FinalityWatch {
    /// Why nothing new is confirmed, if the chain goes on and its finality does not. Call it at
    /// every look at the chain.
    ///
    /// If the clock was set back, the wait begins again.
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
        match observed.finalized.map(|block| block.number) {
            Some(finalized) => {
                self.missing_since = None;
                self.is_overdue(finalized, head, now)
            }
            None => self.is_missing(now),
        }
    }

    fn is_missing(&mut self, now: SystemTime) -> Option<String> {
        let since = self.missing_since.filter(|since| *since <= now);
        let since = *self.missing_since.insert(since.unwrap_or(now));
        let lasts = now.duration_since(since).is_ok_and(|lasts| lasts >= MISSING_AFTER);
        lasts.then(|| {
            "its node has no finalized block, so nothing new is confirmed: wait until it has one, use \
             another node, or confirmations = N in the place of finality"
                .to_owned()
        })
    }

    fn is_overdue(
        &mut self,
        finalized: BlockNumber,
        head: BlockNumber,
        now: SystemTime,
    ) -> Option<String> {
        let begun = Newest { finalized, head, since: now, looked: Some(now) };
        let before = self.newest.filter(|newest| newest.since <= now).unwrap_or(begun);
        let is_near = |look: &SystemTime| {
            now.duration_since(*look).is_ok_and(|apart| apart <= LOOKS_APART_MAX)
        };
        let looked = before.looked.filter(is_near);
        let lasted = now.duration_since(before.since).unwrap_or_default();
        if finalized > before.finalized {
            self.longest = self.longest.max(looked.map(|_| lasted));
            self.newest = Some(begun);
            return None;
        }
        self.newest = Some(Newest { looked: looked.map(|_| now), ..before });
        let usual = self.longest.map(|leap| leap.saturating_mul(OVERDUE_FACTOR).max(OVERDUE_MIN));
        // The head must have moved too: a chain that stopped as a whole is another fault than its
        // finality.
        (lasted >= usual.unwrap_or(OVERDUE_UNSEEN) && head > before.head).then(|| {
            let minutes = lasted.as_secs() / 60;
            format!(
                "its newest finalized block is {} for {minutes} minutes, while its head went from {} to \
                 {head}: the chain does not finalize, or its node does not see it",
                before.finalized, before.head
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

    /// The doubts at each second, for a head and a finalized block.
    fn doubts(sights: &[(u64, u64, Option<u64>)]) -> Vec<Option<String>> {
        let mut watch = FinalityWatch::default();
        let at_each = |(at, head, finalized): &(u64, u64, Option<u64>)| {
            let observed = Observed { head: block(*head), finalized: finalized.map(block) };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(*at);
            watch.doubts(Finality::Finalized, &observed, now)
        };
        sights.iter().map(at_each).collect()
    }

    #[test]
    fn a_finalized_block_that_is_missing_for_a_minute_is_reported() {
        let doubts = doubts(&[(0, 9, None), (59, 14, None), (60, 14, None), (61, 14, Some(3))]);
        assert_eq!([&doubts[0], &doubts[1], &doubts[3]], [&None; 3]);
        assert!(doubts[2].as_ref().is_some_and(|reason| reason.contains("confirmations = N")));
    }

    #[test]
    fn a_finalized_block_that_is_missing_now_and_then_is_not_reported() {
        let doubts = doubts(&[(0, 9, None), (50, 9, Some(2)), (100, 9, None), (159, 9, None)]);
        assert_eq!(doubts, [None, None, None, None]);
    }

    /// One look per minute at a finalized block that leaps every `minutes`, until it stops.
    fn leaps(minutes: u64, times: u64, stops: u64) -> Vec<Option<String>> {
        let look = |minute: u64| {
            (minute * 60, 100 + minute * 5, Some(36 + (minute / minutes).min(times) * 32))
        };
        doubts(&(0..stops).map(look).collect::<Vec<_>>())
    }

    #[test]
    fn a_finalized_block_is_overdue_after_half_an_hour_where_leaps_are_short() {
        let doubts = leaps(6, 10, 92);
        assert!(doubts[..90].iter().all(Option::is_none));
        let reason = doubts[90].as_ref().unwrap();
        assert!(reason.contains("356 for 30 minutes") && reason.contains("to 550"), "{reason}");
    }

    #[test]
    fn a_finalized_block_is_overdue_after_three_leaps_where_they_are_long() {
        let doubts = leaps(60, 3, 180 + 181);
        assert!(doubts[..360].iter().all(Option::is_none), "{doubts:?}");
        assert!(doubts[360].is_some());
    }

    #[test]
    fn a_finalized_block_that_never_moved_is_overdue_after_two_hours() {
        let doubts = leaps(1, 0, 121);
        assert!(doubts[..120].iter().all(Option::is_none));
        assert!(doubts[120].is_some());
    }

    #[test]
    fn a_leap_that_nobody_watched_is_not_the_measure_of_others() {
        let mut sights = vec![(0, 100, Some(36)), (60, 105, Some(36)), (360, 110, Some(68))];
        sights.extend([(9 * 3_600, 900, Some(700)), (9 * 3_600 + 1_800, 1_050, Some(700))]);
        assert!(doubts(&sights)[4].is_some());
    }

    #[test]
    fn a_chain_that_stopped_as_a_whole_does_not_blame_finality() {
        assert_eq!(doubts(&[(0, 100, Some(36)), (9_000, 100, Some(36))]), [None, None]);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_wait_again() {
        let sights = [(5_000, 100, Some(36)), (100, 101, Some(36)), (1_800, 102, Some(36))];
        assert_eq!(doubts(&sights), [None, None, None]);
        assert_eq!(doubts(&[(5_000, 1, None), (100, 2, None), (159, 3, None)]), [None, None, None]);
    }
}
