//! The ledger's port.

use std::cmp::Reverse;
use std::ops::Bound::{Excluded, Included, Unbounded};

use async_trait::async_trait;
use pledge_core::audit::{Act, Action, Attribution};
use pledge_core::error::StoreError;
use pledge_core::event::{Event, ReorgRecord};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, Leg, SupplyAnswer, TokenSpec, TokenState, TokenStatus,
    UnreadableLog,
};
use pledge_core::ports::{
    AccountHistory, ChainReport, ChainState, ChangesQuery, HistoriesPage, HistoriesPlace,
    HistoriesQuery, LedgerCommit, LedgerReads, LedgerWrites, Registry, Rewind, Seen,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, Timestamp, TokenId,
};

use crate::MemoryStore;
use crate::rewind::rewind;
use crate::state::{Chain, State, Token};

#[async_trait]
impl Registry for MemoryStore {
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        let entry = state.chains.entry(chain).or_insert_with(|| Chain {
            state: ChainState {
                chain,
                name: String::new(),
                status: ChainStatus::default(),
                head: None,
                head_time: None,
                processed: None,
            },
            headers: Default::default(),
            edges: Default::default(),
        });
        name.clone_into(&mut entry.state.name);
        Ok(())
    }

    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError> {
        report.check().map_err(|detail| StoreError::invalid("report a chain", detail))?;
        let mut state = self.lock();
        let chain = &mut state.chain_mut(report.chain)?.state;
        let after = chain.after(report);
        let is_news = chain.status != after.status;
        *chain = after;
        if let ChainStatus::Halted(reason) = &report.status
            && is_news
        {
            state.record(Event::ChainHalted { chain: report.chain, reason: reason.clone() });
        }
        Ok(())
    }

    async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError> {
        let mut state = self.lock();
        let paused = state.chain(chain)?.state.status.paused(by);
        let paused = paused.map_err(|detail| StoreError::conflict("pause a chain", detail))?;
        set_chain_status(&mut state, chain, paused, (Action::PAUSE_CHAIN, by))
    }

    async fn resume_chain(
        &self,
        chain: ChainId,
        found: &ChainStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let resumed = state.chain(chain)?.state.status.resumed(found);
        let resumed = resumed.map_err(|detail| StoreError::conflict("resume a chain", detail))?;
        set_chain_status(&mut state, chain, resumed, (Action::RESUME_CHAIN, by))
    }

    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError> {
        let mut state = self.lock();
        state.chain(spec.id.chain)?;
        let fresh = || Token::new(TokenState::registered(spec.clone()));
        let token = state.tokens.entry(spec.id).or_insert_with(fresh);
        if token.state.spec == *spec {
            return Ok(token.state.clone());
        }
        Err(token.state.spec.refuse(spec))
    }

    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let entry = state.token_mut(token)?;
        entry.require_cursor("halt a token", base)?;
        let status = entry.state.status.halted(reason);
        let before = std::mem::replace(&mut entry.state.status, status);
        if !before.is_halted() {
            state.record(Event::TokenHalted { token, reason: reason.to_owned() });
        }
        Ok(())
    }

    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        let mut state = self.lock();
        let entry = state.token_mut(token)?;
        entry.require_cursor("heal a token", base)?;
        entry.state.status = entry.state.status.healed();
        Ok(())
    }

    async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError> {
        let mut state = self.lock();
        let paused = state.token(token)?.state.status.paused(by);
        set_token_status(&mut state, token, paused, (Action::PAUSE_TOKEN, by))
    }

    async fn resume_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        found: &TokenStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let entry = state.token(token)?;
        entry.require_cursor("resume a token", base)?;
        let resumed = entry.state.status.resumed(found);
        let resumed = resumed.map_err(|detail| StoreError::conflict("resume a token", detail))?;
        set_token_status(&mut state, token, resumed, (Action::RESUME_TOKEN, by))
    }

    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let entry = state.token_mut(token)?;
        entry.require_cursor("record a supply", Some(base))?;
        entry.state.record_supply(answer);
        Ok(())
    }
}

/// Gives a chain another status, by a person's act.
fn set_chain_status(
    state: &mut State,
    chain: ChainId,
    after: ChainStatus,
    (action, by): (Action, &Attribution),
) -> Result<(), StoreError> {
    let status = &mut state.chain_mut(chain)?.state.status;
    let act = Act::on_chain(action, chain, status, &after);
    *status = after;
    state.attribute(by, act);
    Ok(())
}

/// Gives a token another status, by a person's act.
fn set_token_status(
    state: &mut State,
    token: TokenId,
    after: TokenStatus,
    (action, by): (Action, &Attribution),
) -> Result<(), StoreError> {
    let status = &mut state.token_mut(token)?.state.status;
    let act = Act::on_token(action, token, status, &after);
    *status = after;
    state.attribute(by, act);
    Ok(())
}

