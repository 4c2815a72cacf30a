//! The oracle: everything a store must hold, computed the plain way from the chain's transfers.
//!
//! It shares no code with the fold, the accrual or the settlement: balances are maps, integrals are
//! sums over segments, every window of every account is walked by itself. Slow and obvious.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{U256, U512};
use pledge_core::ledger::{Change, ChangeType, Checkpoint, TokenTotals, Transfer};
use pledge_core::points::Programme;
use pledge_core::ports::WindowTotal;
use pledge_core::types::{
    Account, Amount, BalanceSeconds, BlockRef, CumulativeAmount, RawPoints, Timestamp, TokenId,
};

pub use self::weights::Taken;
use self::weights::Weights;
use super::digest::{Digest, ProgrammeDigest};

mod weights;

/// The digest that a clean pass over `transfers` up to `cursor` must give, where every log is
/// readable.
///
/// `start` is the token's first block. Panics where the engine would halt: pass valid chains.
pub fn oracle(
    token: TokenId,
    start: &BlockRef,
    cursor: &BlockRef,
    transfers: &[(BlockRef, Transfer)],
    programmes: &[Programme],
) -> Digest {
    oracle_of_decisions(token, start, cursor, transfers, programmes, &[])
}

/// The same, after decisions of people.
pub fn oracle_of_decisions(
    token: TokenId,
    start: &BlockRef,
    cursor: &BlockRef,
    transfers: &[(BlockRef, Transfer)],
    programmes: &[Programme],
    taken: &[Taken],
) -> Digest {
    let in_ledger = transfers.iter().filter(|(block, transfer)| {
        transfer.token == token.address && (start.number..=cursor.number).contains(&block.number)
    });
    let ledger = Ledger::replay(in_ledger);
    let settle = |programme: &Programme| {
        (
            programme.id.name().to_owned(),
            settle(programme, taken, (start.time, cursor.time), &ledger),
        )
    };
    Digest {
        cursor: Some(cursor.id()),
        start_time: Some(start.time),
        programmes: programmes.iter().map(settle).collect(),
        totals: ledger.totals(),
        balances: ledger.newest(),
        changes: ledger.changes,
        unreadable: Vec::new(),
    }
}

/// What an account earned over `[from, to)`, segment by segment.
pub fn points_of(
    programme: &Programme,
    transfers: &[(BlockRef, Transfer)],
    account: Account,
    from: Timestamp,
    to: Timestamp,
) -> RawPoints {
    points_by_decisions(programme, transfers, &[], account, (from, to))
}

/// The same, after decisions of people.
pub fn points_by_decisions(
    programme: &Programme,
    transfers: &[(BlockRef, Transfer)],
    taken: &[Taken],
    account: Account,
    (from, to): (Timestamp, Timestamp),
) -> RawPoints {
    let token = programme.id.token.address;
    let ledger = Ledger::replay(transfers.iter().filter(|(_, t)| t.token == token));
    let weights = Weights { programme, taken, account };
    earned(programme, &weights, &ledger.balance_points(account), from, to)
}

struct Ledger {
    changes: Vec<Change>,
    minted: U512,
    burned: U512,
}

/// One side of a transfer.
struct Side<'a> {
    account: Account,
    change_type: ChangeType,
    transfer: &'a Transfer,
}

/// The sides of a block's transfers, in the order of its logs.
fn sides<'a>(transfers: &[&'a Transfer]) -> Vec<Side<'a>> {
    let mut sides = Vec::new();
    for transfer in transfers {
        let (mint, burn) = (transfer.from.is_zero(), transfer.to.is_zero());
        let out = if burn { ChangeType::Burn } else { ChangeType::TransferOut };
        let into = if mint { ChangeType::Mint } else { ChangeType::TransferIn };
        for (address, change_type) in [(transfer.from, out), (transfer.to, into)] {
            if let Some(account) = Account::new(address) {
                sides.push(Side { account, change_type, transfer });
            }
        }
    }
    sides
}

/// The sums that an account has received and sent, after each of its sides.
fn moved<'a>(account: Account, sides: &'a [Side<'a>]) -> impl Iterator<Item = (U512, U512)> {
    let own = sides.iter().filter(move |side| side.account == account);
    own.scan((U512::ZERO, U512::ZERO), |(into, out), side| {
        let amount = U512::from(side.transfer.amount.get());
        match side.change_type {
            ChangeType::Mint | ChangeType::TransferIn => *into += amount,
            ChangeType::Burn | ChangeType::TransferOut => *out += amount,
        }
        Some((*into, *out))
    })
}

