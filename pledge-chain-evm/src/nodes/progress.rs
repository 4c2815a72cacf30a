//! How the heads of the current node move, and when that calls for a look at the others. Pure.

use std::time::Duration;

use pledge_core::types::BlockNumber;
use tokio::time::Instant;

use super::config::NodesConfig;

/// How the heads of the current node move.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The highest head, and when it came.
    highest: Option<(BlockNumber, Instant)>,
    last: Option<BlockNumber>,
    /// Heads in a row below the highest, or below a block that was shown.
    lower: u32,
    /// When the others were asked for theirs last, or the first head came.
    compared: Option<Instant>,
}

impl Progress {
    /// The current node's head, and the highest block that was shown before. Returns whether it is
    /// time to ask the others for theirs, and how much newer another's must be to take its place:
    /// any that is further, if this one is below what was shown for some heads in a row or has been
    /// the same for long; else, once in a while, one that is newer by that while.
    pub(super) fn saw(
        &mut self,
        head: BlockNumber,
        tip: Option<BlockNumber>,
        config: &NodesConfig,
        now: Instant,
    ) -> Option<Duration> {
        let compared = *self.compared.get_or_insert(now);
        let is_known = self.highest.is_some_and(|(highest, _)| head <= highest);
        let (highest, since) = self.highest.filter(|_| is_known).unwrap_or((head, now));
        self.highest = Some((highest, since));
        self.last = Some(head);
        let is_lower = head < highest || tip.is_some_and(|tip| head < tip);
        self.lower = if is_lower { self.lower + 1 } else { 0 };
        let is_stalled = now - since >= config.stall_time;
        // A chain that stalls looks like a node that stalls. So the figures start over, and the
        // others are asked now and then instead of at every head.
        if is_stalled || self.lower >= config.lag_heads {
            let (highest, compared) = (Some((head, now)), Some(now));
            *self = Self { highest, last: Some(head), lower: 0, compared };
            return Some(Duration::ZERO);
        }
        let is_due = now - compared >= config.stall_time;
        is_due.then(|| {
            self.compared = Some(now);
            config.stall_time
        })
    }

    /// Whether a head is below the current node's.
    pub(super) fn is_behind(&self, head: BlockNumber) -> bool {
        self.last.is_some_and(|last| head < last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn progress() -> (Progress, NodesConfig, Instant) {
        (Progress::default(), NodesConfig::new(Vec::new()), Instant::now())
    }

    #[test]
    fn lower_heads_in_a_row_call_for_a_look_at_the_others() {
        let (mut progress, config, now) = progress();
        let saw = |progress: &mut Progress, head| {
            progress.saw(BlockNumber::new(head), None, &config, now).is_some()
        };
        let heads = [10, 9, 9, 10, 9, 9, 9, 9, 9];
        let looks = heads.map(|head| saw(&mut progress, head));
        assert_eq!(looks, [false, false, false, false, false, false, true, false, false]);
        assert!(
            progress.is_behind(BlockNumber::new(8)) && !progress.is_behind(BlockNumber::new(9))
        );
    }

    #[test]
    fn a_head_that_stays_calls_for_a_look_at_the_others_once_in_a_while() {
        let (mut progress, config, now) = progress();
        let mut saw = |head, second| {
            progress.saw(BlockNumber::new(head), None, &config, now + second * SECOND)
        };
        let heads = [(10, 0), (10, 59), (10, 60), (10, 61), (10, 120), (11, 179), (11, 180)];
        let looks = heads.map(|(head, second)| saw(head, second));
        let any = Some(Duration::ZERO);
        assert_eq!(looks, [None, None, any, None, any, None, Some(config.stall_time)]);
    }

    #[test]
    fn heads_below_what_was_shown_call_for_a_look_at_the_others_though_they_rise() {
        let (mut progress, config, now) = progress();
        let tip = Some(BlockNumber::new(13));
        let mut saw = |head| progress.saw(BlockNumber::new(head), tip, &config, now);
        let any = Some(Duration::ZERO);
        assert_eq!([10, 11, 12, 13, 12].map(&mut saw), [None, None, any, None, None]);
    }

    #[test]
    fn heads_that_rise_call_for_a_look_at_the_others_that_only_a_much_newer_one_wins() {
        let (mut progress, config, now) = progress();
        let mut saw = |head| {
            progress.saw(BlockNumber::new(head), None, &config, now + Duration::from_secs(head))
        };
        let newer = Some(config.stall_time);
        assert_eq!([0, 30, 59, 60, 90, 119, 120].map(&mut saw)[3..], [newer, None, None, newer]);
    }
}
