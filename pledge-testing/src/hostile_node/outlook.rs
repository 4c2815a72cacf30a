//! A node's deviating view of the chain.

use super::chain::{Branch, View};

/// A view of the chain that deviates from the truth.
#[derive(Debug, Clone)]
pub enum Outlook {
    /// This many of the newest blocks have not arrived yet.
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
