//! The driver of one chain.

use std::sync::Arc;
use std::time::SystemTime;

use alloy_primitives::Address;

use super::blocks::{Applied, Blocks};
use super::branches::Branches;
use super::claims::Claims;
use super::contracts::ContractLogs;
use super::decide::{Above, Learned, Pending, Place, Step, decide};
use super::fetcher::Fetcher;
use super::finality::FinalityWatch;
use super::followed::{Followed, Group, group_by_cursor};
use super::ledger::Ledger;
use super::outcome::{IndexerError, Poll, Progress, await_node};
use super::pending::PendingBlocks;
use super::projection::Projections;
use super::report::Reporter;
use super::revisit::Revisits;
use super::standstill::Standstill;
use super::stranded::Stranded;
use super::superseded::Superseded;
use super::supply::{Asked, SupplyChecks};
use super::{ChainStatus, IndexerConfig, Observed, Slice, confirmed_target, plan};
use crate::error::{ChainError, StoreErrorKind, error_chain};
use crate::ports::{
    BalanceStore, ChainSource, HeaderDetail, LogStore, PendingCache, PendingSnapshot,
};
use crate::types::{BlockNumber, BlockRef, ChainId};

/// Follows one chain. Use one value per chain; several over one store are safe, because a stale
/// write is refused.
#[derive(Debug)]
pub struct Indexer {
    pub(super) chain: ChainId,
    pub(super) store: Arc<dyn BalanceStore>,
    pub(super) config: IndexerConfig,
    pub(super) fetcher: Fetcher,
    pub(super) projections: Projections,
    pub(super) branches: Branches,
    pub(super) pending: PendingBlocks,
    pub(super) claims: Claims,
    pub(super) revisits: Revisits,
    pub(super) stranded: Stranded,
    /// The states that the writes of the last poll have ended.
    pub(super) superseded: Superseded,
    supplies: SupplyChecks,
    standstill: Standstill,
    finality: FinalityWatch,
    reporter: Reporter,
    /// The head of this poll, once the group in front went on under it.
    head: Option<BlockRef>,
}

impl Indexer {
    /// An indexer of a registered chain.
    pub fn new(
        chain: ChainId,
        source: Arc<dyn ChainSource>,
        store: Arc<dyn BalanceStore>,
        pending: Arc<dyn PendingCache>,
        config: IndexerConfig,
    ) -> Self {
        // The parts share the ports and nothing else: what one learns, another gets as an argument.
        Self {
            chain,
            config,
            fetcher: Fetcher::new(source.clone(), config),
            projections: Projections { ledger: Ledger::new(chain, store.clone()), contracts: None },
            branches: Branches::new(chain, source, store.clone()),
            pending: PendingBlocks::new(chain, pending),
            claims: Claims::default(),
            revisits: Revisits::default(),
            stranded: Stranded::default(),
            superseded: Superseded::default(),
            supplies: SupplyChecks::default(),
            standstill: Standstill::default(),
            finality: FinalityWatch::default(),
            reporter: Reporter::new(chain, store.clone()),
            head: None,
            store,
        }
    }

    /// With a second source, which must confirm every slice before it is committed. While the two
    /// differ, or the second does not answer, nothing is committed and the chain is degraded.
    #[must_use]
    pub fn cross_checked_by(mut self, second: Arc<dyn ChainSource>) -> Self {
        self.fetcher.cross_checked_by(second);
        self
    }

    /// With tokens that halt at the block before an unreadable log: one with the topic of a
    /// transfer that cannot be read as one. Such logs of other tokens are counted
    /// ([`TokenState::unreadable_logs`](crate::ledger::TokenState::unreadable_logs)).
    #[must_use]
    pub fn halting_on_unreadable(mut self, tokens: impl IntoIterator<Item = Address>) -> Self {
        self.projections.ledger.halt_on_unreadable(tokens);
        self
    }

    /// Keeps the logs of the chain's registered contracts too. It must be the database of the
    /// ledger: both are rewound in one write.
    #[must_use]
    pub fn keeping_logs(mut self, store: Arc<dyn LogStore>) -> Self {
        self.projections.contracts = Some(ContractLogs::new(self.chain, store));
        self
    }

