//! The invariants after every write.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use pledge_core::ledger::TokenState;
use pledge_core::points::{Rules, list_statements};
use pledge_core::ports::{ProgrammeState, Statement, StatementKind, StatementsQuery};
use pledge_core::query::AccountView;
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ContractId, Epoch, ProgrammeId, Timestamp,
    TokenId,
};

use super::contracts;
use super::control::{Control, now};
use super::history::{ACCOUNTS, History, STARTS, token};
use super::instance::Asked;
use super::operators::People;
use super::swarm::Swarm;
use crate::Fixture;
use crate::digest::{Digest, digest, sum_of};
use crate::oracle::{oracle, points_of};
use crate::world::{CHAIN, account};

/// The slow checks run after one write in this many.
const SLOW_EVERY: u64 = 24;

/// What was read of an account's statements: the rows, and the list with the derived ones.
#[derive(Debug, Default)]
struct Published {
    rows: Vec<Statement>,
    listed: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum FollowedId {
    Token(TokenId),
    Contract(ContractId),
}

/// Remembers what was published.
#[derive(Debug, Default)]
pub(super) struct Checker {
    writes: u64,
    retained_headers: u64,
    /// Whether the ledger may hold a time that is not a block's, until the next block proves it.
    late_times: bool,
    published: BTreeMap<(ProgrammeId, Account), Published>,
    cursors_before: BTreeMap<FollowedId, (Epoch, Option<BlockId>)>,
    /// The highest head that a running step of an indexer may have seen.
    pub(super) head: u64,
    /// Every cursor of the first token, in order: the states that may be the base of an answer.
    pub(super) cursors: Vec<Option<BlockId>>,
}

/// Why a run is wrong.
pub(super) type Verdict = Result<(), String>;

pub(super) fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Checker {
    pub(super) fn new(swarm: &Swarm) -> Self {
        let retained_headers = swarm.indexer.retained_headers;
        let late_times = swarm.faults.late_time > 0;
        Self { retained_headers, late_times, ..Self::default() }
    }

    /// The invariants of the ledger and of what is published.
    pub(super) fn after_write(
        &mut self,
        fixture: &Fixture,
        history: &History,
        people: &People,
        control: &Control,
    ) -> Verdict {
        self.writes += 1;
        let slow = self.writes.is_multiple_of(SLOW_EVERY);
        for state in now(fixture.balances.tokens(CHAIN)).expect("read") {
            self.token(fixture, history, &state)?;
            let mut traced = control.lock();
            traced.trace.number("cursor", state.cursor.map_or(0, |cursor| cursor.number.get()));
            traced
                .trace
                .bytes(state.cursor.map(|cursor| cursor.hash).unwrap_or_default().as_slice());
            traced.trace.number("epoch", state.epoch.get());
            drop(traced);
            if slow && !self.late_times {
                check_branch(fixture, history, people, &state)?;
            }
        }
        for state in contracts::states(fixture) {
            let id = FollowedId::Contract(state.spec.id.clone());
            self.cursor(history, id, state.epoch, state.cursor)?;
            if slow && !self.late_times {
                contracts::check_branch(fixture, history, &state)?;
            }
        }
        if !self.late_times {
            headers(fixture, history, self.retained_headers)?;
        }
        people.acts.check(fixture)?;
        self.statements(fixture, control, slow)
    }

    /// A cursor is a block that was confirmed when it was added, and an epoch never goes back.
    fn cursor(
        &mut self,
        history: &History,
        id: FollowedId,
        epoch: Epoch,
        cursor: Option<BlockRef>,
    ) -> Verdict {
        let at = cursor.map(|cursor| cursor.id());
        let before = self.cursors_before.insert(id.clone(), (epoch, at)).unwrap_or_default();
        require(before.0 <= epoch, || format!("{id:?}: the epoch went back"))?;
        let Some(cursor) = cursor else { return Ok(()) };
        let known = history.get(cursor.hash);
        let known =
            known.ok_or_else(|| format!("{id:?} is at {cursor}, which was never a block"))?;
        let is_own = known.header == cursor || self.late_times;
        require(is_own, || format!("{id:?}: the cursor {cursor} is falsified"))?;
        // Further from the head than headers are held only the height counts: a reorg as deep as
        // that halts the chain, so a branch on which the block was not confirmed cannot be undone
        // in any case.
        let is_far = cursor.number.get() + self.retained_headers < self.head;
        let is_added = before.0 == epoch && before.1 != at;
        let is_confirmed = known.confirmed || is_far || !is_added;
        // What is behind follows what is ahead of it, which may have come there while it was far.
        require(is_confirmed || self.is_below_another(history, &id, cursor.hash), || {
            format!("{id:?}: block {cursor} was never confirmed")
        })
    }

    /// Whether something else is at a block, or further up on its branch.
    fn is_below_another(&self, history: &History, id: &FollowedId, block: B256) -> bool {
        let others = self.cursors_before.iter().filter(|(other, _)| *other != id);
        let mut cursors = others.filter_map(|(_, (_, cursor))| *cursor);
        cursors.any(|cursor| {
            history.branch_of(cursor.hash).iter().any(|known| known.header.hash == block)
        })
    }

    fn token(&mut self, fixture: &Fixture, history: &History, state: &TokenState) -> Verdict {
        let id = state.spec.id;
        let cursor = state.cursor.map(|cursor| cursor.id());
        self.cursor(history, FollowedId::Token(id), state.epoch, state.cursor)?;
        let totals = &state.totals;
        let rest = totals.minted.try_sub(state.totals.supply);
        let adds_up = rest.is_ok_and(|rest| rest == totals.burned);
        require(adds_up, || format!("{id}: supply is not minted - burned: {totals:?}"))?;
        let holders = now(fixture.balances.holders(id, None, 100)).expect("read").value;
        let sum = holders.iter().try_fold(pledge_core::types::Amount::ZERO, |sum, (_, held)| {
            sum.checked_add(held.balance)
        });
        require(sum == Some(totals.supply), || format!("{id}: balances are not the supply"))?;
        if id == token(0) && self.cursors.last() != Some(&cursor) {
            self.cursors.push(cursor);
        }
        Ok(())
    }

    /// Published is published: an account's statements only grow at their end, and sum to its
    /// total.
    fn statements(&mut self, fixture: &Fixture, control: &Control, slow: bool) -> Verdict {
        for token in now(fixture.balances.tokens(CHAIN)).expect("read") {
            for state in now(fixture.points.programmes(token.spec.id)).expect("read") {
                for number in 1..=ACCOUNTS {
                    self.account(fixture, &state, account(number), control, slow)?;
                }
            }
        }
        Ok(())
    }

    /// One account's rows; and where it is time for the slow checks, what is listed between them.
    fn account(
        &mut self,
        fixture: &Fixture,
        state: &ProgrammeState,
        account: Account,
        control: &Control,
        slow: bool,
    ) -> Verdict {
        let id = &state.programme.id;
        let query =
            StatementsQuery { programme: id.clone(), account, after: None, limit: usize::MAX };
        let read = now(fixture.points.statements(&query)).expect("read").value;
        let published = self.published.entry((id.clone(), account)).or_default();
        let grows = read.rows.starts_with(&published.rows);
        require(grows, || format!("{id}, {account}: {:?} was {published:?}", read.rows))?;
        let new = &read.rows[published.rows.len()..];
        let taken_back = new.iter().filter(|row| row.kind == StatementKind::Reversed).count();
        control.lock().counters.taken_back += taken_back as u64;
        if slow {
            let entries = now(fixture.points.entries(id, &[account])).expect("read");
            let rules = Rules::of(state, entries).map_err(|error| error.to_string())?;
            let rule = (account, &**rules.rule(account));
            let listed = list_statements(&state.programme, rule, None, &read, usize::MAX);
            let listed = listed.map_err(|error| error.to_string())?;
            let grows = listed.starts_with(&published.listed);
            require(grows, || format!("{id}, {account}: {listed:?} was {:?}", published.listed))?;
            let total = now(fixture.points.totals(id, &[account])).expect("read").value[0];
            let total = total.map(|standing| standing.raw).unwrap_or_default();
            let sum = sum_of(&listed).map_err(|error| error.to_string())?;
            require(sum == total, || format!("{id}, {account}: {listed:?} must sum to {total}"))?;
            published.listed = listed;
        }
        published.rows = read.rows;
        Ok(())
    }

    /// An answer is that of one state which the ledger had since the question was asked.
    pub(super) fn answer(
        &self,
        history: &History,
        people: &People,
        asked: &Asked,
        view: &AccountView,
    ) -> Verdict {
        let rules = &people.rules[asked.rules.saturating_sub(1)..];
        let since = asked.since.saturating_sub(1);
        let fits = |cursor: &BlockId| {
            let branch = history.branch_of(cursor.hash);
            let at = asked.at.or_else(|| branch.last().map(|block| block.header.time));
            if at != Some(view.at_time) {
                return false;
            }
            let until = |block: &BlockRef| block.time <= view.at_time;
            let transfers: Vec<_> = flat(&branch).filter(|(block, _)| until(block)).collect();
            let expected = oracle(
                token(0),
                &branch[1].header,
                &branch[branch.len() - 1].header,
                &transfers,
                &[],
            );
            let held = expected.balances.get(&asked.account);
            let integral = held.map(|held| held.balance_seconds_at(view.at_time));
            let earns = |rule, raw| {
                points_of(rule, &transfers, asked.account, Timestamp::ZERO, view.at_time) == raw
            };
            let raw = view.points.as_ref().map(|points| points.raw);
            held.map(|held| held.balance).unwrap_or_default() == view.balance
                && integral.transpose().ok().flatten().unwrap_or_default() == view.balance_seconds
                && raw.is_some_and(|raw| rules.iter().any(|rule| earns(rule, raw)))
        };
        let holds = self.late_times || self.cursors[since..].iter().flatten().any(fits);
        require(holds, || format!("{asked:?} was answered by no state of the ledger: {view:?}"))
    }
}

fn flat<'a>(
    branch: &'a [&super::history::Known],
) -> impl Iterator<Item = (BlockRef, pledge_core::ledger::Transfer)> + 'a {
    branch.iter().flat_map(|block| block.transfers.iter().map(|t| (block.header, t.clone())))
}

