//! Going back to an ancestor.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use pledge_core::audit::Act;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Event, ReorgRecord, RewindCause, RewoundToken};
use pledge_core::ledger::{Leg, SupplyMoves};
use pledge_core::points::{
    Published, Reopened, RestateError, Restated, RestatedTotal, RewoundLedger, Rules,
};
use pledge_core::ports::Rewind;
use pledge_core::types::{Account, BlockNumber, BlockRef, LogIndex, Overflow, RawPoints, TokenId};

use crate::decisions::Decisions;
use crate::logs;
use crate::state::{Chain, ProgrammeEntry, State, Token};

const OPERATION: &str = "rewind the ledger";

pub(crate) fn rewind(state: &mut State, request: &Rewind) -> Result<ReorgRecord, StoreError> {
    request.check().map_err(|detail| StoreError::invalid(OPERATION, detail))?;
    if !request.cause.is_operator() {
        state.require_followed(OPERATION, request.chain)?;
    }
    require_held(state.chain(request.chain)?, request)?;
    let states = state.tokens.values().map(|token| &token.state);
    let tokens = states.filter(|token| token.spec.id.chain == request.chain);
    let contracts = state.contracts.values().filter(|contract| contract.is_of(request.chain));
    let left = request.check_left(tokens, contracts.map(|contract| &contract.state));
    left.map_err(|detail| StoreError::conflict(OPERATION, detail))?;
    // Copies are rewound, and stored once all of them are: a refusal must leave every token as it
    // was.
    let mut rewound = Vec::with_capacity(request.tokens.len());
    for (id, cursor) in &request.tokens {
        let mut token = state.token(*id)?.clone();
        token.require_cursor(OPERATION, Some(*cursor))?;
        if request.keeps_ledger(&token.state) {
            refuse_other_times(&token, request)?;
        }
        let record = rewind_token(&mut token, &state.decisions, *id, request)?;
        rewound.push((token, record));
    }
    let contracts = logs::rewound(state, request)?;
    let mut tokens = Vec::with_capacity(rewound.len());
    let mut acts = Vec::with_capacity(rewound.len());
    for (token, record) in rewound {
        acts.push(Act::rewind_token(&state.token(record.token)?.state, &token.state));
        state.tokens.insert(record.token, token);
        tokens.push(record);
    }
    let mut contracts_rewound = Vec::with_capacity(contracts.len());
    for (contract, record) in contracts {
        state.contracts.insert(record.contract.clone(), contract);
        contracts_rewound.push(record);
    }
    let chain = state.chain_mut(request.chain)?;
    chain.headers.split_off(&request.to.number.next());
    chain.edges.retain(|_, edge| request.keeps_edge(edge));
    chain.state = chain.state.rewound(request.to.number);
    let (chain, to, contracts) = (request.chain, request.to, contracts_rewound);
    let record = ReorgRecord { chain, to, tokens, contracts };
    if let RewindCause::Operator { by } = &request.cause {
        state.attribute(by, [Act::rewind(&record)].into_iter().chain(acts));
    }
    state.record(Event::of_rewind(&request.cause, record.clone()));
    Ok(record)
}

