//! The central decision: what a group does next. Pure.

use super::followed::Group;
use super::{IndexerConfig, Observed, Slice, plan};
use crate::types::{BlockId, BlockNumber, BlockRef};

/// The next step of a group at one cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is nothing to take. What readers may see above the cursor is shown.
    Wait(Option<Above>),
    /// The head is not above the cursor: read the header held at its height, then decide again.
    ReadHeld,
    /// The head is below every header held, so it cannot be compared: wait for the node.
    AwaitNode,
    /// The head is near: bring the pending blocks up to it, then decide again.
    RefreshPending,
    /// The node's chain does not have this block that we hold: find the common ancestor.
    ResolveFork(BlockRef),
    /// Fetch these blocks, and commit them.
    Take(Slice),
}

/// What readers may see above the cursor of a group that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Above {
    /// The cursor is the head: there is no block above it.
    NoneYet(BlockRef),
    /// The blocks above the cursor are too far from the head to be followed.
    Nothing(BlockRef),
}

/// What a group is to the others, and how far it may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The newest confirmed block; `None` while there is none.
    pub(super) target: Option<BlockNumber>,
    /// The cursor of the group before this one, at which both can go on together; `None` for the
    /// group in front.
    pub(super) join_at: Option<BlockId>,
}

impl Place {
    pub(super) const fn is_front(&self) -> bool {
        self.join_at.is_none()
    }

    /// The blocks that confirm their ancestors near the head: for the group in front the head, and the
    /// finalized block where that is required; for one behind the cursor ahead, which the node's chain
    /// may have left since.
    pub(super) fn confirming(&self, observed: &Observed) -> impl Iterator<Item = BlockId> {
        let Observed { head, finalized } = observed;
        let of_front = [Some(head.id()), finalized.map(|finalized| finalized.id())];
        match self.join_at {
            Some(ahead) => [Some(ahead), None],
            None => of_front,
        }
        .into_iter()
        .flatten()
    }

    pub(super) fn join_height(&self) -> Option<BlockNumber> {
        self.join_at.map(|cursor| cursor.number)
    }
}

/// What was learned for the decision so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Learned {
    /// The header that we hold at the head's height, if it was read.
    pub(super) held: Option<Option<BlockRef>>,
    /// The pending blocks, if they were refreshed.
    pub(super) pending: Option<Pending>,
}

/// How the blocks above the cursor lead to the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// By parent hashes, from the cursor up.
    Linked,
    /// Not at all: the head is on another branch than the cursor.
    Forked,
}

/// Decides the next step of a group.
///
/// Only the group in front compares its cursor with the head and follows the pending blocks. It does
/// so before anything is fetched, because blocks of two branches must never meet in one commit.
///
/// ```text
/// head = cursor       -> wait
/// head below cursor   -> the header held there: the head's (wait), another (fork), none (await)
/// head near, above    -> the pending blocks: linked (take), forked (fork)
/// head far above      -> take
/// ```
pub(super) fn decide(
    config: &IndexerConfig,
    group: &Group,
    observed: &Observed,
    place: Place,
    learned: &Learned,
) -> Step {
    let head = &observed.head;
    let near_head = is_near_head(config, group, observed, place);
    let cursor = group.cursor.filter(|_| place.is_front());
    // The comparisons come before the plan: a slice of another branch must never be asked for.
    if let Some(cursor) = cursor {
        if head.id() == cursor.id() {
            return Step::Wait(Some(Above::NoneYet(cursor)));
        }
        if head.number <= cursor.number {
            return compare_lower_head(head, learned);
        }
        match learned.pending {
            None if near_head => return Step::RefreshPending,
            Some(Pending::Forked) => return Step::ResolveFork(cursor),
            None | Some(Pending::Linked) => {}
        }
    }
    let slice = |target| plan(config, head.number, target, group.next, place.join_height());
    match place.target.and_then(slice) {
        Some(slice) => Step::Take(slice),
        None => Step::Wait(cursor.filter(|_| !near_head).map(Above::Nothing)),
    }
}

/// Whether the group is in front and its next block within the retained headers of the head.
fn is_near_head(config: &IndexerConfig, group: &Group, observed: &Observed, place: Place) -> bool {
    place.is_front() && group.next >= config.first_retained(observed.head.number)
}

/// A head at or below the cursor: the node lags if we hold that very block, and has forked if we
/// hold another one at its height.
fn compare_lower_head(head: &BlockRef, learned: &Learned) -> Step {
    match learned.held {
        None => Step::ReadHeld,
        Some(Some(held)) if held.hash == head.hash => Step::Wait(None),
        Some(Some(held)) => Step::ResolveFork(held),
        Some(None) => Step::AwaitNode,
    }
}

#[cfg(test)]
mod tests;
