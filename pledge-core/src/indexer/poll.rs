//! The driver of one chain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use alloy_primitives::Address;

use super::claims::{Claim, SecondFinal};
use super::finality::FinalityWatch;
use super::prefetched::Prefetched;
use super::revisit::Revisited;
use super::standstill::Standstill;
use super::superseded::Superseded;
use super::supply::{Asked, SupplyChecks};
use super::{ChainStatus, Finality, IndexerConfig, Observed, confirmed_target};
use crate::error::{ChainError, ChainErrorKind, StoreError, StoreErrorKind};
use crate::event::ReorgRecord;
use crate::ledger::TokenState;
use crate::ports::{
    BalanceStore, ChainReport, ChainSource, ChainState, PendingCache, PendingSnapshot,
};
use crate::types::{BlockId, BlockNumber, BlockRef, ChainId, Timestamp};

/// Why a step of the indexer failed. The step wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The chain source failed or has no answer.
    #[error("the chain source failed")]
    Chain(#[from] ChainError),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The chain cannot go on without an operator.
    #[error("{0}")]
    Halt(String),
}

impl IndexerError {
    /// Whether another writer was first, or a block vanished while it was read: no incident, poll
    /// again.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error.kind(), StoreErrorKind::Conflict),
            Self::Chain(error) => matches!(error.kind(), ChainErrorKind::BlockGone),
            Self::Halt(_) => false,
        }
    }
}

/// What one poll did.
#[derive(Debug)]
pub enum Poll {
    /// The ledger moved on; poll again at once.
    Advanced(Progress),
    /// The ledger went back to an ancestor; poll again at once.
    Rewound(ReorgRecord),
    /// Nothing to do until there are new blocks.
    Idle,
    /// The poll failed. Wait, then poll again: whatever failed is retried.
    Retry(IndexerError),
    /// Paused or halted: polling is pointless until an operator resumes the chain.
    Stopped(ChainStatus),
}

/// How far a slice brought the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// First block of the slice.
    pub from: BlockNumber,
    /// Newest block of the slice.
    pub to: BlockNumber,
    /// Block time of `to`.
    pub time: Timestamp,
    /// Newest confirmed block: where the chain's ledger is going.
    pub target: BlockNumber,
    /// The number of transfers folded into the ledger.
    pub transfers: u64,
    /// The number of logs that look like transfers and cannot be read.
    pub unreadable: u64,
}

