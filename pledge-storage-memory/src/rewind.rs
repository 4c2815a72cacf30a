//! Going back to an ancestor.

use std::ops::Bound::{Excluded, Unbounded};

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Event, ReorgRecord, RewoundToken};
use pledge_core::ledger::{Leg, TokenStatus};
use pledge_core::points::accrue;
use pledge_core::ports::{Rewind, ShardProgress, Statement, StatementKind};
use pledge_core::types::{
    BlockNumber, BlockRef, LogIndex, Overflow, RawPoints, Timestamp, TokenId, WeightBp,
    WeightSchedule,
};

use crate::ledger::require_cursor;
use crate::state::{Chain, ProgrammeEntry, State, Token};

const OPERATION: &str = "rewind the ledger";

pub(crate) fn rewind(state: &mut State, request: &Rewind) -> Result<ReorgRecord, StoreError> {
    request.check().map_err(|detail| StoreError::invalid(OPERATION, detail))?;
    require_held(state.chain(request.chain)?, request)?;
    let states = state.tokens.values().map(|token| &token.state);
    let of_chain = states.filter(|token| token.spec.id.chain == request.chain);
    request.check_left(of_chain).map_err(|detail| StoreError::conflict(OPERATION, detail))?;
    let mut rewound = Vec::with_capacity(request.tokens.len());
    for (id, cursor) in &request.tokens {
        let mut token = state.token(*id)?.clone();
        require_cursor(OPERATION, &token, Some(*cursor))?;
        if request.keeps_ledger(&token.state) {
            refuse_other_times(&token, request)?;
        }
        let record = rewind_token(&mut token, *id, request)?;
        rewound.push((token, record));
    }
    let mut tokens = Vec::with_capacity(rewound.len());
    for (token, record) in rewound {
        state.tokens.insert(record.token, token);
        tokens.push(record);
    }
    let held = &mut state.chain_mut(request.chain)?.headers;
    held.split_off(&request.to.number.next());
    let record = ReorgRecord { chain: request.chain, to: request.to, tokens };
    state.record(Event::of_rewind(&request.cause, record.clone()));
    Ok(record)
}

/// The ancestor must be a held header, or the parent of one, or vouched for.
fn require_held(chain: &Chain, Rewind { to, cause, .. }: &Rewind) -> Result<(), StoreError> {
    let is_vouched = cause.is_person();
    let held = chain.headers.get(&to.number);
    let above = chain.headers.get(&to.number.next());
    match held {
        Some(held) if held == to => return Ok(()),
        Some(held) if is_vouched || held.hash == to.hash => {
            let detail = format!("block {to} contradicts the held header {held}");
            return Err(StoreError::conflict(OPERATION, detail));
        }
        None if is_vouched => return Ok(()),
        _ if above.is_some_and(|above| to.is_parent_of(above)) => return Ok(()),
        _ => {}
    }
    let detail = format!("block {to} is no held header, nor the parent of one");
    Err(StoreError::new(StoreErrorKind::BeyondRetention, OPERATION, detail))
}

fn refuse_other_times(token: &Token, request: &Rewind) -> Result<(), StoreError> {
    let (time, last) = (request.to.time, u64::MAX);
    let first_of = (time, BlockNumber::new(0), LogIndex::new(0), Leg::Out);
    let last_of = (time, BlockNumber::new(last), LogIndex::new(last), Leg::In);
    let earlier = token.by_place.range(..first_of).next_back().map(|(place, _)| place.1);
    let later = token.by_place.range((Excluded(last_of), Unbounded)).next();
    let later = later.map(|(place, _)| place.1);
    let checked = request.check_times(earlier, later);
    checked.map_err(|detail| StoreError::conflict(OPERATION, detail))
}

