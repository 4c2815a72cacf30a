//! The bugs that are planted where something catches up behind the others, and where a rewind
//! restates points.

use super::plants::{Plant, plant};

pub(crate) const PLANTS: &[Plant] = &[
    plant(
        "confirmed_by_what_was_taken_back",
        "ports/new_blocks.rs",
        "held(by.number).is_none_or(|held| held.id() != by)",
        "false",
        "what confirms a block is held when it is added",
    ),
    plant(
        "behind_is_confirmed_by_nothing",
        "indexer/decide.rs",
        "[Some(ahead), None]",
        "{
                let _ = ahead;
                [None, None]
            }",
        "what is behind is on the branch of what is ahead",
    ),
    plant(
        "branch_not_checked",
        "indexer/branches.rs",
        "ends != Some((tip.id(), above))",
        "false",
        "a block is confirmed by its descendants alone",
    ),
    plant(
        "chain_far_behind_not_checked",
        "indexer/branches.rs",
        "top.id() == *ahead",
        "true",
        "far behind, the node has what is ahead too",
    ),
    plant(
        "behind_halts_its_chain",
        "indexer/fork.rs",
        "Some(order(top)) > group.cursor.as_ref().map(order)",
        "false",
        "only what is in front halts its chain",
    ),
    plant(
        "joins_what_is_set_aside",
        "indexer/poll.rs",
        "!self.stranded.has(Some(ahead))",
        "true",
        "nothing waits for what is set aside",
    ),
    plant(
        "derived_windows_are_not_taken_back",
        "points/restate.rs",
        "raw != total || has_rows",
        "has_rows",
        "statements sum to the total after a rewind",
    ),
    plant(
        "all_is_taken_back",
        "points/restate.rs",
        "total.try_sub(raw)?",
        "total",
        "what was earned before a rewind stays",
    ),
    plant(
        "restated_to_the_ancestor",
        "points/restate.rs",
        "self.confirmed.map(edge)",
        "self.confirmed",
        "a window is open until its end is confirmed",
    ),
    plant(
        "taken_back_to_the_shards_end",
        "points/restate.rs",
        "self.before.settled_of(account)",
        "self.before.settled.or(self.before.settled_of(account))",
        "a rewind takes back what a run had settled already",
    ),
];
