//! The points' port.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use pledge_core::audit::{Act, Attempts, Attribution};
use pledge_core::error::StoreError;
use pledge_core::event::Event;
use pledge_core::points::{
    AccountEntry, BatchOutcome, BatchPlace, Decided, Decision, DecisionRecord, Programme,
    settlement_windows, settlements_of, sum_windows,
};
use pledge_core::ports::{
    BatchFailure, PointsReads, PointsStore, ProgrammeState, Seen, Settlement, SettlementBatch,
    SettlementsQuery, ShardProgress, Standing, Statement, StatementKind, StatementPlace,
    StatementRows, StatementsQuery,
};
use pledge_core::types::{
    Account, EntryNumber, Epoch, Overflow, ProgrammeId, RawPoints, ShardId, Timestamp, TokenId,
};

use crate::MemoryStore;
use crate::state::{ProgrammeEntry, State};

#[async_trait]
impl PointsReads for MemoryStore {
    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError> {
        let state = self.lock();
        let token = state.token(token)?;
        let programmes = token.programmes.values();
        Ok(programmes.map(|entry| entry.state(token, &state.decisions)).collect())
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError> {
        let state = self.lock();
        let (token, entry) = state.programme(&query.programme)?;
        let (programme, shards) = (&entry.programme, &entry.shards);
        let first_edge = token.first_edge(programme).unwrap_or(Timestamp::ZERO);
        let Some(over) = settlement_windows(programme, shards, first_edge, query) else {
            return Ok(Vec::new());
        };
        let rows = |shard| entry.windows_of(shard, over);
        settlements_of(programme, shards, over, rows).map_err(corrupt)
    }

    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError> {
        let state = self.lock();
        let (token, entry) = state.programme(programme)?;
        let standings = accounts.iter().map(|account| {
            let raw = entry.totals.get(account)?;
            entry.standing(*account, *raw)
        });
        Ok(token.seen(standings.collect()))
    }

    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        let state = self.lock();
        let (token, entry) = state.programme(programme)?;
        let start = after.map_or(Unbounded, |(raw, account)| Excluded((Reverse(raw), account)));
        let page = entry.by_points.range((start, Unbounded)).take(limit);
        let standings = page.filter_map(|(raw, account)| entry.standing(*account, raw.0));
        Ok(token.seen(standings.collect()))
    }

    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        let state = self.lock();
        let (token, entry) = state.programme(&query.programme)?;
        let is_before = |place| query.after.is_some_and(|after| place <= after);
        let rows = || entry.statements_of(query.account);
        let before = rows().rev().find(|row| is_before(row.place())).cloned();
        let rows = rows().skip_while(|row| is_before(row.place())).take(query.limit);
        let settled = entry.settled_of(query.account);
        Ok(token.seen(StatementRows { settled, before, rows: rows.cloned().collect() }))
    }

    async fn entries(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let state = self.lock();
        state.programme(programme)?;
        let accounts: BTreeSet<_> = accounts.iter().copied().collect();
        let entries = accounts
            .into_iter()
            .flat_map(|account| state.decisions.of_programme(programme, account).cloned());
        Ok(entries.collect())
    }

    async fn decisions(
        &self,
        programme: &ProgrammeId,
        below: Option<EntryNumber>,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        let state = self.lock();
        state.programme(programme)?;
        let newest_first = state.decisions.reaching(programme).rev();
        let page = newest_first.filter(|record| below.is_none_or(|below| record.number < below));
        Ok(page.take(limit).cloned().collect())
    }
}

#[async_trait]
impl PointsStore for MemoryStore {
    async fn add_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.token(programme.id.token)?.programmes.contains_key(programme.id.name()) {
            let detail = format!("programme {} is there already", programme.id);
            return Err(StoreError::conflict("add a programme", detail));
        }
        add(&mut state, programme, by)
    }

    async fn put_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let programmes = &mut state.token_mut(programme.id.token)?.programmes;
        let Some(entry) = programmes.get_mut(programme.id.name()) else {
            return add(&mut state, programme, by);
        };
        let reached = entry.shards.iter().filter_map(ShardProgress::published).max();
        if let Some(reason) = entry.programme.refuse_change(programme, reached) {
            return Err(StoreError::invalid("change a programme", reason));
        }
        let before = std::mem::replace(&mut entry.programme, programme.clone());
        state.decide_rates(&before, programme);
        state.attribute(by, Act::programme(Some(&before), programme));
        Ok(())
    }

    async fn decide(&self, decision: &Decision, by: &Attribution) -> Result<Decided, StoreError> {
        self.lock().decide(decision, by)
    }

    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        let mut state = self.lock();
        let (_, entry) = state.programme(&batch.programme)?;
        let checked = batch.check(&entry.programme);
        checked.map_err(|detail| StoreError::invalid("settle a batch", detail))?;
        let place = batch.place();
        let progress = next_progress(&state, batch.shard, place, BatchOutcome::Done)?;
        let read = (batch.version, batch.to);
        if let Some(detail) = state.decisions.refuse_batch(&batch.programme, read) {
            return Err(StoreError::conflict("settle a batch", detail));
        }
        let entry = state.programme_mut(&batch.programme)?;
        if let Some(detail) = batch.refuse_rates(&entry.programme) {
            return Err(StoreError::conflict("settle a batch", detail));
        }
        // All that can fail comes before the first write: nothing is rolled back here.
        let corrupt =
            |e: Overflow| StoreError::corrupt("settle a batch", e.to_string()).caused_by(e);
        let known = |(account, _): &(Account, _)| Some((*account, *entry.totals.get(account)?));
        let known = batch.earned.iter().filter_map(known).collect();
        let totals = batch.totals(&known).map_err(corrupt)?;
        let run = (batch.shard, batch.from)..(batch.shard, batch.to);
        let known: Vec<_> = entry.windows.range(run).map(|(_, row)| row.clone()).collect();
        let windows = sum_windows(&entry.programme, &known, &batch.windows).map_err(corrupt)?;
        totals.into_iter().for_each(|(account, raw)| entry.set_total(account, raw));
        let keyed = windows.into_iter().map(|row| ((batch.shard, row.total.start), row));
        entry.windows.extend(keyed);
        let rows = batch.statements.iter().cloned();
        entry.statements.extend(rows.map(|row| ((row.account, row.place()), row)));
        if progress.run.is_none() {
            entry.forget_derived(batch.shard, batch.from);
        }
        let before = entry.settled();
        entry.shards[usize::from(batch.shard.get())] = progress;
        if let Some(settled) = entry.settled().filter(|_| entry.settled() != before) {
            state.record(Event::Settled { programme: batch.programme.clone(), settled });
        }
        Ok(())
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        let mut state = self.lock();
        let place = failure.place();
        let outcome = BatchOutcome::Failed(&failure.reason);
        let progress = next_progress(&state, failure.shard, place, outcome)?;
        let entry = state.programme_mut(&failure.programme)?;
        entry.shards[usize::from(failure.shard.get())] = progress;
        Ok(())
    }

    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
        by: &Attribution,
    ) -> Result<usize, StoreError> {
        let mut state = self.lock();
        let runs = state.programme_mut(programme)?.shards.iter_mut();
        let failures =
            runs.filter_map(|shard| shard.run.as_mut()).flat_map(|run| &mut run.failures);
        let (mut count, mut before) = (0, Attempts::default());
        for failure in failures.filter(|failure| failure.covers(window_start)) {
            before.add(failure.attempts);
            failure.attempts = 0;
            count += 1;
        }
        state.attribute(by, Act::retry(programme, window_start, before));
        Ok(count)
    }
}