#[async_trait]
impl LedgerReads for MemoryStore {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        Ok(self.lock().chains.values().map(|chain| chain.state.clone()).collect())
    }

    async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError> {
        Ok(self.lock().chains.get(&chain).map(|chain| chain.state.clone()))
    }

    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        let state = self.lock();
        let of_chain = state.tokens.values().filter(|token| token.state.spec.id.chain == chain);
        Ok(of_chain.map(|token| token.state.clone()).collect())
    }

    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError> {
        Ok(self.lock().tokens.get(&token).map(|token| token.state.clone()))
    }

    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        let state = self.lock();
        let held = &state.chain(chain)?.headers;
        Ok(held.range(..=at_most).rev().take(limit).map(|(_, header)| *header).collect())
    }

    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        let state = self.lock();
        let kept = &state.chain(chain)?.edges;
        Ok(instants.iter().map(|instant| kept.get(instant).copied()).collect())
    }

    async fn states(
        &self,
        token: TokenId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        Ok(token.seen(accounts.iter().map(|account| token.newest(*account)).collect()))
    }

    async fn history(
        &self,
        token: TokenId,
        account: Account,
        times: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let at = |time: &Timestamp| token.last_where(account, |change| change.time <= *time);
        Ok(token.seen(times.iter().map(at).collect()))
    }

    async fn last_change_block(
        &self,
        token: TokenId,
        at: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let end = (at, BlockNumber::new(u64::MAX), LogIndex::new(u64::MAX), Leg::In);
        let last = token.by_place.range(..=end).next_back().map(|((_, block, ..), _)| *block);
        Ok(token.seen(last))
    }

    async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        let state = self.lock();
        let token = state.token(query.token)?;
        let all = token.accounts.get(&query.account).map_or(&[][..], Vec::as_slice);
        let earlier = |change: &&Change| query.before.is_none_or(|before| change.place() < before);
        let page = all.iter().rev().filter(earlier).take(query.limit).cloned().collect();
        Ok(token.seen(page))
    }

    async fn unreadable_logs(
        &self,
        token: TokenId,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let page = token.unreadable.range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(token.seen(page.take(limit).map(|(_, log)| *log).collect()))
    }

    async fn change_time(
        &self,
        token: TokenId,
        from: Timestamp,
        number: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let first = (from, BlockNumber::new(0), LogIndex::new(0), Leg::Out);
        let found = token.by_place.range(first..).nth(number.saturating_sub(1));
        Ok(token.seen(found.map(|(place, _)| place.0)))
    }

    async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        let state = self.lock();
        let token = state.token(query.token)?;
        let mut page = HistoriesPage::default();
        let Some(last) = Account::new(query.last) else {
            return Ok(token.seen(page));
        };
        let first = Account::new(query.first).map_or(Unbounded, Included);
        let mut left = query.changes_max;
        for (account, changes) in token.accounts.range((first, Included(last))) {
            let (account, address) = (*account, account.address());
            if page.histories.len() >= query.limit {
                page.next = Some(HistoriesPlace { first: address, after: None });
                break;
            }
            let after = query.after.filter(|_| address == query.first);
            let is_passed = |change: &Change| {
                change.time < query.from || after.is_some_and(|after| change.place() <= after)
            };
            let passed = changes.partition_point(is_passed);
            let end = changes.partition_point(|change| change.time < query.to).max(passed);
            let taken = left.min(end - passed);
            let inside = &changes[passed..passed + taken];
            if taken == 0 && end > passed {
                page.next = Some(HistoriesPlace { first: address, after });
                break;
            }
            left -= taken;
            let opening = changes[..passed].last().map(Change::checkpoint);
            let changes = inside.iter().map(Change::checkpoint).collect();
            page.histories.push(AccountHistory { account, opening, changes });
            // The page ends inside the account. The place of its last change, not a count, is where
            // the next goes on, so that changes that come meanwhile shift nothing.
            if taken < end - passed {
                let after = inside.last().map(Change::place);
                page.next = Some(HistoriesPlace { first: address, after });
                break;
            }
        }
        Ok(token.seen(page))
    }

    async fn holders(
        &self,
        token: TokenId,
        after: Option<(Amount, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let start =
            after.map_or(Unbounded, |(balance, account)| Excluded((Reverse(balance), account)));
        let page = token.by_balance.range((start, Unbounded)).take(limit);
        let with_state = page.filter_map(|(_, account)| Some((*account, token.newest(*account)?)));
        Ok(token.seen(with_state.collect()))
    }
}

#[async_trait]
impl LedgerWrites for MemoryStore {
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        crate::edges::record(&mut self.lock(), token, epoch, edges)
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        let mut state = self.lock();
        check(&state, commit)?;
        let mut changes = 0;
        for part in &commit.tokens {
            let token = state.token_mut(part.token)?;
            changes += part.changes.len() as u64;
            part.changes.iter().cloned().for_each(|change| token.push(change));
            token.state.start_time = token.state.start_time.or(Some(commit.blocks.first.time));
            token.state.cursor = Some(commit.blocks.tip);
            token.state.totals = part.totals;
            token.state.unreadable_logs += part.unreadable_logs.len() as u64;
            token.unreadable.extend(part.unreadable_logs.iter().map(|log| (log.place(), *log)));
        }
        state.chain_mut(commit.blocks.chain)?.hold(&commit.blocks);
        let (from, to) = (commit.blocks.first.number, commit.blocks.tip.id());
        state.record(Event::Confirmed { chain: commit.blocks.chain, from, to, changes });
        Ok(())
    }

    async fn rewind(&self, request: &Rewind) -> Result<ReorgRecord, StoreError> {
        rewind(&mut self.lock(), request)
    }
}

/// Refuses a commit before anything is written.
fn check(state: &State, commit: &LedgerCommit) -> Result<(), StoreError> {
    const OPERATION: &str = "commit to the ledger";
    commit.check().map_err(|detail| StoreError::invalid(OPERATION, detail))?;
    state.require_followed(OPERATION, commit.blocks.chain)?;
    state.check_headers(OPERATION, &commit.blocks)?;
    for part in &commit.tokens {
        let token = state.token(part.token)?;
        token.require_cursor(OPERATION, commit.blocks.base)?;
        let follows = commit.blocks.check_follows(token.state.cursor.as_ref());
        follows.map_err(|detail| StoreError::invalid(OPERATION, detail))?;
        if !token.state.is_active() {
            let detail = format!("token {} is {}", part.token, token.state.status.name());
            return Err(StoreError::conflict(OPERATION, detail));
        }
    }
    Ok(())
}