/// The ancestor must be a held header, or the parent of one, or the operator's.
fn require_held(chain: &Chain, Rewind { to, cause, .. }: &Rewind) -> Result<(), StoreError> {
    let is_operators = cause.is_operator();
    let held = chain.headers.get(&to.number);
    let above = chain.headers.get(&to.number.next());
    match held {
        Some(held) if held == to => return Ok(()),
        Some(held) if is_operators || held.hash == to.hash => {
            let detail = format!("block {to} contradicts the held header {held}");
            return Err(StoreError::conflict(OPERATION, detail));
        }
        None if is_operators => return Ok(()),
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
    decisions: &Decisions,
    id: TokenId,
    request: &Rewind,
) -> Result<RewoundToken, StoreError> {
    let to = &request.to;
    let from = token.state.cursor.expect("the cursor was required before").id();
    // Read before the start time may go: the windows that were published began there.
    let started = token.state.start_time;
    let changes_removed = remove_changes(token, to).map_err(|e| corrupt(e.into()))?;
    remove_unreadable(token, to);
    token.state.forget_supply_above(to.number);
    let keeps_ledger = request.keeps_ledger(&token.state);
    token.state.cursor = keeps_ledger.then_some(*to);
    token.state.start_time = token.state.start_time.filter(|_| keeps_ledger);
    let ended = token.state.epoch;
    token.state.count_rewind(&request.cause);
    token.state.status = token.state.status.healed();

    let ledger = RewoundLedger { ended, started, confirmed: keeps_ledger.then_some(to.time) };
    let mut programmes = std::mem::take(&mut token.programmes);
    let mut statements_reversed = 0;
    for entry in programmes.values_mut() {
        let state = entry.state(token, decisions);
        let accounts = token.accounts.keys().chain(entry.totals.keys());
        let accounts: BTreeSet<_> =
            accounts.chain(entry.statements.keys().map(|(account, _)| account)).collect();
        let entries = accounts
            .into_iter()
            .flat_map(|account| decisions.of_programme(&state.programme.id, *account).cloned());
        let rules = Rules::of(&state, entries)?;
        for (index, before) in state.shards.iter().enumerate() {
            if let Some(reopened) = ledger.reopen(&state.programme, before) {
                statements_reversed += restate(token, entry, &reopened, &rules).map_err(corrupt)?;
                entry.shards[index] = reopened.progress().clone();
            }
        }
    }
    token.programmes = programmes;
    let epoch = token.state.epoch;
    Ok(RewoundToken { token: id, from, epoch, changes_removed, statements_reversed })
}

fn corrupt(error: RestateError) -> StoreError {
    StoreError::corrupt(OPERATION, error.to_string()).caused_by(error)
}

/// Drops the unreadable logs above the ancestor.
fn remove_unreadable(token: &mut Token, to: &BlockRef) {
    token.unreadable.split_off(&(to.number.next(), LogIndex::new(0)));
    token.state.unreadable_logs = token.unreadable.len() as u64;
}

/// Drops the changes above the ancestor, the newest first, and their part in the sums.
fn remove_changes(token: &mut Token, to: &BlockRef) -> Result<u64, Overflow> {
    let (mut moves, mut count) = (SupplyMoves::default(), 0);
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
        moves.add(change.change_type, change.amount)?;
        count += 1;
    }
    token.state.totals.undo(&moves)?;
    Ok(count)
}

/// Restates the accounts of a shard with windows that are open again. Returns how many rows of
/// theirs were in force.
fn restate(
    token: &Token,
    entry: &mut ProgrammeEntry,
    reopened: &Reopened<'_>,
    rules: &Rules,
) -> Result<u64, RestateError> {
    let (shard, from) = (reopened.progress().shard, reopened.from());
    entry.windows.retain(|(of, window), _| *of != shard || *window < from);
    let own = |account: &Account| entry.programme.shards.shard_of(*account) == shard;
    // Those with a total, and those that earned nothing but have rows.
    let mut in_force: BTreeMap<Account, u64> = BTreeMap::new();
    for account in entry.totals.keys().filter(|account| own(account)) {
        in_force.insert(*account, 0);
    }
    for ((account, place), _) in entry.statements.iter().filter(|((account, _), _)| own(account)) {
        if place.window_start >= from && entry.is_in_force(*account, *place) {
            *in_force.entry(*account).or_default() += 1;
        }
    }
    let mut count = 0;
    for (account, rows) in in_force {
        let total = entry.totals.get(&account).copied().unwrap_or_default();
        let published = Published { account, total, has_rows: rows > 0 };
        let state_at = |time| Ok(token.last_where(account, |change| change.time <= time));
        let Restated { row, total } = reopened.restate(published, rules.rule(account), state_at)?;
        entry.statements.extend(row.map(|row| ((account, row.place()), row)));
        match total {
            RestatedTotal::Kept => {}
            RestatedTotal::Replaced(raw) => entry.set_total(account, raw),
            RestatedTotal::Removed => entry.set_total(account, RawPoints::ZERO),
        }
        count += rows;
    }
    Ok(count)
}