/// The balance after receiving and sending, if it is in range.
fn balance_with(before: U256, (into, out): (U512, U512)) -> Option<U256> {
    let after = (U512::from(before) + into).checked_sub(out)?;
    (after <= U512::from(U256::MAX)).then(|| U256::from_limbs_slice(&after.as_limbs()[..4]))
}

impl Ledger {
    fn replay<'a>(transfers: impl Iterator<Item = &'a (BlockRef, Transfer)>) -> Self {
        let mut ledger = Self { changes: Vec::new(), minted: U512::ZERO, burned: U512::ZERO };
        let mut history: BTreeMap<Account, Vec<(Timestamp, U256)>> = BTreeMap::new();
        let mut blocks: BTreeMap<u64, (BlockRef, Vec<&Transfer>)> = BTreeMap::new();
        for (block, transfer) in transfers {
            let (mint, burn) = (transfer.from.is_zero(), transfer.to.is_zero());
            let amount = U512::from(transfer.amount.get());
            ledger.minted += if mint && !burn { amount } else { U512::ZERO };
            ledger.burned += if burn && !mint { amount } else { U512::ZERO };
            blocks.entry(block.number.get()).or_insert((*block, Vec::new())).1.push(transfer);
        }
        for (block, transfers) in blocks.values() {
            ledger.block(block, &sides(transfers), &mut history);
        }
        ledger
    }

    /// Adds a block: every row of every account from the sums of its rows up to it.
    fn block(
        &mut self,
        block: &BlockRef,
        sides: &[Side<'_>],
        history: &mut BTreeMap<Account, Vec<(Timestamp, U256)>>,
    ) {
        for side in sides.iter().filter(|side| !side.transfer.amount.is_zero()) {
            history.entry(side.account).or_default();
        }
        let mut running: BTreeMap<Account, VecDeque<Option<U256>>> = BTreeMap::new();
        let mut ends: BTreeMap<Account, (U256, bool)> = BTreeMap::new();
        for side in sides {
            let account = side.account;
            let Some(points) = history.get(&account) else {
                continue;
            };
            let before = points.last().map(|(_, balance)| *balance).unwrap_or_default();
            let all = || moved(account, sides).map(|moved| balance_with(before, moved));
            let after = running.entry(account).or_insert_with(|| all().collect());
            let (end, netted) = *ends.entry(account).or_insert_with(|| {
                let end = after.back().copied().flatten();
                let end = end.expect("no balance is below zero at the end of a block");
                (end, after.contains(&None))
            });
            let after = after.pop_front().flatten();
            let balance = if netted { Some(end) } else { after };
            let Side { change_type, transfer, .. } = *side;
            let other = match change_type {
                ChangeType::Mint | ChangeType::TransferIn => transfer.from,
                ChangeType::Burn | ChangeType::TransferOut => transfer.to,
            };
            self.changes.push(Change {
                account,
                change_type,
                amount: transfer.amount,
                balance_after: Amount::new(balance.expect("it is in range unless netted")),
                balance_seconds: integrate(points, block.time),
                counterparty: Account::new(other),
                tx_hash: transfer.tx_hash,
                block: block.number,
                time: block.time,
                log_index: transfer.log_index,
                netted,
            });
        }
        for (account, (end, _)) in ends {
            history.entry(account).or_default().push((block.time, end));
        }
    }

    fn totals(&self) -> TokenTotals {
        let newest = self.newest();
        let holders = newest.values().filter(|state| !state.balance.is_zero()).count() as u64;
        let supply = newest.values().fold(U256::ZERO, |sum, state| sum + state.balance.get());
        let cumulative = |value: U512| CumulativeAmount::from_be_bytes(value.to_be_bytes());
        TokenTotals {
            holders,
            supply: Amount::new(supply),
            minted: cumulative(self.minted),
            burned: cumulative(self.burned),
        }
    }

    fn newest(&self) -> BTreeMap<Account, Checkpoint> {
        self.changes.iter().map(|change| (change.account, change.checkpoint())).collect()
    }

    fn balance_points(&self, account: Account) -> Vec<(Timestamp, U256)> {
        let of_account = self.changes.iter().filter(|change| change.account == account);
        of_account.map(|change| (change.time, change.balance_after.get())).collect()
    }
}

