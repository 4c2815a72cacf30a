//! Going back to an ancestor.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Event, ReorgRecord, RewoundToken};
use pledge_core::ledger::{Leg, SupplyMoves, TokenStatus};
use pledge_core::points::{accrue, take_back};
use pledge_core::ports::{Rewind, ShardProgress};
use pledge_core::types::{
    Account, BlockNumber, BlockRef, Epoch, LogIndex, Overflow, RawPoints, Timestamp, TokenId,
    WeightBp, WeightSchedule, Window,
};

use crate::logs;
use crate::state::{Chain, ProgrammeEntry, State, Token};

const OPERATION: &str = "rewind the ledger";

pub(crate) fn rewind(state: &mut State, request: &Rewind) -> Result<ReorgRecord, StoreError> {
    request.check().map_err(|detail| StoreError::invalid(OPERATION, detail))?;
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
        let record = rewind_token(&mut token, *id, request)?;
        rewound.push((token, record));
    }
    let contracts = logs::rewound(state, request)?;
    let mut tokens = Vec::with_capacity(rewound.len());
    for (token, record) in rewound {
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
    id: TokenId,
    request: &Rewind,
) -> Result<RewoundToken, StoreError> {
    let to = &request.to;
    let overflow = |e: Overflow| StoreError::corrupt(OPERATION, e.to_string()).caused_by(e);
    let from = token.state.cursor.expect("the cursor was required before").id();
    // First edges are read before the start time may go: the windows that were published began
    // there.
    let first_edges: Vec<_> =
        token.programmes.values().map(|entry| token.first_edge(&entry.programme)).collect();
    let changes_removed = remove_changes(token, to).map_err(overflow)?;
    remove_unreadable(token, to);
    token.state.forget_supply_above(to.number);
    let keeps_ledger = request.keeps_ledger(&token.state);
    token.state.cursor = keeps_ledger.then_some(*to);
    token.state.start_time = token.state.start_time.filter(|_| keeps_ledger);
    let ended = token.state.epoch;
    token.state.count_rewind(&request.cause);
    token.state.status = TokenStatus::Active;

    let mut programmes = std::mem::take(&mut token.programmes);
    let mut statements_reversed = 0;
    for (entry, first_edge) in programmes.values_mut().zip(first_edges) {
        let cut = keeps_ledger.then(|| entry.programme.window.floor(to.time));
        let first_edge = first_edge.unwrap_or(Timestamp::ZERO);
        for index in 0..entry.shards.len() {
            if let Some(progress) = entry.shards[index].rewound(cut, first_edge) {
                let before = entry.shards[index].clone();
                let reversed = reverse(token, entry, (&before, &progress), (ended, first_edge));
                statements_reversed += reversed.map_err(overflow)?;
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

/// Takes back what was published in the windows that are open again: a row for each account that
/// earned in them or has rows of them. Returns how many rows of theirs that were in force.
fn reverse(
    token: &Token,
    entry: &mut ProgrammeEntry,
    (before, after): (&ShardProgress, &ShardProgress),
    (epoch, first_edge): (Epoch, Timestamp),
) -> Result<u64, Overflow> {
    let start = after.settled.unwrap_or(first_edge);
    entry.windows.retain(|(shard, window), _| *shard != after.shard || *window < start);
    let own = |account: &Account| entry.programme.shards.shard_of(*account) == after.shard;
    let mut in_force: BTreeMap<Account, u64> = BTreeMap::new();
    // Accounts with a total but without rows in force count too: their windows are derived, and
    // were published all the same.
    for account in entry.totals.keys().filter(|account| own(account)) {
        in_force.insert(*account, 0);
    }
    for ((account, place), _) in entry.statements.iter().filter(|((account, _), _)| own(account)) {
        if place.window_start >= start && entry.is_in_force(*account, *place) {
            *in_force.entry(*account).or_default() += 1;
        }
    }
    let mut count = 0;
    for (account, rows) in in_force {
        let raw = entry.totals.get(&account).copied().unwrap_or_default();
        let left = earned(token, entry, account, after.settled)?;
        count += rows;
        if let Some(end) = before.settled_of(account).filter(|_| rows > 0 || left != raw) {
            let opening = token.last_where(account, |change| change.time < start);
            let balance = opening.map(|opening| opening.balance).unwrap_or_default();
            let row = take_back(account, epoch, Window { start, end }, (raw, left), balance)?;
            entry.statements.insert((account, row.place()), row);
        }
        entry.set_total(account, left);
    }
    Ok(count)
}

/// What an account earned up to where its shard is settled, by the ledger as it is now.
fn earned(
    token: &Token,
    entry: &ProgrammeEntry,
    account: Account,
    settled: Option<Timestamp>,
) -> Result<RawPoints, Overflow> {
    let Some(settled) = settled else {
        return Ok(RawPoints::ZERO);
    };
    let weights = WeightSchedule::constant(WeightBp::ONE);
    let state_at = |time| Ok(token.last_where(account, |change| change.time <= time));
    accrue::<Overflow>(&entry.programme.rates, &weights, Timestamp::ZERO, settled, state_at)
}
