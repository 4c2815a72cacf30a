//! A node, or its answer, compared with the blocks that were shown.

use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::types::BlockRef;

use super::disputes::Disputes;
use super::group::Group;
use super::observation::Observer;

/// How far a node has the blocks that were shown. It contradicts none of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// It has the newest of them, or none was shown yet.
    Level(BlockRef),
    /// It has older ones only.
    Behind(BlockRef),
}

impl Standing {
    /// The newest block of the node.
    pub(super) const fn head(self) -> BlockRef {
        match self {
            Self::Level(head) | Self::Behind(head) => head,
        }
    }
}

/// Compares nodes with what was shown. Where one contradicts it, the nodes vote.
#[derive(Debug, Clone)]
pub(super) struct Comparer {
    group: Arc<Group>,
    observer: Observer,
    disputes: Disputes,
}

impl Comparer {
    pub(super) fn new(group: Arc<Group>) -> Self {
        let observer = Observer::new(group.clone());
        let disputes = Disputes::new(group.clone(), observer.clone());
        Self { group, observer, disputes }
    }

    /// Looks at a node that is not the current one, and compares it with what was shown.
    pub(super) async fn meet(&self, node: usize) -> Result<Standing, ChainError> {
        let tip = self.group.state().tip();
        let look = self.observer.look(node, tip).await?;
        let (head, mut headers) = (look.head, look.headers());
        let is_level = tip.is_none() || look.at.is_some();
        if !is_level {
            let Some(common) = self.group.state().shown_at_or_below(head.number) else {
                let detail =
                    format!("its head {} is below every block that was shown", head.number);
                let error = ChainError::transient("compare a node", detail);
                self.group.failed(node, &error);
                return Err(error);
            };
            headers.extend(self.observer.look(node, Some(common)).await?.headers());
        }
        // Every contradiction is settled before the node may answer: otherwise an answer could be
        // of another branch than the ones before it.
        loop {
            let contradiction = self.group.state().contradiction(&headers);
            let Some(dispute) = contradiction else { break };
            if !self.disputes.settle(node, &dispute).await? {
                let detail = format!("{} is on a fork", self.group.node(node).endpoint());
                return Err(ChainError::transient("compare a node", detail));
            }
        }
        self.group.state().agrees(node, &headers);
        Ok(if is_level { Standing::Level(head) } else { Standing::Behind(head) })
    }

    /// Whether an answer may be shown: the node that gave it is not on a fork.
    pub(super) async fn judge(
        &self,
        node: usize,
        headers: &[BlockRef],
    ) -> Result<bool, ChainError> {
        // A lone node is followed as it is; the indexer compares it with the ledger's headers.
        if self.group.is_alone() {
            return Ok(true);
        }
        loop {
            let dispute = {
                let mut state = self.group.state();
                let Some(dispute) = state.contradiction(headers) else {
                    state.shows(node, headers);
                    return Ok(true);
                };
                dispute
            };
            if !self.disputes.settle(node, &dispute).await? {
                return Ok(false);
            }
        }
    }
}
