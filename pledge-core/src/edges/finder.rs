//! The driver.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::search::Search;
use super::wanted::{self, Span};
use crate::error::{ChainError, StoreError};
use crate::indexer::IndexerError;
use crate::ledger::{BlockEdge, TokenState};
use crate::ports::{BalanceStore, ChainSource, PointsStore};
use crate::types::{BlockNumber, BlockRef, ChainId, Epoch, Timestamp, TokenId};

/// Edges searched for together.
const CHUNK: usize = 1_024;
/// Blocks in one question to the node, with the one that shows the branch.
const NUMBERS_MAX: usize = 256;
/// Edges that are read again in one request: two blocks each, and the one that shows the branch.
const PROVEN_MAX: usize = (NUMBERS_MAX - 1) / 2;
/// Held headers that are looked at before the node is asked.
const HELD_MAX: usize = 4_096;
/// A failure is followed by a rest, so that what a node cannot answer does not keep it busy.
const REST: Duration = Duration::from_secs(60);

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Something; there may be more to find.
    Advanced,
    /// Every edge is kept, or a failure is too fresh.
    Idle,
}

/// Finds the last block before the end of each closed window of one chain's programmes, and before the start of
/// the first.
///
/// The newest edges come first. Those in the held headers cost no request; the others are searched for in
/// chunks, all edges of one at once, and read again before they are recorded: a time that was wrong in one
/// answer is no edge. One value per chain; several over one store are safe.
#[derive(Debug)]
pub struct EdgeFinder {
    chain: ChainId,
    source: Arc<dyn ChainSource>,
    /// What reads the blocks at an edge again.
    second: Arc<dyn ChainSource>,
    balances: Arc<dyn BalanceStore>,
    points: Arc<dyn PointsStore>,
    /// The epochs and windows that what follows holds for.
    standing: Standing,
    /// All edges from the first to the second are kept.
    kept: Option<(Timestamp, Timestamp)>,
    /// The cursor at which all were.
    all_at: Option<BlockRef>,
    work: Option<Work>,
    failed_at: Option<SystemTime>,
}

/// What a rewind or another configuration changes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    epochs: Vec<(TokenId, Epoch)>,
    spans: Vec<Span>,
}

/// A chunk of edges that is being searched for, descending.
#[derive(Debug)]
struct Work {
    chunk: Vec<Timestamp>,
    search: Search,
    /// Edges from answers of the source, ascending, that are not read again yet.
    unproven: Vec<BlockEdge>,
}

/// The token with the highest cursor.
struct Top {
    token: TokenId,
    epoch: Epoch,
    cursor: BlockRef,
    /// The first block that any token is followed from: a node that answered so far should have those
    /// above.
    base: BlockNumber,
}

impl EdgeFinder {
    /// A finder of a registered chain.
    pub fn new(
        chain: ChainId,
        source: Arc<dyn ChainSource>,
        balances: Arc<dyn BalanceStore>,
        points: Arc<dyn PointsStore>,
    ) -> Self {
        Self {
            chain,
            second: source.clone(),
            source,
            balances,
            points,
            standing: Standing::default(),
            kept: None,
            all_at: None,
            work: None,
            failed_at: None,
        }
    }

    /// With a second source, which has to give the same blocks at an edge before it is recorded. Without one
    /// the first source is asked twice.
    #[must_use]
    pub fn cross_checked_by(self, second: Arc<dyn ChainSource>) -> Self {
        Self { second, ..self }
    }

    /// Searches for edges, with at most one request to the source, for the headers of 256 blocks. `now`
    /// is the wall clock: after an error the answer is `Idle` for a minute. Dropping the future is safe
    /// at any point.
    ///
    /// After an error nothing of the step is kept and the search starts again: nothing waits for edges.
    pub async fn step(&mut self, now: SystemTime) -> Result<Finding, IndexerError> {
        let rests = |failed| now.duration_since(failed).is_ok_and(|passed| passed < REST);
        if self.failed_at.is_some_and(rests) {
            return Ok(Finding::Idle);
        }
        let found = self.try_step().await;
        self.failed_at = found.is_err().then_some(now);
        found
    }