/// What a clean pass over the branch of a block gives for a token.
pub(super) fn expected(
    history: &History,
    people: &People,
    id: TokenId,
    cursor: Option<BlockId>,
) -> Digest {
    let programmes = people.of(id);
    let branch = cursor.map(|cursor| history.branch_of(cursor.hash)).unwrap_or_default();
    let index = usize::from(id == token(1));
    let start = branch.iter().find(|block| block.header.number.get() == STARTS[index]);
    let (Some(start), Some(last)) = (start, branch.last()) else {
        let names = programmes.iter().map(|programme| programme.id.name().to_owned());
        let programmes = names.map(|name| (name, Default::default())).collect();
        return Digest { programmes, ..Digest::default() };
    };
    let transfers: Vec<_> = flat(&branch).collect();
    let logs = branch.iter().flat_map(|block| &block.unreadable);
    let own = logs.filter(|log| log.token == id.address && log.block >= start.header.number);
    let unreadable = own.copied().collect();
    let digest = oracle(id, &start.header, &last.header, &transfers, &programmes);
    Digest { unreadable, ..digest }
}

/// The count of unreadable logs is that of their rows, and a supply was compared at a block of the
/// ledger.
fn check_marks(history: &History, state: &TokenState, unreadable: usize) -> Verdict {
    let id = state.spec.id;
    require(state.unreadable_logs == unreadable as u64, || {
        format!("{id}: {unreadable} logs cannot be read, {} are counted", state.unreadable_logs)
    })?;
    let Some((check, cursor)) = state.supply_check.zip(state.cursor) else {
        return require(state.supply_check.is_none(), || format!("{id} was compared nowhere"));
    };
    let supply = history.supply(usize::from(id == token(1)), cursor.hash, check.block);
    let supply = supply.map(Amount::from);
    require(Some(check.ledger) == supply && check.conserves(), || {
        format!("{id}: the supply is {supply:?}, not as in {check:?}")
    })
}

