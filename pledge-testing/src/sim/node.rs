//! A node that fails, lags, answers in part, and sometimes answers nonsense.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::View;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, Timestamp,
};

use super::control::{self, Control};
use super::swarm::Faults;
use crate::liar::invented;

/// How far behind a head may lag.
const LAG_BLOCKS_MAX: u64 = 12;

/// One process's node.
#[derive(Debug)]
pub(super) struct Node {
    chain: ScriptedChain,
    control: Arc<Control>,
    state: Mutex<State>,
}

/// The faults of this node alone.
#[derive(Debug, Default)]
struct State {
    /// The node cannot be reached.
    is_cut: bool,
    /// The state of the chain that the node keeps showing, if it no longer follows it.
    view: Option<ScriptedChain>,
    /// Another branch, of which the node gives the blocks that both have a height for.
    old: Option<ScriptedChain>,
    /// The branch that another machine behind the node's address is on. Either answers for a range, and for
    /// each block that is asked for by its number alone.
    torn: Option<ScriptedChain>,
    head: Option<FalseHead>,
    time: Option<FalseTime>,
}

/// A false head, returned for some calls.
#[derive(Debug, Clone, Copy)]
struct FalseHead {
    header: BlockRef,
    /// How many blocks from it downwards are also invented, and returned by height.
    shown: u64,
    calls: u64,
}

/// A false block time, returned for some calls.
#[derive(Debug, Clone, Copy)]
struct FalseTime {
    height: BlockNumber,
    time: Timestamp,
    calls: u64,
}

/// A time before every block's.
const LONG_AGO: u64 = 1;
/// The year 2100.
const FAR_AHEAD: u64 = 4_102_444_800;
/// From this height on times may be false: below it a ledger may begin, and nothing contradicts a
/// false time of its first block.
const FALSE_FROM: u64 = 6;
/// Most late times are within this many blocks of the head.
const LATE_WITHIN: u64 = 6;

impl Node {
    pub(super) fn new(chain: ScriptedChain, control: Arc<Control>) -> Self {
        Self { chain, control, state: Mutex::default() }
    }

    /// Cuts the connection to the node, or restores it.
    pub(super) fn cut(&self) {
        let mut state = self.state();
        state.is_cut = !state.is_cut;
    }

    /// Stops the node from following the chain, or lets it follow again. Returns whether it
    /// stopped.
    pub(super) fn toggle_view(&self) -> bool {
        let mut state = self.state();
        let view = state.view.take();
        if view.is_none() {
            state.view = Some(self.chain.copy());
        }
        state.view.is_some()
    }

    /// Makes the node give the blocks of another branch up to its height, or its own again. Returns
    /// whether it gives others.
    pub(super) fn toggle_old(&self, branch: Option<ScriptedChain>) -> bool {
        let mut state = self.state();
        let old = state.old.take();
        state.old = branch.filter(|_| old.is_none());
        state.old.is_some()
    }

    /// Leaves another machine behind the node's address on a branch.
    pub(super) fn tear(&self, branch: Option<ScriptedChain>) {
        self.state().torn = branch;
    }

    /// Lets every machine behind the node's address catch up. Returns whether one had to.
    pub(super) fn mend(&self) -> bool {
        self.state().torn.take().is_some()
    }