    async fn try_step(&mut self) -> Result<Finding, IndexerError> {
        // A search that is not put back by the end starts again: an answer that led to an error is not
        // trusted.
        let work = self.work.take();
        let tokens = self.balances.tokens(self.chain).await?;
        let Some(top) = Top::of(&tokens) else { return Ok(Finding::Idle) };
        if self.all_at == Some(top.cursor) && self.standing.epochs == epochs(&tokens) {
            return Ok(Finding::Idle);
        }
        let spans = self.spans(&tokens).await?;
        self.stand(&tokens, &spans);
        let chunk = self.next_chunk(&spans);
        if chunk.is_empty() {
            self.all_at = Some(top.cursor);
            return Ok(Finding::Idle);
        }
        let work = match work.filter(|work| work.chunk == chunk) {
            Some(mut work) if work.unproven.is_empty() => {
                let numbers = work.search.ask(NUMBERS_MAX - 1);
                let headers = ask(&*self.source, numbers, &top.cursor).await?;
                learn(&mut work.search, &headers)?;
                work.unproven = work.search.take_found();
                work
            }
            Some(mut work) => {
                let proven =
                    work.unproven.split_off(work.unproven.len().saturating_sub(PROVEN_MAX));
                self.prove(&proven, &top).await?;
                self.record(&top, &proven).await?;
                work
            }
            None => self.begin(chunk, &top).await?,
        };
        if work.unproven.is_empty() && work.search.is_done() {
            self.keep(&work.chunk);
        } else {
            self.work = Some(work);
        }
        Ok(Finding::Advanced)
    }

    async fn spans(&self, tokens: &[TokenState]) -> Result<Vec<Span>, StoreError> {
        let mut spans = Vec::new();
        for token in tokens {
            let programmes = self.points.programmes(token.spec.id).await?;
            spans.extend(programmes.iter().filter_map(|state| Span::of(&state.programme, token)));
        }
        Ok(spans)
    }

    /// Forgets what was found if the chain was rewound, or other windows are asked for.
    fn stand(&mut self, tokens: &[TokenState], spans: &[Span]) {
        let spans = spans.iter().map(Span::begun).collect();
        let standing = Standing { epochs: epochs(tokens), spans };
        if self.standing != standing {
            self.standing = standing;
            (self.kept, self.all_at) = Default::default();
        }
    }

    /// The newest edges above those that are kept, else the newest below.
    fn next_chunk(&self, spans: &[Span]) -> Vec<Timestamp> {
        let newest = |from, to| wanted::newest(spans, &(from..=to), CHUNK);
        let Some((lowest, highest)) = self.kept else {
            return newest(Timestamp::ZERO, Timestamp::MAX);
        };
        let above = highest.checked_add(1).map(|from| newest(from, Timestamp::MAX));
        let below = || wanted::before(lowest).map(|to| newest(Timestamp::ZERO, to));
        above.filter(|above| !above.is_empty()).or_else(below).unwrap_or_default()
    }

    /// A chunk is complete. One above the others that may not reach down to them takes their place.
    fn keep(&mut self, chunk: &[Timestamp]) {
        let (Some(newest), Some(oldest)) = (chunk.first(), chunk.last()) else { return };
        self.kept = Some(match self.kept {
            Some((lowest, highest)) if *newest > highest && chunk.len() < CHUNK => {
                (lowest, *newest)
            }
            Some((lowest, highest)) if *newest < lowest => (*oldest, highest),
            _ => (*oldest, *newest),
        });
    }

