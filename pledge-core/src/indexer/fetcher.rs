//! Blocks from the sources that may be trusted: verified, cross-checked, and deep enough.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::claims::{SecondFinal, prove_height};
use super::cross_check::{cross_check, cross_check_fork};
use super::facts::{RangeFacts, Wanted};
use super::prefetched::Prefetched;
use super::{Finality, IndexerConfig, Slice};
use crate::error::ChainError;
use crate::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use crate::types::{BlockRef, BlockSpan};

/// Reads blocks for one chain. It keeps slices that were read ahead, and nothing else.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) source: Arc<dyn ChainSource>,
    /// The source that cross-checks slices and forks.
    second: Option<Arc<dyn ChainSource>>,
    config: IndexerConfig,
    second_final: SecondFinal,
    prefetched: Prefetched,
    /// The wall clock at this poll, which bounds the times of blocks; `None` before the first.
    now: Option<SystemTime>,
}

impl Fetcher {
    /// A fetcher without a second source.
    pub(super) fn new(source: Arc<dyn ChainSource>, config: IndexerConfig) -> Self {
        Self {
            source,
            second: None,
            config,
            second_final: SecondFinal::default(),
            prefetched: Prefetched::default(),
            now: None,
        }
    }

    pub(super) fn cross_checked_by(&mut self, second: Arc<dyn ChainSource>) {
        self.second = Some(second);
    }

    /// The source that is asked when an answer of the first has to be repeated.
    pub(super) fn second_or_first(&self) -> &dyn ChainSource {
        self.second.as_deref().unwrap_or(&*self.source)
    }

    /// Begins a poll.
    pub(super) const fn begin(&mut self, now: SystemTime) {
        self.now = Some(now);
    }

    /// Drops the slices that were read ahead.
    pub(super) fn forget_prefetched(&mut self) {
        self.prefetched = Prefetched::default();
    }

    /// Drops what was learned about blocks that are no longer on the chain.
    pub(super) fn forget_branch(&mut self) {
        self.forget_prefetched();
        self.second_final = SecondFinal::default();
    }

    /// The facts of a slice: those read ahead, if they are still what is wanted.
    pub(super) async fn slice(
        &mut self,
        slice: Slice,
        wanted: &Wanted,
    ) -> Result<RangeFacts, ChainError> {
        match self.prefetched.take(slice, wanted) {
            Some(facts) => Ok(facts),
            None => self.checked(slice, wanted).await,
        }
    }

    /// The slice after one that is being committed, if there is room for it.
    ///
    /// A failure is none of the poll's: the slice is requested again when its turn comes.
    pub(super) async fn ahead(
        &self,
        slice: Option<Slice>,
        wanted: &Wanted,
    ) -> Option<(Slice, RangeFacts)> {
        // Near the head a slice has to fit the pending blocks of its own poll.
        let is_far = |slice: &Slice| slice.detail == HeaderDetail::Sparse;
        let slice = slice.filter(|slice| is_far(slice) && self.prefetched.has_room())?;
        let facts = self.checked(slice, wanted).await.ok()?;
        Some((slice, facts))
    }

    /// Keeps what was read ahead.
    pub(super) fn keep(&mut self, ahead: Option<(Slice, RangeFacts)>, wanted: &Wanted) {
        if let Some((slice, facts)) = ahead {
            self.prefetched.put(slice, wanted.clone(), facts);
        }
    }

    /// Facts that may be committed. They are cross-checked at once: later, the node that answered
    /// may be one of those that cross-check.
    pub(super) async fn checked(
        &self,
        slice: Slice,
        wanted: &Wanted,
    ) -> Result<RangeFacts, ChainError> {
        let answer = self.verified(slice, wanted).await?;
        if let Some(second) = &self.second {
            let filters = wanted.filters();
            cross_check(&**second, &answer, &filters, slice.detail).await?;
        }
        let facts = RangeFacts::of(answer, wanted);
        self.prove_depth(slice.detail, &facts).await?;
        Ok(facts)
    }

