//! A node contradicts a block that was shown: a reorg, or a fork of its own. The nodes vote.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pledge_core::error::ChainError;
use pledge_core::types::BlockNumber;
use tokio::time::Instant;

use super::agreed::Contradiction;
use super::group::Group;
use super::observation::Observer;
use super::vote::{Ballot, Verdict, count, prefer};

/// A node that answered this recently still counts when it does not answer now.
const HEARD_RECENTLY: Duration = Duration::from_secs(60);

/// Settles contradictions between a node and what was shown.
#[derive(Debug, Clone)]
pub(super) struct Disputes {
    group: Arc<Group>,
    observer: Observer,
}

impl Disputes {
    pub(super) const fn new(group: Arc<Group>, observer: Observer) -> Self {
        Self { group, observer }
    }

    /// Whether a contradiction is a reorg, after which what was shown there counts no more, and the
    /// claimant takes the place of a current node that has it otherwise. If it is none, the claimant is
    /// out of use. `Transient` while the nodes disagree.
    pub(super) async fn settle(
        &self,
        claimant: usize,
        dispute: &Contradiction,
    ) -> Result<bool, ChainError> {
        let (voters, ballots) = self.poll(claimant, dispute).await;
        let (now, number) = (Instant::now(), dispute.number);
        let mut verdict = count(dispute, &ballots);
        let is_counted = verdict != Verdict::Undecided;
        let patience = self.group.config().patience;
        if !is_counted && self.group.state().disputes(claimant, number, patience, now) >= patience {
            verdict = prefer(dispute, &ballots);
        }
        match verdict {
            Verdict::Undecided => return Err(self.disagree(claimant, dispute)),
            Verdict::Reorg => {
                tracing::debug!(chain = %self.group.chain(), "block {number} was replaced");
                let current = {
                    let mut state = self.group.state();
                    // Without a majority it is unknown how far down the two branches differ.
                    let first = if is_counted { number } else { BlockNumber::new(0) };
                    state.forget_from(first);
                    state.current()
                };
                let of_current = voters.iter().position(|voter| Some(*voter) == current);
                if of_current.is_some_and(|at| ballots[at] != Ballot::Block(dispute.claimed)) {
                    self.group.adopt(claimant);
                }
            }
            Verdict::Fork => {
                let Contradiction { claimed, shown, .. } = dispute;
                let reason = format!("its block {number} is {claimed}, the others have {shown}");
                self.group.unfit(claimant, reason);
            }
        }
        self.group.state().settled(claimant);
        Ok(verdict == Verdict::Reorg)
    }

    /// The nodes that may be of the chain, in the order of preference, and the ballot of each.
    async fn poll(&self, claimant: usize, dispute: &Contradiction) -> (Vec<usize>, Vec<Ballot>) {
        let ballots = (0..self.group.nodes().len()).map(|node| async move {
            if node == claimant {
                return Some((node, Ballot::Block(dispute.claimed)));
            }
            let is_resting = self.group.state().health(node).rest(Instant::now()).is_some();
            if !is_resting && let Ok(look) = self.observer.look(node, Some(dispute.number)).await {
                let ballot = look.at.map_or(Ballot::Abstains, |block| Ballot::Block(block.hash));
                return Some((node, ballot));
            }
            let state = self.group.state();
            let health = state.health(node);
            let counts = health.is_fit() && health.was_heard_within(HEARD_RECENTLY, Instant::now());
            counts.then_some((node, Ballot::Silent))
        });
        join_all(ballots).await.into_iter().flatten().unzip()
    }

    fn disagree(&self, claimant: usize, dispute: &Contradiction) -> ChainError {
        let Contradiction { number, shown, claimed } = dispute;
        let detail = format!(
            "the nodes disagree about block {number}: {} has {claimed}, {shown} was shown before. \
             If no majority forms within {} s, the first node in your order that answers is followed",
            self.group.node(claimant).endpoint(),
            self.group.config().patience.as_secs()
        );
        ChainError::transient("compare the nodes", detail)
    }
}
