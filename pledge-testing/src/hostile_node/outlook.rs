//! What a node may know of the chain other than what is so.

use super::chain::{Branch, View};

/// Another look at the chain.
#[derive(Debug, Clone)]
pub enum Outlook {
    /// The newest so many blocks have not arrived yet.
    Behind(u64),
    /// Another branch is canonical.
    Fork(Branch),
}

impl Outlook {
    pub(super) fn turn(&self, view: &mut View) -> bool {
        match self {
            Self::Behind(blocks) => view.behind += blocks,
            Self::Fork(branch) => view.blocks = branch.clone(),
        }
        true
    }
}