    /// The chain that this value follows.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Observes the chain and executes at most one slice for each group at one cursor.
    ///
    /// `now` is the wall clock. It bounds the times of blocks ([`IndexerConfig::clock_slack`]) and
    /// measures how long nothing moved; it decides no amount. Dropping the future is safe at any
    /// point: the store has either all of a slice or nothing.
    pub async fn poll(&mut self, now: SystemTime) -> Poll {
        self.fetcher.begin(now);
        self.head = None;
        match self.step(now).await {
            Ok(poll) => {
                self.standstill.succeed();
                poll
            }
            Err(error) => self.failed(error, now).await,
        }
    }

    /// Decides what an error means for the chain; no other place does.
    async fn failed(&mut self, error: IndexerError, now: SystemTime) -> Poll {
        self.fetcher.forget_prefetched();
        self.standstill.fail(now);
        if error.is_passing() && !self.standstill.is_reported(now) {
            return Poll::Retry(error);
        }
        let status = match &error {
            IndexerError::Halt(reason) => ChainStatus::Halted(reason.clone()),
            IndexerError::Stranded(reason) => ChainStatus::Degraded(reason.clone()),
            IndexerError::Store(e)
                if matches!(
                    e.kind(),
                    StoreErrorKind::BeyondRetention | StoreErrorKind::Corrupt
                ) =>
            {
                ChainStatus::Halted(error_chain(e))
            }
            IndexerError::Store(e) => ChainStatus::Degraded(error_chain(e)),
            IndexerError::Chain(e) => ChainStatus::Degraded(error_chain(e)),
        };
        // A store that is unavailable takes no report; the next poll reports the status again.
        let (head, processed) = (self.head, self.head.and_then(|_| self.linked()));
        let reported = self.reporter.report(status.clone(), head.as_ref(), processed).await;
        match (status, reported) {
            (ChainStatus::Halted(reason), Ok(())) => Poll::Stopped(ChainStatus::Halted(reason)),
            _ => Poll::Retry(error),
        }
    }

