//! After the storm: no more faults, and the store must reach the state of a clean pass.

use pledge_core::indexer::{ChainStatus, Finality};
use pledge_core::ledger::TokenState;
use pledge_core::query::QueryError;
use pledge_core::types::{Amount, BlockId, BlockNumber, BlockRef};

use super::check::{Verdict, check_branch, expected, require};
use super::contracts;
use super::control::now;
use super::edges::Edges;
use super::history::{ACCOUNTS, STARTS, token};
use super::play::Play;
use super::wall_clock::WallClock;
use crate::digest::digest;
use crate::world::{CHAIN, account};

/// The number of steps within which all work must be done.
const STEPS_MAX: usize = 600;
/// The number of crash points within which one step must end: it bounds endless loops.
const POINTS_MAX: usize = 200_000;

impl Play<'_> {
    pub(super) fn calm(&mut self) -> Verdict {
        self.line("calm");
        self.around.control.calm();
        // New processes continue the work that was under way.
        for at in 0..self.instances.len() {
            self.instances[at].start_again(&self.around);
        }
        self.around.nodes.iter().for_each(|node| node.heal());
        self.clocks.fill(WallClock::default());
        self.confirm_all();
        // Operators resume what they paused and decide about a reorg that is too deep. They do
        // nothing about halted tokens.
        self.people.resume(self.fixture);
        self.people.resume_tokens(self.fixture);
        self.people.reset(self.fixture, &self.around.control);
        self.index_to_rest()?;
        self.settle_to_rest()?;
        self.deliver_to_rest()?;
        self.judge()
    }

    /// Mines blocks that confirm the canonical branch, up to a height that the ledger can compare.
    fn confirm_all(&mut self) {
        let depth = match self.history.finality {
            Finality::Depth(depth) => depth + 1,
            Finality::Finalized => 2,
        };
        // The blocks are not empty: what is pending at the end must count, and must not count
        // twice.
        self.history.mine(&mut self.dice, depth + 2);
        // A head below the ledger that no held header can be compared with is waited for.
        let every = self.fixture.balances.headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX);
        let held = now(every).expect("read");
        let tokens = now(self.fixture.balances.tokens(CHAIN)).expect("read");
        let cursors = tokens.iter().filter_map(|state| state.cursor);
        let contracts = contracts::states(self.fixture);
        let cursors = cursors.chain(contracts.iter().filter_map(|state| state.cursor));
        let top = cursors.map(|cursor| cursor.number).max();
        let comparable = |at: u64| held.iter().any(|held| held.number.get() == at);
        while top.is_some_and(|top| self.history.height() <= top.get())
            && !comparable(self.history.height())
        {
            self.history.mine_empty(1, 7);
        }
        self.history.finalize(1);
    }

    fn index_to_rest(&mut self) -> Verdict {
        for _ in 0..STEPS_MAX {
            self.index(0);
            if self.finish()? {
                return Ok(());
            }
        }
        let chains = now(self.fixture.balances.chains()).expect("read");
        Err(format!("the indexer does not come to rest: {chains:?}"))
    }

    fn settle_to_rest(&mut self) -> Verdict {
        for _ in 0..STEPS_MAX {
            let clock = self.around.clock.clone();
            self.instances[0].settle(&clock, None);
            if self.finish()? {
                return Ok(());
            }
        }
        Err("the settler does not come to rest".to_owned())
    }

    fn deliver_to_rest(&mut self) -> Verdict {
        self.instances[0].deliver();
        let delivered = self.finish()?;
        let events = now(self.fixture.all_events()).expect("read");
        let events: Vec<_> = events.iter().map(|event| event.sequence).collect();
        let arrived = self.around.inbox.arrived();
        if delivered && events == arrived {
            return Ok(());
        }
        Err(format!("the events {events:?} arrived as {arrived:?}"))
    }

    /// Finishes the first process's work; returns whether there was nothing to do.
    fn finish(&mut self) -> Result<bool, String> {
        for _ in 0..POINTS_MAX {
            let done = self.instances[0].go_on(&self.around.control);
            let Some(done) = done.expect("nobody dies in the calm") else {
                continue;
            };
            return self.done(0, done);
        }
        Err("a step does not end".to_owned())
    }

    fn judge(&mut self) -> Verdict {
        let chains = now(self.fixture.balances.chains()).expect("read");
        let status = &chains.first().expect("registered").status;
        let tokens = now(self.fixture.balances.tokens(CHAIN)).expect("read");
        let lost = self.lost(&tokens);
        match status {
            ChainStatus::Live => {
                tokens.iter().try_for_each(|state| self.judge_token(state))?;
                self.judge_contracts(&lost)?;
                self.judge_edges()?;
                (1..=ACCOUNTS).try_for_each(|number| self.judge_pending(number))
            }
            ChainStatus::Halted(reason) => self.judge_halt(&tokens, &lost, reason),
            ChainStatus::Degraded(reason) => self.judge_set_aside(&tokens, &lost, reason),
            other => Err(format!("the chain ends {other}")),
        }
    }

    /// What is set aside is named, on a branch that was left, and as that branch has it; everything
    /// else is as on a chain that is live.
    fn judge_set_aside(&self, tokens: &[TokenState], lost: &[BlockRef], reason: &str) -> Verdict {
        let is_lost =
            |cursor: Option<BlockRef>| cursor.is_some_and(|cursor| lost.contains(&cursor));
        let named = |id: String| {
            require(reason.contains(&id), || format!("{id} is set aside without a word: {reason}"))
        };
        require(!lost.is_empty(), || format!("nothing is lost, and the chain ends: {reason}"))?;
        for state in tokens {
            if is_lost(state.cursor) {
                named(format!("token {}", state.spec.id))?;
                check_branch(self.fixture, &self.history, &self.people, state)?;
            } else {
                self.judge_token(state)?;
            }
        }
        for state in contracts::states(self.fixture) {
            if is_lost(state.cursor) {
                named(format!("contract {}", state.spec.id))?;
            }
        }
        self.judge_contracts(lost)?;
        Ok(())
    }

    /// Edges are asked for by number alone, so a time that was false once, and kept, may have misled them.
    fn judge_edges(&self) -> Verdict {
        if self.around.swarm.faults.late_time > 0 {
            return Ok(());
        }
        let found = Edges::find_all(self.fixture, &self.history)?;
        self.around.control.lock().counters.edges += found;
        Ok(())
    }

    /// The pending balance is the one at the newest block.
    fn judge_pending(&self, number: u64) -> Verdict {
        let asked = self.instances[0].queries.account(token(0), account(number), None, None);
        let held = Amount::from(self.history.held(number));
        match now(asked) {
            Err(QueryError::NotStarted(_)) => Ok(()),
            Ok(view) if view.pending_balance == Some(held) => Ok(()),
            other => Err(format!("account {number} holds {held} at the head, not {other:?}")),
        }
    }

    /// Everything equals one clean pass over the canonical chain.
    fn judge_token(&self, state: &TokenState) -> Verdict {
        let id = state.spec.id;
        let fault = self.history.head().fault.filter(|_| id == token(1));
        let cursor = self.final_cursor(fault);
        let start = STARTS[usize::from(id == token(1))];
        let cursor = cursor.filter(|cursor| cursor.number.get() >= start);
        if fault.is_some_and(|fault| Some(fault) <= self.target()) {
            self.around.control.lock().counters.halted_tokens += 1;
            if state.is_active() {
                return Err(format!("{id} goes on after it sent more than was held"));
            }
        } else if let Some(reason) = state.status.reason() {
            return Err(format!("{id} ends halted: {reason}"));
        }
        let holds = now(digest(&self.fixture.balances, &self.fixture.points, id)).expect("read");
        let expected = expected(&self.history, &self.people, id, cursor);
        if holds == expected {
            let netted = holds.changes.iter().filter(|row| row.netted).count() as u64;
            let mut control = self.around.control.lock();
            control.counters.netted += netted;
            control.counters.unreadable += holds.unreadable.len() as u64;
            drop(control);
            return check_branch(self.fixture, &self.history, &self.people, state);
        }
        Err(format!("{id} ends with {holds:#?}\nmust be\n{expected:#?}"))
    }

    /// Every log up to the confirmed block is kept, or up to the cursor of one that is set aside. No token's
    /// fault holds a contract up.
    fn judge_contracts(&self, lost: &[BlockRef]) -> Verdict {
        for state in contracts::states(self.fixture) {
            let id = &state.spec.id;
            let start = state.spec.start_block;
            let target = self.final_cursor(None).filter(|target| target.number >= start);
            let is_lost = state.cursor.is_some_and(|cursor| lost.contains(&cursor));
            let cursor = state.cursor.map(|cursor| cursor.id());
            if cursor != target && !is_lost {
                return Err(format!("{id} ends at {cursor:?}, not at {target:?}"));
            }
            let kept = contracts::check_branch(self.fixture, &self.history, &state)?;
            self.around.control.lock().counters.logs += kept;
        }
        Ok(())
    }

    fn target(&self) -> Option<BlockNumber> {
        let height = self.history.height();
        let target = match self.history.finality {
            Finality::Depth(depth) => height.checked_sub(depth),
            Finality::Finalized => height.checked_sub(1),
        };
        target.map(BlockNumber::new)
    }

    /// The confirmed block, or the last one before a token's fault.
    fn final_cursor(&self, fault: Option<BlockNumber>) -> Option<BlockId> {
        let target = self.target()?;
        let last = fault.map_or(target, |fault| target.min(fault.down(1)));
        self.history.chain.block(last.get()).as_ref().map(BlockRef::id)
    }

    /// The cursors on a branch that was left of which the held headers lead to no block of the node's
    /// chain.
    fn lost(&self, tokens: &[TokenState]) -> Vec<BlockRef> {
        let every = self.fixture.balances.headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX);
        let held = now(every).expect("read");
        let leads_back = |held: &BlockRef| {
            let parent = self.history.get(held.parent_hash).map(|known| known.header);
            self.is_canonical(held) || parent.is_some_and(|parent| self.is_canonical(&parent))
        };
        let is_lost = |cursor: &BlockRef| {
            let at = held.iter().position(|held| held == cursor).unwrap_or(held.len());
            let run = &held[at..];
            let linked = run.windows(2).take_while(|pair| pair[1].is_parent_of(&pair[0])).count();
            !self.is_canonical(cursor) && !run.iter().take(linked + 1).any(leads_back)
        };
        self.cursors(tokens).filter(is_lost).collect()
    }

    fn is_canonical(&self, block: &BlockRef) -> bool {
        let ours = self.history.chain.block(block.number.get());
        ours.is_some_and(|ours| ours.hash == block.hash)
    }

    fn cursors(&self, tokens: &[TokenState]) -> impl Iterator<Item = BlockRef> {
        let contracts = contracts::states(self.fixture).into_iter().map(|state| state.cursor);
        let active = tokens.iter().filter(|state| state.is_active()).map(|state| state.cursor);
        active.chain(contracts).flatten().collect::<Vec<_>>().into_iter()
    }

    /// A halt is right when what is in front is on a branch that was left, a cursor is lost, and the ledger is
    /// consistent.
    fn judge_halt(&self, tokens: &[TokenState], lost: &[BlockRef], reason: &str) -> Verdict {
        require(!lost.is_empty(), || {
            format!("the chain halted although an ancestor is held: {reason}")
        })?;
        let front = self.cursors(tokens).max_by_key(|cursor| (cursor.number, cursor.hash));
        require(!front.is_some_and(|front| self.is_canonical(&front)), || {
            format!("the chain halted for what is behind: {reason}")
        })?;
        self.around.control.lock().counters.halted_chains += 1;
        let whole =
            |state: &TokenState| check_branch(self.fixture, &self.history, &self.people, state);
        tokens.iter().try_for_each(whole)?;
        for state in contracts::states(self.fixture) {
            contracts::check_branch(self.fixture, &self.history, &state)?;
        }
        Ok(())
    }
}