fn rewind_token(
    token: &mut Token,
    id: TokenId,
    request: &Rewind,
) -> Result<RewoundToken, StoreError> {
    let to = &request.to;
    let overflow = |e: Overflow| StoreError::corrupt(OPERATION, e.to_string()).caused_by(e);
    let from = token.state.cursor.expect("the cursor was required before").id();
    let first_edges: Vec<_> =
        token.programmes.values().map(|entry| token.first_edge(&entry.programme)).collect();
    let changes_removed = remove_changes(token, to).map_err(overflow)?;
    remove_unreadable(token, to);
    token.state.forget_supply_above(to.number);
    let keeps_ledger = request.keeps_ledger(&token.state);
    token.state.cursor = keeps_ledger.then_some(*to);
    token.state.start_time = token.state.start_time.filter(|_| keeps_ledger);
    token.state.count_rewind(&request.cause);
    token.state.status = TokenStatus::Active;

    let mut programmes = std::mem::take(&mut token.programmes);
    let mut statements_reversed = 0;
    for (entry, first_edge) in programmes.values_mut().zip(first_edges) {
        let cut = keeps_ledger.then(|| entry.programme.window.floor(to.time));
        let first_edge = first_edge.unwrap_or(Timestamp::ZERO);
        for index in 0..entry.shards.len() {
            if let Some(progress) = entry.shards[index].rewound(cut, first_edge) {
                statements_reversed += reverse(entry, &progress, first_edge);
                restate(token, entry, &progress).map_err(overflow)?;
                entry.shards[index] = progress;
            }
        }
    }
    token.programmes = programmes;
    let epoch = token.state.epoch;
    Ok(RewoundToken { token: id, from, epoch, changes_removed, statements_reversed })
}

/// Drops the unreadable logs above the ancestor.
fn remove_unreadable(token: &mut Token, to: &BlockRef) {
    token.unreadable.split_off(&(to.number.next(), LogIndex::new(0)));
    token.state.unreadable_logs = token.unreadable.len() as u64;
}

/// Drops the changes above the ancestor, the newest first, and their part in the sums.
fn remove_changes(token: &mut Token, to: &BlockRef) -> Result<u64, Overflow> {
    let mut removed = Vec::new();
    while let Some(entry) = token.by_place.last_entry() {
        if entry.key().1 <= to.number {
            break;
        }
        let account = entry.remove();
        token.unindex_balance(account);
        let changes = token.accounts.get_mut(&account).expect("indexed by place");
        let change = changes.pop().expect("indexed by place");
        let after = changes.last().map(|last| last.balance_after).unwrap_or_default();
        if changes.is_empty() {
            token.accounts.remove(&account);
        }
        token.index_balance(account);
        token.state.totals.balance_moved(change.balance_after, after)?;
        removed.push((change.change_type, change.amount));
    }
    let count = removed.len() as u64;
    token.state.totals.undo(removed)?;
    Ok(count)
}

/// Takes back the shard's statements of windows that are open again, by added rows.
fn reverse(entry: &mut ProgrammeEntry, progress: &ShardProgress, first_edge: Timestamp) -> u64 {
    let open_from = progress.settled.unwrap_or(first_edge);
    let (low, high) = entry.programme.shards.bounds(progress.shard);
    entry.windows.retain(|(start, shard), _| *shard != progress.shard || *start < open_from);
    let live: Vec<Statement> = entry
        .statements_of(low, high)
        .filter(|row| row.kind == StatementKind::Earned && row.window.start >= open_from)
        .filter(|row| {
            let reversal = (row.account, row.window.start, row.epoch, StatementKind::Reversed);
            !entry.statements.contains_key(&reversal)
        })
        .cloned()
        .collect();
    let count = live.len() as u64;
    for row in live {
        let row = Statement { kind: StatementKind::Reversed, ..row };
        entry.statements.insert((row.account, row.window.start, row.epoch, row.kind), row);
    }
    count
}

/// Sets the shard's totals to what its accounts earned up to its settled time.
fn restate(
    token: &Token,
    entry: &mut ProgrammeEntry,
    progress: &ShardProgress,
) -> Result<(), Overflow> {
    let (low, high) = entry.programme.shards.bounds(progress.shard);
    let accounts: Vec<_> = entry
        .totals
        .keys()
        .filter(|account| (low..=high).contains(&account.address()))
        .copied()
        .collect();
    let weights = WeightSchedule::constant(WeightBp::ONE);
    for account in accounts {
        let raw = match progress.settled {
            None => RawPoints::ZERO,
            Some(settled) => {
                let state_at = |time| {
                    Ok::<_, Overflow>(token.last_where(account, |change| change.time <= time))
                };
                accrue(&entry.programme.rates, &weights, Timestamp::ZERO, settled, state_at)?
            }
        };
        entry.set_total(account, raw);
    }
    Ok(())
}
