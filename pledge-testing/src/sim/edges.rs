//! The finder of edges, at work while everything else happens, and the edges that it must have found.
//!
//! Chance of its own decides when it goes on, so that it changes nothing else of what a seed plays.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pledge_core::edges::{EdgeFinder, Finding};
use pledge_core::error::StoreError;
use pledge_core::forward_store;
use pledge_core::indexer::IndexerError;
use pledge_core::ledger::{BlockEdge, TokenState};
use pledge_core::ports::{BalanceStore, LedgerReads, LedgerWrites, Registry};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{BlockNumber, BlockRef, ChainId, Epoch, Timestamp, TokenId};

use super::check::Verdict;
use super::control::now;
use super::dice::Dice;
use super::history::{History, Known};
use crate::Fixture;
use crate::world::CHAIN;

/// Steps within which every edge must have been found in the calm.
const STEPS_MAX: usize = 10_000;

type Found = (Box<EdgeFinder>, Result<Finding, IndexerError>);

/// The finder, and what it is doing.
pub(super) struct Edges {
    dice: Dice,
    finder: Option<Box<EdgeFinder>>,
    work: Option<Pin<Box<dyn Future<Output = Found> + Send>>>,
    steps: u32,
    epochs: Vec<(TokenId, Epoch)>,
}

impl fmt::Debug for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edges").finish_non_exhaustive()
    }
}

impl Edges {
    pub(super) fn new(seed: u64, fixture: &Fixture, chain: &ScriptedChain) -> Self {
        let balances = Arc::new(Paused { inner: fixture.balances.clone() });
        let source = Arc::new(chain.clone());
        let finder = EdgeFinder::new(CHAIN, source, balances, fixture.points.clone());
        let dice = Dice::new(seed ^ 0xed9e);
        Self { dice, finder: Some(Box::new(finder)), work: None, steps: 0, epochs: Vec::new() }
    }

    /// Perhaps goes on to the next pause. Answers whether edges may have been recorded.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(work) = &mut self.work else {
            if self.dice.chance(300) {
                self.begin();
            }
            return false;
        };
        // Seldom, so that forks and rewinds come in the middle of a step.
        if !self.dice.chance(60) {
            return false;
        }
        if let Poll::Ready((finder, _)) =
            work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            self.finder = Some(finder);
            self.work = None;
        }
        true
    }

    /// Begins a step, always long enough after the last one.
    fn begin(&mut self) {
        let mut finder = self.finder.take().expect("it is back when the work is done");
        self.steps += 1;
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(60) * self.steps;
        self.work = Some(Box::pin(async move {
            let found = finder.step(at).await;
            (finder, found)
        }));
    }

    /// Every edge that is kept is one of a ledger's own branch, where it may have changed: after something
    /// was found, and after a rewind.
    pub(super) fn check(&mut self, fixture: &Fixture, history: &History, found: bool) -> Verdict {
        let tokens = now(fixture.balances.tokens(CHAIN)).expect("read");
        let epochs: Vec<_> = tokens.iter().map(|token| (token.spec.id, token.epoch)).collect();
        let is_rewound = std::mem::replace(&mut self.epochs, epochs) != self.epochs;
        if !found && !is_rewound {
            return Ok(());
        }
        let cursors = tokens.iter().filter_map(|token| token.cursor);
        let branches: Vec<_> = cursors.map(|cursor| history.branch_of(cursor.hash)).collect();
        for edge in kept(fixture, &tokens).into_iter().flatten() {
            if !branches.iter().any(|branch| scan(branch, edge.instant) == Some(edge)) {
                return Err(format!("{edge:?} is the edge of no token's branch"));
            }
        }
        Ok(())
    }

    /// In the calm everything is found, and is what a look at every block gives.
    pub(super) fn find_all(fixture: &Fixture, history: &History) -> Result<u64, String> {
        let (balances, points) = (fixture.balances.clone(), fixture.points.clone());
        let source = Arc::new(history.chain.clone());
        let mut finder = EdgeFinder::new(CHAIN, source, balances, points);
        let rests = (0..STEPS_MAX).find_map(|_| match now(finder.step(SystemTime::UNIX_EPOCH)) {
            Ok(Finding::Advanced) => None,
            Ok(Finding::Idle) => Some(Ok(())),
            Err(error) => Some(Err(format!("an edge is not found in the calm: {error:?}"))),
        });
        rests.unwrap_or_else(|| Err("the finder does not come to rest".to_owned()))?;
        let tokens = now(fixture.balances.tokens(CHAIN)).expect("read");
        let top = tokens.iter().filter_map(|token| token.cursor).max_by_key(|top| top.number);
        let branch = top.map(|top| history.branch_of(top.hash)).unwrap_or_default();
        let mut count = 0;
        for (instant, edge) in wanted(fixture, &tokens).into_iter().zip(kept(fixture, &tokens)) {
            let expected = scan(&branch, instant);
            if edge != expected {
                return Err(format!("at {instant} the edge ends as {edge:?}, not {expected:?}"));
            }
            count += 1;
        }
        Ok(count)
    }
}

/// The edges of the windows of each token that have closed.
fn wanted(fixture: &Fixture, tokens: &[TokenState]) -> Vec<Timestamp> {
    let mut instants = Vec::new();
    for token in tokens {
        let Some((start, cursor)) = token.start_time.zip(token.cursor) else { continue };
        for state in now(fixture.points.programmes(token.spec.id)).expect("read") {
            let window = state.programme.window;
            let (first, last) = (window.floor(start).get(), window.floor(cursor.time).get());
            let length = usize::try_from(window.get()).expect("a short window");
            let edges = (first..=last).step_by(length).map(Timestamp::new);
            instants.extend(edges.map(|edge| edge.expect("not after the cursor")));
        }
    }
    instants
}

fn kept(fixture: &Fixture, tokens: &[TokenState]) -> Vec<Option<BlockEdge>> {
    let instants = wanted(fixture, tokens);
    now(fixture.balances.edges(CHAIN, &instants)).expect("read")
}

/// A look at every block of a branch; `None` while none is at or after the instant.
fn scan(branch: &[&Known], instant: Timestamp) -> Option<BlockEdge> {
    let after = branch.iter().position(|block| block.header.time >= instant)?;
    let last = after.checked_sub(1).map(|before| branch[before].header.number);
    Some(BlockEdge { instant, last })
}

/// A store whose calls take a while: everything may happen before and after them.
#[derive(Debug)]
struct Paused {
    inner: Arc<dyn BalanceStore>,
}

#[async_trait]
impl Registry for Paused {
    forward_store!(inner: register_chain report_chain pause_chain resume_chain register_token);
    forward_store!(inner: halt_token heal_token pause_token resume_token record_supply);
}

#[async_trait]
impl LedgerReads for Paused {
    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        let tokens = self.inner.tokens(chain).await;
        tokio::task::yield_now().await;
        tokens
    }

    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        let headers = self.inner.headers(chain, at_most, limit).await;
        tokio::task::yield_now().await;
        headers
    }

    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        let edges = self.inner.edges(chain, instants).await;
        tokio::task::yield_now().await;
        edges
    }

    forward_store!(inner: chains chain token states history last_change_block changes);
    forward_store!(inner: unreadable_logs change_time histories holders);
}

#[async_trait]
impl LedgerWrites for Paused {
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.inner.record_edges(token, epoch, edges).await
    }

    forward_store!(inner: commit rewind);
}
