//! States that a write has ended.

use super::followed::{Followed, FollowedId};
use crate::error::StoreError;
use crate::types::{BlockRef, Epoch};

/// The states that the writes of the last poll have ended.
///
/// If a store returns one of them again, it answered `Ok` and wrote nothing. Without this check the
/// same blocks would be read and written for ever.
#[derive(Debug, Default)]
pub(super) struct Superseded(Vec<State>);

/// What every commit and every rewind changes, and nothing restores.
#[derive(Debug, PartialEq, Eq)]
struct State {
    id: FollowedId,
    cursor: Option<BlockRef>,
    epoch: Epoch,
}

impl State {
    fn of(followed: &Followed) -> Self {
        Self { id: followed.id.clone(), cursor: followed.cursor, epoch: followed.epoch }
    }
}

impl Superseded {
    /// Records that a write changed the state.
    pub(super) fn end(&mut self, before: &Followed) {
        self.0.push(State::of(before));
    }

    /// `Corrupt` if a state is back that was ended. Forgets the ended states.
    pub(super) fn check(&mut self, all: &[Followed]) -> Result<(), StoreError> {
        let ended = std::mem::take(&mut self.0);
        match all.iter().find(|followed| ended.contains(&State::of(followed))) {
            None => Ok(()),
            Some(Followed { id, .. }) => {
                let detail = format!("{id} is where it was before a write that succeeded");
                Err(StoreError::corrupt("read the cursors", detail))
            }
        }
    }
}
