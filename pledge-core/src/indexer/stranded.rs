//! What was read from another chain than what is ahead of it: set aside, while the others go on.

use super::branches::Branches;
use super::followed::{Followed, Group, group_by_cursor};
use crate::types::BlockRef;

/// The groups that are set aside, each as long as it stays at its cursor.
///
/// Nothing of it is stored: another process finds the same.
#[derive(Debug, Default)]
pub(super) struct Stranded(Vec<Group>);

impl Stranded {
    /// Sets aside everything at the cursor of a group, halted tokens too.
    pub(super) fn set_aside(&mut self, group: &Group, followed: &[Followed]) {
        let here = group_by_cursor(followed).into_iter().find(|one| one.base() == group.base());
        self.0.extend(here.filter(|here| !self.has(here.cursor.as_ref())));
    }

    /// Whether what is at a cursor is set aside.
    pub(super) fn has(&self, cursor: Option<&BlockRef>) -> bool {
        cursor.is_some() && self.0.iter().any(|group| group.cursor.as_ref() == cursor)
    }

    /// Takes back in what is not at its cursor any more.
    pub(super) fn forget_moved(&mut self, followed: &[Followed]) {
        self.0.retain(|group| followed.iter().any(|one| one.cursor == group.cursor));
    }

    /// Takes back in what is at a block that the node has: it goes on from there.
    pub(super) async fn forget_healed(&mut self, branches: &Branches, head: &BlockRef) {
        for group in std::mem::take(&mut self.0) {
            let cursor = group.cursor.expect("only what has a cursor is set aside");
            let is_there = branches.is_ours_still(head, &cursor).await;
            // It is set aside already: what the node does not give of it must not hold up the others.
            let is_there = is_there.unwrap_or_else(|error| {
                tracing::debug!(%error, "what is set aside cannot be compared");
                false
            });
            if is_there {
                tracing::info!(block = %cursor, "the node has the block now, what was set aside at it goes on");
            } else {
                self.0.push(group);
            }
        }
    }

    /// Why something is set aside, and what an operator can do; `None` if nothing is.
    pub(super) fn reason(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.iter().map(reason).collect::<Vec<_>>().join("; "))
    }
}

fn reason(group: &Group) -> String {
    let cursor = group.cursor.expect("only what has a cursor is set aside");
    let names: Vec<_> = group.members.iter().map(|one| one.id.to_string()).collect();
    let start = group.members.iter().map(|one| one.start_block).min();
    let (names, start) = (names.join(", "), start.expect("a group has members"));
    format!(
        "{names}: set aside at block {cursor}, which the node's chain does not have, although it has what is \
         ahead; no held header leads back to a block that it has, so the blocks up to there were read \
         from another chain. The others go on. If the node is wrong, use another: what is set aside \
         then goes on by itself. If it is right, take the chain back to a block below {start} \
         (`pledge rewind`): everything above is read again"
    )
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::super::followed::FollowedId;
    use super::*;
    use crate::types::{BlockNumber, ChainId, Epoch, Timestamp, TokenId};

    fn token(number: u8, cursor: Option<u8>) -> Followed {
        let id = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(number) };
        let block = |at: u8| BlockRef {
            number: BlockNumber::new(at.into()),
            hash: B256::repeat_byte(at),
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        };
        Followed {
            id: FollowedId::Token(id),
            start_block: BlockNumber::new(number.into()),
            cursor: cursor.map(block),
            epoch: Epoch::FIRST,
            is_active: true,
            may_heal: false,
        }
    }

    #[test]
    fn all_at_one_cursor_are_set_aside_and_named_until_they_move() {
        let mut all = [token(3, Some(9)), token(2, Some(9)), token(4, Some(8)), token(5, None)];
        let mut stranded = Stranded::default();
        assert_eq!(stranded.reason(), None);
        stranded.set_aside(&Group::of(&all[0]), &all);
        stranded.set_aside(&Group::of(&all[1]), &all);
        let set_aside = all.each_ref().map(|one| stranded.has(one.cursor.as_ref()));
        assert_eq!(set_aside, [true, true, false, false]);
        let reason = stranded.reason().unwrap();
        let named = all.each_ref().map(|one| reason.matches(&one.id.to_string()).count());
        assert_eq!(named, [1, 1, 0, 0], "{reason}");
        assert!(reason.contains("a block below 2 "), "{reason}");
        all[0].cursor = all[2].cursor;
        stranded.forget_moved(&all);
        assert!(stranded.has(all[1].cursor.as_ref()));
        all[1].cursor = None;
        stranded.forget_moved(&all);
        assert_eq!(stranded.reason(), None);
    }
}
