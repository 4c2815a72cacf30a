//! How long a chain has not moved: pure.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::followed::{Followed, FollowedId};
use crate::types::BlockNumber;

/// A token that has blocks to take and does not move is reported after this long.
const REPORTED_AFTER: Duration = Duration::from_secs(60);

/// Since when there was no progress.
///
/// Progress is read from the store, so that of another instance counts too: a token is further than
/// it ever was. Neither a successful step nor a rewind is progress.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    waiting: BTreeMap<FollowedId, Place>,
    /// The first of the failures in a row. It counts even if no block is known to be due: blocks
    /// that were not observed may be.
    failing: Option<SystemTime>,
}

/// The block that a token waits for, and since when it is confirmed.
#[derive(Debug)]
struct Place {
    next: BlockNumber,
    due: Option<SystemTime>,
}

impl Standstill {
    /// Compares the tokens' cursors with those seen before.
    pub(super) fn observe<'a>(&mut self, active: impl IntoIterator<Item = &'a Followed>) {
        let mut seen = BTreeMap::new();
        for followed in active {
            let next = followed.next_block();
            let place = self.waiting.remove(&followed.id).unwrap_or(Place { next, due: None });
            let has_moved = place.next < next;
            self.failing = self.failing.filter(|_| !has_moved);
            seen.insert(
                followed.id.clone(),
                if has_moved { Place { next, due: None } } else { place },
            );
        }
        self.waiting = seen;
    }

    /// Starts the wait of each token that has blocks to take up to the confirmed target.
    pub(super) fn confirm(&mut self, target: Option<BlockNumber>, now: SystemTime) {
        for place in self.waiting.values_mut() {
            place.due = (Some(place.next) <= target).then(|| not_after(place.due, now));
        }
    }

    /// Ends the wait of the tokens that took blocks.
    pub(super) fn advance(&mut self, taken: &[FollowedId], tip: BlockNumber) {
        for id in taken {
            if let Some(place) = self.waiting.get_mut(id).filter(|place| place.next <= tip) {
                *place = Place { next: tip.next(), due: None };
            }
        }
    }

    /// Records a failed step.
    pub(super) fn fail(&mut self, now: SystemTime) {
        self.failing = Some(not_after(self.failing, now));
    }

    /// Records a successful step. Tokens with blocks to take still wait.
    pub(super) const fn succeed(&mut self) {
        self.failing = None;
    }

    /// A confirmed block that a token has waited for so long that it is reported.
    pub(super) fn awaited(&self, now: SystemTime) -> Option<BlockNumber> {
        let due = self.waiting.values().filter_map(|place| Some((place.due?, place.next)));
        let (since, next) = due.min()?;
        is_reported_after(since, now).then_some(next)
    }

    /// Whether even a failure that may pass is reported.
    pub(super) fn is_reported(&self, now: SystemTime) -> bool {
        let fails = self.failing.is_some_and(|since| is_reported_after(since, now));
        fails || self.awaited(now).is_some()
    }
}

fn is_reported_after(since: SystemTime, now: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|lasted| lasted >= REPORTED_AFTER)
}

/// An instant in the future is dropped, because the clock was set back: the minute begins again.
fn not_after(since: Option<SystemTime>, now: SystemTime) -> SystemTime {
    since.filter(|since| *since <= now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::*;
    use crate::types::{BlockRef, ChainId, Epoch, Timestamp, TokenId};

    const TARGET: Option<BlockNumber> = Some(BlockNumber::new(100));

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token(number: u8, cursor: u64) -> Followed {
        let id = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(number) };
        let cursor = BlockRef {
            number: BlockNumber::new(cursor),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        };
        Followed {
            id: FollowedId::Token(id),
            start_block: BlockNumber::new(1),
            cursor: Some(cursor),
            epoch: Epoch::FIRST,
            is_active: true,
            may_heal: false,
        }
    }

    fn look(standstill: &mut Standstill, tokens: &[Followed], seconds: u64) {
        standstill.observe(tokens);
        standstill.confirm(TARGET, at(seconds));
    }

    /// Whether a failing poll with the tokens at these cursors is reported.
    fn fails(standstill: &mut Standstill, tokens: &[Followed], seconds: u64) -> bool {
        look(standstill, tokens, seconds);
        standstill.fail(at(seconds));
        standstill.is_reported(at(seconds))
    }

    #[test]
    fn a_minute_without_progress_is_reported() {
        let mut standstill = Standstill::default();
        let reported = [0, 59, 60, 61].map(|s| fails(&mut standstill, &[token(1, 7)], s));
        assert_eq!(reported, [false, false, true, true]);
    }

    #[test]
    fn steps_that_succeed_and_move_nothing_are_no_progress() {
        let mut standstill = Standstill::default();
        for seconds in 0..60 {
            assert!(!fails(&mut standstill, &[token(1, 7)], seconds));
            standstill.succeed();
        }
        look(&mut standstill, &[token(1, 7)], 60);
        assert_eq!(standstill.awaited(at(60)), Some(BlockNumber::new(8)));
    }

    #[test]
    fn what_another_writer_commits_is_progress() {
        let mut standstill = Standstill::default();
        for minute in 0..9 {
            assert!(!fails(&mut standstill, &[token(1, minute)], minute * 59), "minute {minute}");
        }
    }

    #[test]
    fn a_token_that_moves_does_not_hide_one_that_does_not() {
        let mut standstill = Standstill::default();
        let reported = [0, 30, 60].map(|s| fails(&mut standstill, &[token(1, 7), token(2, s)], s));
        assert_eq!(reported, [false, false, true]);
    }

    #[test]
    fn blocks_that_were_there_before_a_rewind_are_no_progress() {
        let mut standstill = Standstill::default();
        let back_and_forth = |s| token(1, 40 + s % 2);
        let reported = [1, 30, 61].map(|s| fails(&mut standstill, &[back_and_forth(s)], s));
        assert_eq!(reported, [false, false, true]);
    }

    #[test]
    fn a_token_with_nothing_to_take_is_not_stuck() {
        let mut standstill = Standstill::default();
        for seconds in [0, 3_600] {
            look(&mut standstill, &[token(1, 100)], seconds);
            assert!(!standstill.is_reported(at(seconds)));
        }
    }

    #[test]
    fn failures_in_a_row_are_reported_though_nothing_is_left_to_do() {
        let mut standstill = Standstill::default();
        let reported = [0, 59, 60].map(|s| fails(&mut standstill, &[token(1, 100)], s));
        assert_eq!(reported, [false, false, true]);
    }

    #[test]
    fn blocks_that_were_taken_end_the_wait_at_once() {
        let mut standstill = Standstill::default();
        let waits = token(1, 7);
        look(&mut standstill, std::slice::from_ref(&waits), 0);
        standstill.advance(std::slice::from_ref(&waits.id), BlockNumber::new(8));
        assert!(!standstill.is_reported(at(60)));
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_minute_again() {
        let mut standstill = Standstill::default();
        let reported = [1_000, 10, 69, 70].map(|s| fails(&mut standstill, &[token(1, 7)], s));
        assert_eq!(reported, [false, false, false, true]);
    }
}