/// The ledger is a clean pass over its own branch, and every total is exact up to where it is
/// settled.
pub(super) fn check_branch(
    fixture: &Fixture,
    history: &History,
    people: &People,
    state: &TokenState,
) -> Verdict {
    let id = state.spec.id;
    let cursor = state.cursor.map(|cursor| cursor.id());
    let mut holds = now(digest(&fixture.balances, &fixture.points, id)).expect("read");
    let mut expected = expected(history, people, id, cursor);
    let programmes = std::mem::take(&mut holds.programmes);
    expected.programmes.clear();
    require(holds == expected, || format!("{id}: {holds:#?}\nmust be\n{expected:#?}"))?;
    check_marks(history, state, expected.unreadable.len())?;
    let Some(cursor) = cursor else {
        return Ok(());
    };
    let branch = history.branch_of(cursor.hash);
    let transfers: Vec<_> = flat(&branch).collect();
    for programme in people.of(id) {
        let everyone: Vec<_> = (1..=ACCOUNTS).map(account).collect();
        let totals = now(fixture.points.totals(&programme.id, &everyone)).expect("read").value;
        for standing in totals.into_iter().flatten() {
            let (account, settled) = (standing.account, standing.settled);
            let raw = points_of(&programme, &transfers, account, Timestamp::ZERO, settled);
            require(raw == standing.raw, || {
                format!("{}: {standing:?} must be {raw}", programme.id)
            })?;
        }
    }
    require(programmes.len() == people.of(id).len(), || format!("{id}: a programme is gone"))
}