    async fn step(&mut self, now: SystemTime) -> Result<Poll, IndexerError> {
        if let Some(status) = self.reporter.read().await? {
            return Ok(Poll::Stopped(status));
        }
        self.projections.read().await?;
        let followed = self.projections.followed();
        self.superseded.check(&followed)?;
        self.stranded.forget_moved(&followed);
        let waits = |one: &&Followed| one.is_active && !self.stranded.has(one.cursor.as_ref());
        self.standstill.observe(followed.iter().filter(waits));
        let (source, linked) = (&*self.fetcher.source, self.linked());
        let above = self.pending.known();
        let observed = self.claims.observe(source, &self.config, linked, above).await?;
        let target = confirmed_target(self.config.finality, &observed);
        self.standstill.confirm(target, now);
        let doubt = self.finality.doubts(self.config.finality, &observed, now);
        self.stranded.forget_healed(&self.branches, &observed.head).await;
        // The first failure is kept and returned at the end: no token waits for another's.
        let mut failure = None;
        if self.revisits.are_due(&followed, &observed.head) {
            match self.revisit(&observed.head, target).await {
                Ok(None) => {}
                Ok(Some(rewound)) => return Ok(rewound),
                Err(halt @ IndexerError::Halt(_)) => return Err(halt),
                Err(error) => failure = Some(error),
            }
        }
        let outcome = self.advance_each(&observed, target, &mut failure).await?;
        if let Poll::Rewound(_) = outcome {
            return Ok(outcome);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        match &outcome {
            Poll::Advanced(progress) if Some(progress.to) < target => {
                let (status, head) = (self.unless_stuck(ChainStatus::Syncing, now), &observed.head);
                self.reporter.report(status, Some(head), self.linked()).await?;
            }
            _ => {
                self.report_live(&observed, target, doubt, now).await?;
                let asked =
                    Asked { source: &*self.fetcher.source, second: self.fetcher.second_or_first() };
                let tokens = self.projections.ledger.tokens().filter(|token| token.is_active());
                self.supplies.run(asked, &*self.store, tokens, target).await?;
            }
        }
        Ok(match (outcome, self.stranded.reason()) {
            (Poll::Idle, Some(reason)) => Poll::Retry(IndexerError::Stranded(reason)),
            (outcome, _) => outcome,
        })
    }

    /// Brings every group that is not set aside one slice forward, the furthest behind first, until one
    /// of them is rewound. Keeps the first failure, for which the others do not wait.
    async fn advance_each(
        &mut self,
        observed: &Observed,
        target: Option<BlockNumber>,
        failure: &mut Option<IndexerError>,
    ) -> Result<Poll, IndexerError> {
        let mut outcome = Poll::Idle;
        let followed = self.projections.followed();
        let groups = group_by_cursor(followed.iter().filter(|one| one.is_active));
        for (index, group) in groups.iter().enumerate() {
            if self.stranded.has(group.cursor.as_ref()) {
                continue;
            }
            let mut ahead = groups[index + 1..].iter().filter_map(|ahead| ahead.cursor);
            let join_at = ahead.find(|ahead| !self.stranded.has(Some(ahead)));
            let place = Place { target, join_at: join_at.map(|cursor| cursor.id()) };
            let mut advanced = self.advance(group, observed, place).await;
            if let (Err(IndexerError::Chain(error)), Some(tokens)) =
                (&advanced, group.without_contracts())
                && !error.is_block_gone()
            {
                // What a node does not give of a contract must not hold up the tokens.
                *failure = failure.take().or(advanced.err());
                advanced = self.advance(&tokens, observed, place).await;
            }
            if place.is_front() && advanced.is_ok() {
                self.head = Some(observed.head);
            }
            match advanced {
                Ok(Poll::Idle) => {}
                Ok(rewound @ Poll::Rewound(_)) => return Ok(rewound),
                Ok(other) => outcome = other,
                Err(halt @ IndexerError::Halt(_)) => return Err(halt),
                // A failure of the tokens behind must not hold up those in front.
                Err(error) => *failure = failure.take().or(Some(error)),
            }
        }
        Ok(outcome)
    }

    /// Brings a group one slice forward.
    async fn advance(
        &mut self,
        group: &Group,
        observed: &Observed,
        place: Place,
    ) -> Result<Poll, IndexerError> {
        let head = &observed.head;
        let (mut learned, mut seen) = (Learned::default(), None);
        // Each round learns one thing that the decision asked for, so there are three at the most.
        loop {
            match decide(&self.config, group, observed, place, &learned) {
                Step::ReadHeld => {
                    learned.held = Some(self.branches.held_at(head.number).await?);
                }
                Step::RefreshPending => {
                    let cursor = group.cursor.expect("pending blocks build on a cursor");
                    let wanted = self.projections.wanted(group);
                    seen = self.pending.refresh(&self.fetcher, &wanted, &cursor, head).await?;
                    let forked = seen.is_none();
                    learned.pending = Some(if forked { Pending::Forked } else { Pending::Linked });
                }
                Step::Wait(above) => return self.wait(group, above).await,
                Step::AwaitNode => return Err(await_node(head).into()),
                Step::ResolveFork(ours) => return self.resolve_fork(head, &ours, group).await,
                Step::Take(slice) => {
                    return self.take(slice, group, observed, place, seen).await;
                }
            }
        }
    }

    async fn wait(&mut self, group: &Group, above: Option<Above>) -> Result<Poll, IndexerError> {
        match above {
            Some(Above::NoneYet(cursor)) => {
                self.pending.show_none_yet(group.token_addresses(), &cursor).await?;
            }
            Some(Above::Nothing(cursor)) => self.pending.show_nothing_above(&cursor).await?,
            None => {}
        }
        Ok(Poll::Idle)
    }

    /// Fetches a slice and commits it, while the next one is being fetched. `seen` are the pending
    /// blocks, where the slice is near the head.
    async fn take(
        &mut self,
        slice: Slice,
        group: &Group,
        observed: &Observed,
        place: Place,
        seen: Option<PendingSnapshot>,
    ) -> Result<Poll, IndexerError> {
        let (head, wanted) = (&observed.head, self.projections.wanted(group));
        let facts = self.fetcher.slice(slice, &wanted).await?;
        if let Some(ours) = self.branches.orphaned_by(group, &facts).await? {
            return self.resolve_fork(head, &ours, group).await;
        }
        let (config, detail, confirmed_by) = (&self.config, slice.detail, place.join_at);
        let (fetcher, retained_headers) = (&self.fetcher, config.retained_headers);
        let blocks = Blocks { facts: &facts, detail, fetcher, confirmed_by, retained_headers };
        let (first, tip) = (blocks.first(), blocks.tip());
        if seen.is_some()
            && let Some(block) = self.pending.contradicted_by(&facts)
        {
            self.pending.forget();
            let detail =
                format!("block {block} was answered in two ways: both are asked for again");
            return Err(ChainError::transient("compare two answers", detail).into());
        }
        match place.join_at {
            Some(ahead) if detail == HeaderDetail::Sparse => {
                self.branches.check_same_chain(&tip, &ahead).await?;
            }
            None if detail == HeaderDetail::Sparse => {}
            _ => {
                let confirming = place.confirming(observed);
                self.branches.check_on_branch(seen.as_ref(), &tip, confirming).await?;
            }
        }
        let following =
            |target| plan(config, head.number, target, tip.number.next(), place.join_height());
        let following = place.target.and_then(following);
        let (applied, ahead) = tokio::join!(
            self.projections.apply(group, &blocks),
            self.fetcher.ahead(following, &wanted)
        );
        self.fetcher.keep(ahead, &wanted);
        let mut applied = applied?;
        // A projection whose tokens are all halted took nothing, so it does not decide how far the
        // group is.
        applied.retain(|applied| !applied.taken.is_empty());
        // Where one projection took fewer blocks than another, the group is as far as that one.
        let Some(tip) = applied.iter().map(|applied| applied.tip).min_by_key(|tip| tip.number)
        else {
            return Ok(Poll::Idle);
        };
        for Applied { taken, tip, .. } in &applied {
            let before = group.members.iter().filter(|member| taken.contains(&member.id));
            before.for_each(|before| self.superseded.end(before));
            self.standstill.advance(taken, tip.number);
        }
        if let Some(snapshot) = seen {
            self.pending.trim(snapshot, &tip).await?;
        }
        let target = place.target.unwrap_or(tip.number);
        Ok(Poll::Advanced(Progress::of(&applied, first.number, &tip, target)))
    }

    /// The highest block already linked to others: a cursor or a pending block.
    fn linked(&self) -> Option<BlockNumber> {
        self.projections.top().max(self.pending.tip())
    }

    /// Reports that the newest confirmed block was reached, unless something still catches up.
    async fn report_live(
        &mut self,
        observed: &Observed,
        target: Option<BlockNumber>,
        doubt: Option<String>,
        now: SystemTime,
    ) -> Result<(), IndexerError> {
        let followed = self.projections.followed();
        let mut active = followed.iter().filter(|one| one.is_active);
        let behind = active.any(|one| Some(one.next_block()) <= target);
        let status = match doubt {
            Some(reason) => ChainStatus::Degraded(reason),
            None if behind => self.unless_stuck(ChainStatus::Syncing, now),
            // A token that was halted in this poll waits until the store shows the halt.
            None => self.unless_stuck(ChainStatus::Live, now),
        };
        self.reporter.report(status, Some(&observed.head), self.linked()).await?;
        Ok(())
    }

    /// The status of a chain on which nothing failed in this poll, unless something does not move even
    /// so, or is set aside.
    fn unless_stuck(&self, status: ChainStatus, now: SystemTime) -> ChainStatus {
        let stuck = self.standstill.awaited(now).map(|block| {
            format!(
                "block {block} has been confirmed for a minute or longer, and a token still has not come to \
                 it: its node answers with one branch and then another, or several instances follow nodes on \
                 different branches"
            )
        });
        let reasons: Vec<_> = self.stranded.reason().into_iter().chain(stuck).collect();
        if reasons.is_empty() { status } else { ChainStatus::Degraded(reasons.join("; ")) }
    }
}
