use alloy_primitives::B256;

use super::*;
use crate::indexer::Finality;
use crate::ports::HeaderDetail;
use crate::types::Timestamp;

const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(6),
    retained_headers: 10,
    slice_blocks_max: 50,
    clock_slack: None,
};

/// A block of the branch `a`, `b` …: "a12" is block 12 of branch a.
fn block(name: &str) -> BlockRef {
    let (branch, number) = name.split_at(1);
    let hash = |number: u64| {
        let mut hash = B256::repeat_byte(branch.as_bytes()[0]);
        hash[24..].copy_from_slice(&number.to_be_bytes());
        hash
    };
    let number: u64 = number.parse().unwrap();
    let parent_hash = hash(number.wrapping_sub(1));
    let number = BlockNumber::new(number);
    BlockRef { number, hash: hash(number.get()), parent_hash, time: Timestamp::ZERO }
}

/// A decision about a group at a cursor, with the head and what was learned.
#[derive(Clone, Copy)]
struct Case {
    /// `None` for a group that begins at block 1.
    cursor: Option<&'static str>,
    head: &'static str,
    join_at: Option<u64>,
    /// Whether the header at the head's height was read, and which it is.
    held: Option<Option<&'static str>>,
    pending: Option<Pending>,
}

/// A group in front at a12 that has learned nothing, under the head a12.
const AT_12: Case =
    Case { cursor: Some("a12"), head: "a12", join_at: None, held: None, pending: None };

impl Case {
    fn step(&self) -> Step {
        let cursor = self.cursor.map(block);
        let next = cursor.map_or(BlockNumber::new(1), |cursor| cursor.number.next());
        let group = Group { cursor, next, members: Vec::new() };
        let observed = Observed { head: block(self.head), finalized: None };
        let target = observed.head.number.get().checked_sub(6).map(BlockNumber::new);
        let place =
            Place { target, join_at: self.join_at.map(|height| block(&format!("a{height}")).id()) };
        let held = self.held.map(|held| held.map(block));
        decide(&CONFIG, &group, &observed, place, &Learned { held, pending: self.pending })
    }
}

fn take(from: u64, to: u64, detail: HeaderDetail) -> Step {
    let [from, to] = [from, to].map(BlockNumber::new);
    Step::Take(Slice { from, to, detail })
}

#[test]
fn a_head_at_the_cursor_has_nothing_above_it() {
    assert_eq!(AT_12.step(), Step::Wait(Some(Above::NoneYet(block("a12")))));
}

#[test]
fn a_lower_head_is_compared_with_the_header_held_at_its_height() {
    let at = |held| Case { head: "a9", held, ..AT_12 }.step();
    assert_eq!(at(None), Step::ReadHeld);
    assert_eq!(at(Some(Some("a9"))), Step::Wait(None), "the node lags");
    assert_eq!(at(Some(Some("b9"))), Step::ResolveFork(block("b9")), "we hold another block");
    assert_eq!(at(Some(None)), Step::AwaitNode, "too far below to compare");
}

#[test]
fn another_block_at_the_height_of_the_cursor_is_a_fork() {
    let case = Case { head: "b12", held: Some(Some("a12")), ..AT_12 };
    assert_eq!(case.step(), Step::ResolveFork(block("a12")));
}

#[test]
fn near_the_head_the_pending_blocks_come_first() {
    let at = |pending| Case { head: "a20", pending, ..AT_12 }.step();
    assert_eq!(at(None), Step::RefreshPending);
    assert_eq!(at(Some(Pending::Linked)), take(13, 14, HeaderDetail::All));
    assert_eq!(at(Some(Pending::Forked)), Step::ResolveFork(block("a12")));
}

#[test]
fn pending_blocks_below_which_nothing_is_confirmed_are_only_followed() {
    let case = Case { head: "a15", pending: Some(Pending::Linked), ..AT_12 };
    assert_eq!(case.step(), Step::Wait(None));
}

#[test]
fn far_from_the_head_blocks_are_taken_at_once() {
    let case = Case { head: "a90", ..AT_12 };
    assert_eq!(case.step(), take(13, 62, HeaderDetail::Sparse));
}

/// With finality by tag, the confirmed block may be further below than headers are held.
#[test]
fn a_group_that_waits_far_from_the_head_shows_nothing_above_it() {
    let group =
        Group { cursor: Some(block("a12")), next: BlockNumber::new(13), members: Vec::new() };
    let observed = Observed { head: block("a90"), finalized: Some(block("a12")) };
    let place = Place { target: Some(BlockNumber::new(12)), join_at: None };
    let step = decide(&CONFIG, &group, &observed, place, &Learned::default());
    assert_eq!(step, Step::Wait(Some(Above::Nothing(block("a12")))));
}

#[test]
fn a_group_behind_looks_only_at_its_slice() {
    for head in ["a12", "a15", "b15"] {
        let case = Case { cursor: Some("a5"), head, join_at: Some(6), ..AT_12 };
        assert_eq!(case.step(), take(6, 6, HeaderDetail::All), "{head}");
    }
    let confirmed_already = Case { cursor: Some("a8"), join_at: Some(12), ..AT_12 };
    assert_eq!(confirmed_already.step(), Step::Wait(None));
}

#[test]
fn a_group_without_a_cursor_has_nothing_to_compare() {
    assert_eq!(Case { cursor: None, head: "a9", ..AT_12 }.step(), take(1, 3, HeaderDetail::All));
    assert_eq!(Case { cursor: None, head: "a4", ..AT_12 }.step(), Step::Wait(None));
}
