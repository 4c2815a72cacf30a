//! What an error of a node means for it. Pure.

use std::error::Error;

use pledge_core::error::{ChainError, ChainErrorKind};

use crate::failure::{Denied, RestAsked, WrongChain};

/// Whether another node may answer better.
pub(super) fn is_of_the_node(error: &ChainError) -> bool {
    error.kind() == ChainErrorKind::Transient
        || wrong_chain(error).is_some()
        || source::<Denied>(error).is_some()
}

/// Whether the node is of another chain.
pub(super) fn wrong_chain(error: &ChainError) -> Option<&WrongChain> {
    source(error)
}

/// For how long the node asks to be left alone.
pub(super) fn rest_asked(error: &ChainError) -> Option<&RestAsked> {
    source(error)
}

fn source<E: Error + 'static>(error: &ChainError) -> Option<&E> {
    error.source()?.downcast_ref()
}