    /// Removes every fault.
    pub(super) fn heal(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// The chain as the node knows it.
    fn view(&self) -> ScriptedChain {
        self.state().view.clone().unwrap_or_else(|| self.chain.clone())
    }

    /// The height of the chain as the node knows it.
    pub(super) fn height(&self) -> u64 {
        self.view().head().number.get()
    }

    /// The chain that the node gives blocks of, up to this one.
    fn up_to(&self, last: BlockNumber) -> ScriptedChain {
        let old = self.state().old.clone().filter(|old| last <= old.head().number);
        let Some(old) = old else { return self.view() };
        self.control.lock().counters.old_blocks += 1;
        old
    }

    /// The chain of the machine that answers for blocks up to this one.
    fn any_machine(&self, last: BlockNumber) -> ScriptedChain {
        let torn = self.state().torn.clone().filter(|torn| last <= torn.head().number);
        let mut state = self.control.lock();
        match torn.filter(|_| state.dice.chance(500)) {
            Some(torn) => {
                state.counters.torn_answers += 1;
                torn
            }
            None => {
                drop(state);
                self.up_to(last)
            }
        }
    }

    /// A head that no chain has, above or below the true one.
    fn invent(&self, head: BlockRef) -> BlockRef {
        let mut control = self.control.lock();
        let mut own = self.state();
        let often = control.faults.false_head;
        if own.head.is_none() && control.dice.chance(often) {
            let distance = control.dice.pick(&[(4, 1), (4, 7), (3, 60), (3, 10_000_000)]);
            let distance = control.dice.between(1, distance + 1);
            let is_lower = control.dice.chance(200);
            let number =
                if is_lower { head.number.down(distance) } else { head.number.up(distance) };
            let header = invented(number.get(), head.time);
            // Two invented blocks at a height that a ledger asks for would be a chain of their own.
            let shown = control.dice.below(if distance > 1_000 { 3 } else { 2 });
            let calls = control.dice.between(1, 8);
            own.head = Some(FalseHead { header, shown, calls });
        }
        let Some(mut lie) = own.head.take() else { return head };
        control.counters.false_heads += 1;
        control.trace.word("false head");
        lie.calls -= 1;
        own.head = (lie.calls > 0).then_some(lie);
        lie.header
    }

    /// Replaces the time of a block by a false one, now and then.
    fn bend(&self, headers: &mut [BlockRef], may_be_early: bool) {
        let mut control = self.control.lock();
        let mut own = self.state();
        if own.time.is_none() {
            own.time = self.false_time(&mut control);
        }
        let Some(mut lie) = own.time.take() else { return };
        let bent = headers.iter_mut().find(|header| header.number == lie.height);
        if let Some(header) = bent.filter(|_| may_be_early || lie.time.get() != LONG_AGO) {
            header.time = lie.time;
            control.counters.false_times += 1;
            control.trace.word("false time");
        }
        lie.calls -= 1;
        own.time = (lie.calls > 0).then_some(lie);
    }

    /// A time that contradicts the block below, the clock, or the block above.
    fn false_time(&self, control: &mut control::State) -> Option<FalseTime> {
        let Faults { false_time, late_time, .. } = control.faults;
        if !control.dice.chance(false_time + late_time) {
            return None;
        }
        let highest = self.chain.head().number.get();
        // It is near the head, where a block may end what is confirmed, or anywhere.
        let near = highest.saturating_sub(LATE_WITHIN).max(FALSE_FROM);
        let is_near = late_time > 0 && control.dice.chance(700);
        let (from, to) = if is_near { (near, highest) } else { (FALSE_FROM, highest + FALSE_FROM) };
        let height = control.dice.between(from, to.max(from) + 1);
        // A late time is committed only if it lasts for as long as its block is pending.
        let calls = control.dice.between(1, if late_time > 0 { 60 } else { 12 });
        let time = if late_time > 0 {
            self.chain.block(height + 1)?.time.get() + control.dice.between(1, 300)
        } else if control.dice.chance(500) {
            LONG_AGO
        } else {
            FAR_AHEAD
        };
        let time = Timestamp::new(time).expect("in range");
        Some(FalseTime { height: BlockNumber::new(height), time, calls })
    }

    /// The connection to the node: a crash point, which may also fail.
    async fn call(&self, label: &'static str) -> Result<(), ChainError> {
        self.control.point(label).await;
        let is_cut = self.state().is_cut;
        let mut state = self.control.lock();
        if is_cut {
            state.counters.cuts += 1;
            state.trace.word("cut");
            return Err(ChainError::transient(label, "nobody answers"));
        }
        let often = state.faults.failed_call;
        if !state.dice.chance(often) {
            return Ok(());
        }
        state.counters.failed_calls += 1;
        let kinds = [
            (4, ChainErrorKind::Transient),
            (1, ChainErrorKind::Persistent),
            (3, ChainErrorKind::BlockGone),
        ];
        let kind = state.dice.pick(&kinds);
        state.trace.word("failed");
        Err(ChainError::new(kind, label, "failed by the seed"))
    }

    /// An older block, as a node returns it that lags behind the others.
    fn lag(&self, head: BlockRef) -> BlockRef {
        let mut state = self.control.lock();
        let often = state.faults.lagging_head;
        if !state.dice.chance(often) {
            return head;
        }
        state.counters.lagging_heads += 1;
        let blocks = state.dice.between(1, LAG_BLOCKS_MAX);
        self.view().block(head.number.down(blocks).get()).unwrap_or(head)
    }

    /// Answers that break the contract of the port, which real nodes give.
    fn breach(&self, answer: &mut LogsAnswer, detail: HeaderDetail) {
        let mut state = self.control.lock();
        let often = state.faults.breach;
        if !state.dice.chance(often) {
            return;
        }
        let kind = state.dice.below(5);
        let broken = match kind {
            0 if answer.logs.len() > 1 => {
                answer.logs.reverse();
                true
            }
            1 if !answer.logs.is_empty() => {
                let again = answer.logs[0].clone();
                answer.logs.insert(1, again);
                true
            }
            2 if answer.headers.len() > 1 => {
                answer.headers.remove(0);
                true
            }
            3 if answer.headers.len() > 2 && detail == HeaderDetail::All => {
                answer.headers.remove(1);
                true
            }
            4 if answer.headers.len() > 1 && detail == HeaderDetail::All => {
                let other = answer.headers[0].parent_hash;
                answer.headers[1].parent_hash = other;
                true
            }
            _ => false,
        };
        if broken {
            state.counters.breaches += 1;
            state.trace.word("breach");
        }
    }
}

#[async_trait]
impl ChainSource for Node {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.call("head").await?;
        let view = self.view();
        let head = view.head().number;
        let shown = ChainSource::head(&view).await?;
        if shown.number < head {
            self.control.lock().counters.lagging_heads += 1;
        }
        let mut shown = [self.lag(shown)];
        self.bend(&mut shown, true);
        Ok(self.invent(shown[0]))
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.call("finalized").await?;
        let finalized = self.view().finalized().await?;
        Ok(finalized.map(|finalized| self.invent(finalized)))
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.call("read headers").await?;
        let BlockSpan { first: from, last: to } = blocks;
        let lie = self.state().head;
        if let Some(lie) = lie.filter(|lie| lie.shown > 0 && lie.header.number == to) {
            let below = BlockRef { hash: lie.header.parent_hash, number: to.down(1), ..lie.header };
            return match to.above(from) {
                Some(0) => Ok(vec![lie.header]),
                Some(1) if lie.shown > 1 => Ok(vec![below, lie.header]),
                _ => Err(ChainError::transient("read headers", "the headers are not linked")),
            };
        }
        // An earlier time of an ancestor contradicts nothing, so it would go unnoticed.
        let mut headers = self.up_to(to).headers(blocks).await?;
        self.bend(&mut headers, false);
        Ok(headers)
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.call("read headers").await?;
        let mut headers = Vec::with_capacity(numbers.len());
        for number in numbers {
            headers.extend(self.any_machine(*number).headers(BlockSpan::one(*number)).await?);
        }
        self.bend(&mut headers, false);
        Ok(headers)
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.call("range").await?;
        let mut asked = request;
        {
            let mut state = self.control.lock();
            let often = state.faults.short_range;
            let blocks = request.to.above(request.from).unwrap_or_default();
            if blocks > 0 && state.dice.chance(often) {
                state.counters.short_ranges += 1;
                asked.to = request.from.up(state.dice.below(blocks));
            }
        }
        let mut answer = self.any_machine(asked.to).logs(asked).await?;
        self.bend(&mut answer.headers, true);
        self.breach(&mut answer, request.detail);
        Ok(answer)
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let is_supply =
            |call: &Call| View::in_call(call).is_some_and(|(_, view)| view == View::TotalSupply);
        // Only the engine asks for supplies; the check of the simulation asks for the rest.
        if calls.iter().any(is_supply) {
            self.call("read a supply").await?;
            self.control.lock().counters.supplies += 1;
        }
        ChainSource::calls(&self.chain, calls, at).await
    }
}