/// The integral of a step function up to `until`, by adding its rectangles.
fn integrate(points: &[(Timestamp, U256)], until: Timestamp) -> BalanceSeconds {
    let ends = points.iter().skip(1).map(|(time, _)| *time).chain(std::iter::once(until));
    let area = points.iter().zip(ends).fold(U512::ZERO, |sum, ((since, balance), end)| {
        sum + U512::from(*balance) * U512::from(end.get() - since.get())
    });
    let wide: [u8; 64] = area.to_be_bytes();
    let narrow = wide[24..].try_into().expect("40 bytes are left of 64");
    BalanceSeconds::from_be_bytes(narrow)
}

fn settle(
    programme: &Programme,
    taken: &[Taken],
    (start, confirmed): (Timestamp, Timestamp),
    ledger: &Ledger,
) -> ProgrammeDigest {
    let length = programme.window.get();
    let first = start.get() - start.get() % length;
    let last = confirmed.get() - confirmed.get() % length;
    let mut digest = ProgrammeDigest::default();
    if last <= first {
        return digest;
    }
    let time = |seconds: u64| Timestamp::new(seconds).expect("block times are in range");
    digest.settled = Some(time(last));
    let accounts: BTreeSet<_> = ledger.changes.iter().map(|change| change.account).collect();
    for account in accounts {
        let points = ledger.balance_points(account);
        let weights = Weights { programme, taken, account };
        let known = points.first().map_or(Timestamp::MAX, |(time, _)| *time);
        let mut total = U512::ZERO;
        for window in (first..last).step_by(usize::try_from(length).expect("fits")) {
            let (from, to) = (time(window), time(window + length));
            let raw = earned(programme, &weights, &points, from, to);
            total += raw.get();
            let inside =
                |change: &&Change| change.account == account && (from..to).contains(&change.time);
            let blocks: Vec<_> = ledger.changes.iter().filter(inside).map(|c| c.block).collect();
            let sums = digest.windows.entry(from).or_insert_with(|| WindowTotal::empty(from));
            sums.accounts += u64::from(raw != RawPoints::ZERO);
            sums.raw = raw_of(sums.raw.get() + raw.get());
            if let (Some(low), Some(high)) = (blocks.iter().min(), blocks.iter().max()) {
                let (first, last) = sums.blocks.unwrap_or((*low, *high));
                sums.blocks = Some((first.min(*low), last.max(*high)));
            }
            if !blocks.is_empty() || weights.change_between(known.max(from), to) {
                digest.statements.insert((account, from), raw);
            }
        }
        if !total.is_zero() {
            digest.totals.insert(account, raw_of(total));
        }
    }
    for window in (first..last).step_by(usize::try_from(length).expect("fits")) {
        let start = time(window);
        digest.windows.entry(start).or_insert_with(|| WindowTotal::empty(start));
    }
    digest
}

/// Cuts `[from, to)` at every change of balance, rate or weight, and adds the pieces.
fn earned(
    programme: &Programme,
    weights: &Weights<'_>,
    points: &[(Timestamp, U256)],
    from: Timestamp,
    to: Timestamp,
) -> RawPoints {
    let rates = programme.rates.pieces(from, to);
    let mut cuts: BTreeSet<_> = rates.map(|piece| piece.from).collect();
    cuts.extend(points.iter().map(|(time, _)| *time).filter(|time| (from..to).contains(time)));
    cuts.extend(weights.instants().into_iter().filter(|time| (from..to).contains(time)));
    cuts.extend([from, to]);
    let cuts: Vec<_> = cuts.into_iter().collect();
    let mut raw = U512::ZERO;
    for pair in cuts.windows(2) {
        let seconds = pair[1].get() - pair[0].get();
        let held = points.iter().rev().find(|(time, _)| *time <= pair[0]);
        let balance = held.map(|(_, balance)| *balance).unwrap_or_default();
        let rate = programme.rates.at(pair[0]).e18();
        raw += U512::from(balance) * U512::from(seconds) * U512::from(rate) * weights.at(pair[0]);
    }
    raw_of(raw)
}

fn raw_of(raw: U512) -> RawPoints {
    RawPoints::from_be_bytes(raw.to_be_bytes())
}