impl ProgrammeEntry {
    pub(crate) fn settled_of(&self, account: Account) -> Option<Timestamp> {
        let shard = self.programme.shards.shard_of(account);
        self.shards[usize::from(shard.get())].settled_of(account)
    }

    /// Whether an account's row is one that earned and was not taken back.
    pub(crate) fn is_in_force(&self, account: Account, place: StatementPlace) -> bool {
        let takes_back = |row: &Statement| {
            let is_later = row.kind == StatementKind::Reversed && row.epoch >= place.epoch;
            is_later && row.window.start <= place.window_start
        };
        place.kind == StatementKind::Earned && !self.statements_of(account).any(takes_back)
    }

    /// Drops the row that a settlement began with, now that it is complete, if nothing changed there.
    fn forget_derived(&mut self, shard: ShardId, from: Timestamp) {
        let before = self.windows.range((shard, Timestamp::ZERO)..(shard, from)).next_back();
        let before = before.map(|(_, row)| row);
        let key = (shard, from);
        let first = self.windows.get(&key);
        if first.is_some_and(|first| first.is_derived_from(&self.programme, before)) {
            self.windows.remove(&key);
        }
    }

    fn standing(&self, account: Account, raw: RawPoints) -> Option<Standing> {
        let settled = self.settled_of(account)?;
        Some(Standing { account, raw, settled })
    }
}

/// Checks a batch against the ledger and its shard, and returns the progress after it.
fn next_progress(
    state: &State,
    shard: ShardId,
    batch: BatchPlace<'_>,
    outcome: BatchOutcome<'_>,
) -> Result<ShardProgress, StoreError> {
    const OPERATION: &str = "settle a batch";
    // The epoch comes first: after a rewind the batch was computed from a ledger that is gone, and
    // no other refusal would name the reason.
    let (token, entry) = state.programme(batch.programme)?;
    require_epoch(OPERATION, token.state.epoch, batch.epoch)?;
    let confirmed = token.state.cursor.map(|cursor| cursor.time);
    let first_edge = token.first_edge(&entry.programme);
    let (Some(confirmed), Some(first_edge)) = (confirmed, first_edge) else {
        return Err(StoreError::conflict(OPERATION, "the token has no ledger yet"));
    };
    if batch.over.end > confirmed {
        let detail = format!("window end {} is not confirmed: {confirmed} is", batch.over.end);
        return Err(StoreError::conflict(OPERATION, detail));
    }
    let progress = entry.shards.get(usize::from(shard.get()));
    let progress = progress
        .ok_or_else(|| StoreError::invalid(OPERATION, format!("no shard {}", shard.get())))?;
    progress
        .advance(batch, first_edge, outcome)
        .map_err(|detail| StoreError::conflict(OPERATION, detail))
}

fn corrupt(overflow: Overflow) -> StoreError {
    StoreError::corrupt("sum points", overflow.to_string()).caused_by(overflow)
}

fn require_epoch(
    operation: &'static str,
    current: Epoch,
    assumed: Epoch,
) -> Result<(), StoreError> {
    if current == assumed {
        return Ok(());
    }
    let detail = format!("the ledger is at epoch {}, not {}", current.get(), assumed.get());
    Err(StoreError::conflict(operation, detail))
}

/// Adds a programme to its token, which has none of its name.
fn add(state: &mut State, programme: &Programme, by: &Attribution) -> Result<(), StoreError> {
    let programmes = &mut state.token_mut(programme.id.token)?.programmes;
    programmes.insert(programme.id.name().to_owned(), ProgrammeEntry::new(programme.clone()));
    state.attribute(by, Act::programme(None, programme));
    Ok(())
}