/// Held headers were all canonical once, and end at the highest cursor. They include every block of
/// a ledger that is near the highest head, so there all tokens are on one branch. Further down
/// there are gaps, and headers of two branches until the fork is resolved, since a token that
/// catches up holds none.
fn headers(fixture: &Fixture, history: &History, retained_headers: u64) -> Verdict {
    let every = fixture.balances.headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX);
    let held = now(every).expect("read");
    let known = |header: &BlockRef| history.get(header.hash).is_some_and(|k| k.header == *header);
    let unknown = held.iter().find(|header| !known(header));
    require(unknown.is_none(), || format!("held header {unknown:?} never was"))?;
    let tokens = now(fixture.balances.tokens(CHAIN)).expect("read");
    let tokens = tokens.iter().map(|state| (state.cursor, state.spec.start_block));
    let contracts = contracts::states(fixture);
    let contracts = contracts.iter().map(|state| (state.cursor, state.spec.start_block));
    let followed: Vec<_> =
        tokens.chain(contracts).filter_map(|(cursor, start)| Some((cursor?, start))).collect();
    let cursors: Vec<_> = followed.iter().map(|(cursor, _)| *cursor).collect();
    let top = cursors.iter().map(|cursor| cursor.number).max();
    let above = held.iter().find(|header| Some(header.number) > top);
    require(above.is_none(), || format!("held header {above:?} is above every cursor"))?;
    let newest = held.first().filter(|newest| Some(newest.number) == top);
    let stray = newest.filter(|newest| !cursors.contains(newest));
    require(stray.is_none(), || format!("held header {stray:?} is no cursor"))?;
    let near = history.top().saturating_sub(retained_headers);
    for (cursor, start) in followed {
        let first = near.max(start.get());
        let branch = history.branch_of(cursor.hash);
        let near = branch.iter().rev().map(|block| block.header);
        let mut near = near.take_while(|header| header.number.get() >= first);
        let missing = near.find(|header| !held.contains(header));
        require(missing.is_none(), || format!("header {missing:?} of {cursor} is not held"))?;
    }
    Ok(())
}

/// What is added behind is on the branch of what confirms it, unless a node mixes branches.
pub(super) fn check_behind(history: &History, added: &[(BlockId, BlockId)]) -> Verdict {
    for (tip, by) in added {
        let branch = history.branch_of(by.hash);
        require(branch.iter().any(|known| known.header.hash == tip.hash), || {
            format!("{tip} was added behind {by}, which is on another branch")
        })?;
    }
    Ok(())
}