/// Follows one chain. Use one value per chain; several over one store are safe, because a stale
/// write is refused.
#[derive(Debug)]
pub struct Indexer {
    pub(super) chain: ChainId,
    pub(super) source: Arc<dyn ChainSource>,
    /// The source that cross-checks slices and forks.
    pub(super) second: Option<Arc<dyn ChainSource>>,
    pub(super) store: Arc<dyn BalanceStore>,
    pub(super) pending: Arc<dyn PendingCache>,
    pub(super) config: IndexerConfig,
    pub(super) prefetched: Prefetched,
    /// The blocks above the cursor, as this value read them from the source. The cache may hold
    /// blocks from elsewhere, so it decides nothing.
    pub(super) above: Option<PendingSnapshot>,
    /// Tokens that an unreadable log halts.
    pub(super) halting_on_unreadable: BTreeSet<Address>,
    pub(super) head: Claim,
    finalized: Claim,
    supplies: SupplyChecks,
    pub(super) second_final: SecondFinal,
    /// The head at which the halted tokens were last tried again.
    pub(super) revisited: Option<BlockId>,
    /// The wall clock at this poll.
    pub(super) now: SystemTime,
    /// The states that the writes of the last poll have ended.
    pub(super) superseded: Superseded,
    pub(super) standstill: Standstill,
    finality: FinalityWatch,
    /// The chain's state when the poll began, with the reports made since.
    known: Option<ChainState>,
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
        // `now` and `known` are placeholders: every poll sets both before anything reads them.
        Self {
            chain,
            source,
            second: None,
            store,
            pending,
            config,
            prefetched: Prefetched::default(),
            above: None,
            halting_on_unreadable: BTreeSet::new(),
            head: Claim::default(),
            finalized: Claim::default(),
            supplies: SupplyChecks::default(),
            second_final: SecondFinal::default(),
            revisited: None,
            now: SystemTime::UNIX_EPOCH,
            superseded: Superseded::default(),
            standstill: Standstill::default(),
            finality: FinalityWatch::default(),
            known: None,
        }
    }

    /// With a second source, which must confirm every slice before it is committed. While the two
    /// differ, or the second does not answer, nothing is committed and the chain is degraded.
    #[must_use]
    pub fn cross_checked_by(self, second: Arc<dyn ChainSource>) -> Self {
        Self { second: Some(second), ..self }
    }

    /// With tokens that halt at the block before an unreadable log: one with the topic of a
    /// transfer that cannot be read as one. Such logs of other tokens are counted
    /// ([`TokenState::unreadable_logs`]).
    #[must_use]
    pub fn halting_on_unreadable(self, tokens: impl IntoIterator<Item = Address>) -> Self {
        Self { halting_on_unreadable: tokens.into_iter().collect(), ..self }
    }

    /// The chain that this value follows.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Observes the chain and executes at most one slice for each group of tokens at one cursor.
    ///
    /// `now` is the wall clock. It bounds the times of blocks ([`IndexerConfig::clock_slack`]) and
    /// measures how long nothing moved; it decides no amount. Dropping the future is safe at any
    /// point: the store has either all of a slice or nothing.
    pub async fn poll(&mut self, now: SystemTime) -> Poll {
        self.now = now;
        match self.step().await {
            Ok(poll) => {
                self.standstill.succeed();
                poll
            }
            Err(error) => self.failed(error).await,
        }
    }

    /// Decides what an error means for the chain; no other place does.
    async fn failed(&mut self, error: IndexerError) -> Poll {
        self.prefetched = Prefetched::default();
        self.standstill.fail(self.now);
        if error.is_passing() && !self.standstill.is_reported(self.now) {
            return Poll::Retry(error);
        }
        let status = match &error {
            IndexerError::Halt(reason) => ChainStatus::Halted(reason.clone()),
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
        let reported = self.report(status.clone(), None, None).await;
        match (status, reported) {
            (ChainStatus::Halted(reason), Ok(())) => Poll::Stopped(ChainStatus::Halted(reason)),
            _ => Poll::Retry(error),
        }
    }

    async fn step(&mut self) -> Result<Poll, IndexerError> {
        if let Some(status) = self.latched().await? {
            return Ok(Poll::Stopped(status));
        }
        let tokens = self.store.tokens(self.chain).await?;
        self.superseded.check(&tokens)?;
        let (mut tokens, halted): (Vec<_>, Vec<_>) =
            tokens.into_iter().partition(TokenState::is_active);
        self.standstill.observe(&tokens);
        let observed = self.observe(&tokens).await?;
        let target = confirmed_target(self.config.finality, &observed);
        self.standstill.confirm(target, self.now);
        let doubt = self.finality.doubts(self.config.finality, &observed, self.now);
        let mut outcome = Poll::Idle;
        let mut failure = None;
        match self.revisit(halted, &observed, target).await {
            Ok(Revisited::Nothing) => {}
            Ok(Revisited::Healed) => tokens = self.active_tokens().await?,
            Ok(Revisited::Rewound(poll)) => return Ok(poll),
            Err(halt @ IndexerError::Halt(_)) => return Err(halt),
            Err(error) => failure = Some(error),
        }
        let groups = group_by_cursor(tokens);
        for (index, group) in groups.iter().enumerate() {
            let join_at = groups[index + 1..].iter().find_map(|ahead| ahead.cursor);
            let join_at = join_at.map(|cursor| cursor.number);
            match self.advance(group, &observed, target, join_at).await {
                Ok(Poll::Idle) => {}
                Ok(rewound @ Poll::Rewound(_)) => return Ok(rewound),
                Ok(other) => outcome = other,
                Err(halt @ IndexerError::Halt(_)) => return Err(halt),
                // A failure of the tokens behind must not hold up those in front.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        match &outcome {
            Poll::Advanced(progress) if Some(progress.to) < target => {
                let (status, head) = (self.unless_stuck(ChainStatus::Syncing), &observed.head);
                self.report(status, Some(head), Some(progress.to)).await?;
            }
            _ => {
                let tokens = self.report_live(&observed, target, doubt).await?;
                let second = self.second.as_deref().unwrap_or(&*self.source);
                let asked = Asked { source: &*self.source, second };
                self.supplies.run(asked, &*self.store, &tokens, target).await?;
            }
        }
        Ok(outcome)
    }

    async fn active_tokens(&self) -> Result<Vec<TokenState>, IndexerError> {
        let mut tokens = self.store.tokens(self.chain).await?;
        tokens.retain(TokenState::is_active);
        Ok(tokens)
    }

    /// Reads the chain's state from the store; returns the status if it stops the indexer.
    async fn latched(&mut self) -> Result<Option<ChainStatus>, IndexerError> {
        let chains = self.store.chains().await?;
        self.known = chains.into_iter().find(|state| state.chain == self.chain);
        let status = self.known.as_ref().map(|state| state.status.clone());
        Ok(status.filter(ChainStatus::needs_operator))
    }

    /// The newest blocks that the node reports, if they are plausible.
    ///
    /// A head near linked blocks is linked to them before it decides anything; one further away
    /// must be the block at its height.
    async fn observe(&mut self, tokens: &[TokenState]) -> Result<Observed, IndexerError> {
        let head = self.source.head().await?;
        let finalized = match self.config.finality {
            Finality::Depth(_) => None,
            Finality::Finalized => self.source.finalized().await?,
        };
        let is_near = |linked: BlockNumber| head.number <= linked.up(self.config.retained_headers);
        if !self.linked(tokens).is_some_and(is_near) {
            self.head.prove(&*self.source, &head).await?;
        }
        if let Some(finalized) = &finalized.filter(|finalized| finalized.number > head.number) {
            let detail = format!("the finalized block {finalized} is above the head {head}");
            return Err(ChainError::block_gone("read the finalized block", detail).into());
        }
        if let Some(finalized) = &finalized {
            self.finalized.is_among(finalized, self.above.as_ref());
            self.finalized.prove(&*self.source, finalized).await?;
        }
        Ok(Observed { head, finalized })
    }

    /// The highest block already linked to others: a cursor or a pending block.
    fn linked(&self, tokens: &[TokenState]) -> Option<BlockNumber> {
        let tip = self.above.as_ref().and_then(PendingSnapshot::tip).map(|tip| tip.number);
        let cursors = tokens.iter().filter_map(|token| token.cursor).map(|cursor| cursor.number);
        cursors.chain(tip).max()
    }

    /// Drops what was learned about blocks that are no longer on the chain.
    pub(super) fn forget_branch(&mut self) {
        self.prefetched = Prefetched::default();
        self.above = None;
        self.revisited = None;
        (self.head, self.finalized) = Default::default();
        self.second_final = SecondFinal::default();
    }

    /// Reports that the newest confirmed block was reached, unless a token still catches up.
    /// Returns the active tokens.
    async fn report_live(
        &mut self,
        observed: &Observed,
        target: Option<BlockNumber>,
        doubt: Option<String>,
    ) -> Result<Vec<TokenState>, IndexerError> {
        let tokens = self.active_tokens().await?;
        self.standstill.observe(&tokens);
        let behind = tokens.iter().any(|token| Some(token.next_block()) <= target);
        let status = match doubt {
            Some(reason) => ChainStatus::Degraded(reason),
            None if behind => self.unless_stuck(ChainStatus::Syncing),
            None => ChainStatus::Live,
        };
        let processed = self.linked(&tokens);
        self.report(status, Some(&observed.head), processed).await?;
        Ok(tokens)
    }

    /// The status of a chain on which nothing failed in this poll, unless no token moves even so.
    fn unless_stuck(&self, status: ChainStatus) -> ChainStatus {
        let Some(block) = self.standstill.awaited(self.now) else { return status };
        ChainStatus::Degraded(format!(
            "block {block} has been confirmed for a minute or longer, and a token still has not come to \
             it: its node answers with one branch and then another, or several instances follow nodes on \
             different branches"
        ))
    }

    /// Writes the status if it is new, unless an operator paused the chain meanwhile.
    pub(super) async fn report(
        &mut self,
        status: ChainStatus,
        head: Option<&BlockRef>,
        processed: Option<BlockNumber>,
    ) -> Result<(), IndexerError> {
        let (head, head_time) = (head.map(|head| head.number), head.map(|head| head.time));
        let report = ChainReport { chain: self.chain, status, head, head_time, processed };
        let after = self.known.as_ref().map(|known| known.after(&report));
        if after.is_none() || after != self.known {
            self.store.report_chain(&report).await?;
            self.known = after;
        }
        Ok(())
    }
}

/// Tokens at the same cursor.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) cursor: Option<BlockRef>,
    pub(super) next: BlockNumber,
    pub(super) tokens: Vec<TokenState>,
}

/// Groups tokens by cursor, those furthest behind first.
pub(super) fn group_by_cursor(tokens: Vec<TokenState>) -> Vec<Group> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for token in tokens {
        let (cursor, next) = (token.cursor, token.next_block());
        let key = (next, cursor.map(|cursor| cursor.hash));
        let empty = || Group { cursor, next, tokens: Vec::new() };
        groups.entry(key).or_insert_with(empty).tokens.push(token);
    }
    groups.into_values().collect()
}

/// An error with the errors below it, as one line.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text = format!("{text}: {source}");
        below = source.source();
    }
    text
}