    /// The search for those edges of a chunk that are not kept yet.
    async fn begin(&self, chunk: Vec<Timestamp>, top: &Top) -> Result<Work, IndexerError> {
        let ascending: Vec<_> = chunk.iter().rev().copied().collect();
        let kept = self.balances.edges(self.chain, &ascending).await?;
        let missing = ascending.into_iter().zip(kept);
        let missing: Vec<_> =
            missing.filter(|(_, kept)| kept.is_none()).map(|(instant, _)| instant).collect();
        let held = if missing.is_empty() {
            Vec::new()
        } else {
            self.balances.headers(self.chain, top.cursor.number, HELD_MAX).await?
        };
        let mut search = Search::new(top.base, missing);
        // The ledger read the held headers itself, cross-checked like all that it commits.
        learn(&mut search, &linked(&top.cursor, held))?;
        let held = search.take_found();
        if !held.is_empty() {
            self.record(top, &held).await?;
        }
        Ok(Work { chunk, search, unproven: Vec::new() })
    }

    /// Reads the blocks at edges again, each edge by itself: the search may have placed an edge by a time
    /// that was wrong in one answer.
    async fn prove(&self, edges: &[BlockEdge], top: &Top) -> Result<(), ChainError> {
        let blocks =
            edges.iter().flat_map(|edge| edge.last.into_iter().chain([edge.first_after()]));
        let numbers: BTreeSet<BlockNumber> = blocks.collect();
        let numbers = numbers.into_iter().collect();
        let mut again = Search::new(top.base, edges.iter().map(|edge| edge.instant));
        learn(&mut again, &ask(&*self.second, numbers, &top.cursor).await?)?;
        if again.take_found() == edges {
            return Ok(());
        }
        let detail = "the blocks at the edge of a window have other times in another answer";
        Err(ChainError::transient(OPERATION, detail))
    }

    async fn record(&self, top: &Top, found: &[BlockEdge]) -> Result<(), StoreError> {
        self.balances.record_edges(top.token, top.epoch, found).await
    }
}

/// The headers of some blocks, as long as the ledger's cursor is on their branch.
async fn ask(
    source: &dyn ChainSource,
    mut numbers: Vec<BlockNumber>,
    cursor: &BlockRef,
) -> Result<Vec<BlockRef>, ChainError> {
    numbers.push(cursor.number);
    let headers = source.headers_at(&numbers).await?;
    if !headers.iter().map(|header| header.number).eq(numbers) {
        return Err(ChainError::transient(OPERATION, "the headers are not those asked for"));
    }
    if headers.last().map(BlockRef::id) == Some(cursor.id()) {
        return Ok(headers);
    }
    let detail = format!("block {cursor} of the ledger is not on the node's branch");
    Err(ChainError::block_gone(OPERATION, detail))
}

const OPERATION: &str = "find the blocks at the edges of windows";

impl Top {
    fn of(tokens: &[TokenState]) -> Option<Self> {
        let cursors = tokens.iter().filter_map(|token| Some((token.cursor?, token)));
        let (cursor, token) = cursors.max_by_key(|(cursor, _)| cursor.number)?;
        let base = tokens.iter().map(|token| token.spec.start_block).min()?;
        Some(Self { token: token.spec.id, epoch: token.epoch, cursor, base })
    }
}

fn epochs(tokens: &[TokenState]) -> Vec<(TokenId, Epoch)> {
    tokens.iter().map(|token| (token.spec.id, token.epoch)).collect()
}

/// The cursor and the held headers below it that are linked to each other: below a gap they may be of
/// another branch, until a fork is resolved.
fn linked(cursor: &BlockRef, held: Vec<BlockRef>) -> Vec<BlockRef> {
    let mut linked = vec![*cursor];
    for header in held.into_iter().filter(|header| header.number < cursor.number) {
        if !linked.last().is_some_and(|above| header.is_parent_of(above)) {
            break;
        }
        linked.push(header);
    }
    linked
}

fn learn(search: &mut Search, headers: &[BlockRef]) -> Result<(), ChainError> {
    let learned = search.learn(headers);
    learned.map_err(|error| ChainError::transient(OPERATION, error.to_string()))
}