    /// Facts above the confirmed block, which are read again before they are committed.
    pub(super) async fn unconfirmed(
        &self,
        blocks: BlockSpan,
        wanted: &Wanted,
    ) -> Result<RangeFacts, ChainError> {
        let BlockSpan { first: from, last: to } = blocks;
        let slice = Slice { from, to, detail: HeaderDetail::All };
        Ok(RangeFacts::of(self.verified(slice, wanted).await?, wanted))
    }

    /// Facts that are compared with the ledger's and not added to it: a prefix of these blocks, with the
    /// headers of its ends and of the blocks with logs.
    pub(super) async fn compared(
        &self,
        blocks: BlockSpan,
        wanted: &Wanted,
    ) -> Result<RangeFacts, ChainError> {
        let BlockSpan { first: from, last: to } = blocks;
        let slice = Slice { from, to, detail: HeaderDetail::Sparse };
        Ok(RangeFacts::of(self.verified(slice, wanted).await?, wanted))
    }

    /// An answer of the first source that keeps its contract. Blocks of which no log is wanted are
    /// headers alone.
    async fn verified(&self, slice: Slice, wanted: &Wanted) -> Result<LogsAnswer, ChainError> {
        let Slice { from, to, detail } = slice;
        let filters = wanted.filters();
        let request = LogsRequest { from, to, filters: &filters, detail };
        let answer = if wanted.is_empty() {
            let headers = self.source.headers(BlockSpan::new(from, to)).await?;
            LogsAnswer { headers, logs: Vec::new() }
        } else {
            self.source.logs(request).await?
        };
        if let Some(header) = answer.headers.iter().find(|header| self.is_ahead_of_clock(header)) {
            return Err(ahead_of_clock(header));
        }
        answer.verify(&request)?;
        Ok(answer)
    }

    /// Far from the head no block is linked to it. So both sources must show that the chain goes on
    /// as far above the blocks as they claim; otherwise a false head would confirm blocks early and
    /// drop their headers. Near the head the first source's blocks are linked, and the second must
    /// have as many.
    async fn prove_depth(
        &self,
        detail: HeaderDetail,
        facts: &RangeFacts,
    ) -> Result<(), ChainError> {
        let Some(last) = facts.last() else {
            return Ok(());
        };
        let confirmations = match self.config.finality {
            Finality::Depth(confirmations) => confirmations,
            Finality::Finalized => 0,
        };
        if detail == HeaderDetail::Sparse {
            // A block is far from the head if it is below the lowest header held.
            let blocks = confirmations.max(self.config.retained_headers.saturating_add(1));
            let height = last.number.up(blocks);
            prove_height(&*self.source, height).await?;
            if let Some(second) = &self.second {
                prove_height(&**second, height).await?;
            }
        } else if let Some(second) = &self.second {
            prove_height(&**second, last.number.up(confirmations)).await?;
        }
        match &self.second {
            Some(second) if self.config.finality == Finality::Finalized => {
                self.second_final.prove(&**second, last).await
            }
            _ => Ok(()),
        }
    }

    /// `Transient` if the second source still has a block that the first has replaced.
    pub(super) async fn cross_check_fork(&self, ours: &BlockRef) -> Result<(), ChainError> {
        match &self.second {
            Some(second) => cross_check_fork(&**second, ours).await,
            None => Ok(()),
        }
    }

    fn is_ahead_of_clock(&self, header: &BlockRef) -> bool {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(header.time.get());
        let Some((now, slack)) = self.now.zip(self.config.clock_slack) else { return false };
        time.duration_since(now).is_ok_and(|ahead| ahead > slack)
    }
}

fn ahead_of_clock(header: &BlockRef) -> ChainError {
    let detail = format!(
        "block {header} has time {}, further ahead of this host's clock than clock_slack allows. \
         Nothing is committed meanwhile. If the clock is right, the node is not, unless the chain keeps \
         a time of its own: then raise clock_slack",
        header.time
    );
    ChainError::transient("check the time of a block", detail)
}
