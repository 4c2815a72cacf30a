//! States of tokens that a write has ended.

use crate::error::StoreError;
use crate::ledger::TokenState;
use crate::types::{BlockRef, Epoch, TokenId};

/// The states that the writes of the last poll have ended.
///
/// If a store returns one of them again, it answered `Ok` and wrote nothing. Without this check the
/// same blocks would be read and written for ever.
#[derive(Debug, Default)]
pub(super) struct Superseded(Vec<State>);

/// What every commit and every rewind changes, and nothing restores.
#[derive(Debug, PartialEq, Eq)]
struct State {
    token: TokenId,
    cursor: Option<BlockRef>,
    epoch: Epoch,
}

impl State {
    fn of(token: &TokenState) -> Self {
        Self { token: token.spec.id, cursor: token.cursor, epoch: token.epoch }
    }
}

impl Superseded {
    /// Records that a write changed the token's state.
    pub(super) fn end(&mut self, before: &TokenState) {
        self.0.push(State::of(before));
    }

    /// `Corrupt` if a state is back that was ended. Forgets the ended states.
    pub(super) fn check(&mut self, tokens: &[TokenState]) -> Result<(), StoreError> {
        let ended = std::mem::take(&mut self.0);
        match tokens.iter().find(|token| ended.contains(&State::of(token))) {
            None => Ok(()),
            Some(token) => {
                let id = token.spec.id;
                let detail = format!("token {id} is where it was before a write that succeeded");
                Err(StoreError::corrupt("read the tokens", detail))
            }
        }
    }
}
