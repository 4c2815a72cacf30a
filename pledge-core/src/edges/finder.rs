//! The driver.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::inquiry::Outcome;
use super::question::{Asked, OPERATION, Question, blocks_at};
use super::search::Search;
use super::wanted::{self, Span};
use super::withheld::{Withheld, WithheldEdge};
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
/// answer is no edge. A block that is not given costs only the edges next to it: they are searched for again
/// after all others. One value per chain; several over one store are safe.
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
    withheld: Withheld,
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
    /// What is being asked.
    question: Option<Question>,
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
            withheld: Withheld::default(),
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
    /// A question that is refused is divided, and goes on: at once if the source gave something else or no longer
    /// has a block, else after the minute. After any other error nothing of the step is kept and the search
    /// starts again: nothing waits for edges.
    pub async fn step(&mut self, now: SystemTime) -> Result<Finding, IndexerError> {
        // A clock that was set back ends the rest.
        let rests = |failed| now.duration_since(failed).is_ok_and(|passed| passed < REST);
        if self.failed_at.is_some_and(rests) {
            return Ok(Finding::Idle);
        }
        let found = self.try_step(now).await;
        self.failed_at = found.is_err().then_some(now);
        found
    }

    /// The newest edge that cannot be found, because a block next to it is not given. It is searched for
    /// again, at least every hour.
    pub fn withheld(&self) -> Option<WithheldEdge> {
        self.withheld.newest()
    }

    async fn try_step(&mut self, now: SystemTime) -> Result<Finding, IndexerError> {
        // A search that is not put back by the end starts again: an answer that led to an error is not
        // trusted, nor is one from before a rewind.
        let work = self.work.take();
        let tokens = self.balances.tokens(self.chain).await?;
        let Some(top) = Top::of(&tokens) else { return Ok(Finding::Idle) };
        let is_due = self.withheld.is_due(now);
        if self.all_at == Some(top.cursor) && self.standing.epochs == epochs(&tokens) && !is_due {
            return Ok(Finding::Idle);
        }
        let spans = self.spans(&tokens).await?;
        let is_as_before = self.stand(&tokens, &spans);
        if is_due {
            self.withheld.search_again();
            (self.kept, self.all_at) = Default::default();
        }
        let chunk = self.next_chunk(&spans);
        if chunk.is_empty() {
            self.all_at = Some(top.cursor);
            self.withheld.rest(now);
            return Ok(Finding::Idle);
        }
        match work.filter(|work| is_as_before && work.chunk == chunk) {
            Some(work) => self.go_on(work, &top).await?,
            None => {
                let work = self.begin(chunk, &top).await?;
                self.put_back(work);
            }
        }
        Ok(Finding::Advanced)
    }

    /// Asks the next part of a question, and takes up the answer once it is whole.
    async fn go_on(&mut self, mut work: Work, top: &Top) -> Result<(), IndexerError> {
        let Some(mut question) = self.next_question(&mut work) else {
            self.put_back(work);
            return Ok(());
        };
        let source = if question.is_proof() { &self.second } else { &self.source };
        // Only a refusal keeps the search: any other error is one of an answer.
        match question.ask(&**source, &top.cursor).await? {
            Asked::Whole(outcome) => self.take_up(&mut work, question, outcome, top).await?,
            Asked::InPart => work.question = Some(question),
            Asked::Refused(error) => {
                work.question = Some(question);
                self.work = Some(work);
                return Err(error.into());
            }
        }
        self.put_back(work);
        Ok(())
    }

    async fn take_up(
        &mut self,
        work: &mut Work,
        question: Question,
        answer: Outcome,
        top: &Top,
    ) -> Result<(), IndexerError> {
        match question {
            Question::Proving(edges, _) => self.prove(edges, answer, top).await,
            Question::Narrowing(_) => {
                self.withheld.add_blocks(answer.withheld);
                learn(&mut work.search, &answer.given)?;
                work.unproven = work.search.take_found();
                Ok(())
            }
        }
    }

    /// The question under way, else the next one; `None` if there is nothing left to ask.
    fn next_question(&mut self, work: &mut Work) -> Option<Question> {
        if work.question.is_some() {
            return work.question.take();
        }
        if work.unproven.is_empty() {
            work.search.exclude(self.withheld.blocks());
            let numbers = work.search.ask(NUMBERS_MAX - 1);
            self.withheld.set_aside(work.search.take_given_up());
            return (!numbers.is_empty()).then(|| Question::narrowing(numbers));
        }
        let edges = work.unproven.split_off(work.unproven.len().saturating_sub(PROVEN_MAX));
        Some(Question::proving(edges))
    }

    /// Keeps a search that is not over for the next step.
    fn put_back(&mut self, work: Work) {
        let is_over = work.question.is_none() && work.unproven.is_empty() && work.search.is_done();
        if is_over { self.keep(&work.chunk) } else { self.work = Some(work) }
    }

    async fn spans(&self, tokens: &[TokenState]) -> Result<Vec<Span>, StoreError> {
        let mut spans = Vec::new();
        for token in tokens {
            let programmes = self.points.programmes(token.spec.id).await?;
            spans.extend(programmes.iter().filter_map(|state| Span::of(&state.programme, token)));
        }
        Ok(spans)
    }

    /// Forgets what was found if the chain was rewound, or other windows are asked for. Returns whether neither
    /// happened.
    fn stand(&mut self, tokens: &[TokenState], spans: &[Span]) -> bool {
        let spans = spans.iter().map(Span::begun).collect();
        let standing = Standing { epochs: epochs(tokens), spans };
        let is_as_before = self.standing == standing;
        if !is_as_before {
            self.standing = standing;
            (self.kept, self.all_at, self.withheld) = Default::default();
        }
        is_as_before
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
    async fn begin(&mut self, chunk: Vec<Timestamp>, top: &Top) -> Result<Work, IndexerError> {
        let ascending: Vec<_> = chunk.iter().rev().copied().collect();
        let kept = self.balances.edges(self.chain, &ascending).await?;
        self.withheld.found(&kept.iter().copied().flatten().collect::<Vec<_>>());
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
        Ok(Work { chunk, search, unproven: Vec::new(), question: None })
    }

    /// Compares edges with the same blocks as read again, each edge by itself: the search may have placed an
    /// edge by a time that was wrong in one answer.
    async fn prove(
        &mut self,
        edges: Vec<BlockEdge>,
        again: Outcome,
        top: &Top,
    ) -> Result<(), IndexerError> {
        let lacking = |edge: &BlockEdge| {
            let block = blocks_at(edge).find(|block| again.withheld.contains(block))?;
            Some((edge.instant, block))
        };
        self.withheld.set_aside(edges.iter().filter_map(lacking));
        let proven: Vec<_> = edges.into_iter().filter(|edge| lacking(edge).is_none()).collect();
        if proven.is_empty() {
            return Ok(());
        }
        let mut search = Search::new(top.base, proven.iter().map(|edge| edge.instant));
        learn(&mut search, &again.given)?;
        if search.take_found() != proven {
            let detail = "the blocks at the edge of a window have other times in another answer";
            return Err(ChainError::transient(OPERATION, detail).into());
        }
        Ok(self.record(top, &proven).await?)
    }

    async fn record(&mut self, top: &Top, found: &[BlockEdge]) -> Result<(), StoreError> {
        self.balances.record_edges(top.token, top.epoch, found).await?;
        self.withheld.found(found);
        Ok(())
    }
}

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
