//! Laws of [`PointsStore`] about batches: what a settlement writes, and when it is refused.

use alloy_primitives::{Address, U256};
use pledge_core::error::StoreErrorKind;
use pledge_core::event::Event;
use pledge_core::points::{BatchSpan, Programme, Rules, settle};
use pledge_core::ports::{HistoriesQuery, PointsStore, ProgrammeState, SettlementBatch};
use pledge_core::types::{
    Account, Amount, EntryNumber, Epoch, ProgrammeId, Rate, RateSchedule, RawPoints, ShardCount,
    ShardId, Step, Timestamp, Window, WindowLength,
};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::statement_rows;
use crate::oracle::oracle;
use crate::world::{account, at, operator, token};

laws! {
    __points_store of points_store(Fixture):
    a_batch_by_other_rates_is_refused
    a_batch_moves_points_and_progress_together
    the_same_batch_again_is_refused_and_counts_once
    a_batch_from_another_epoch_is_refused
    a_batch_that_skips_accounts_is_refused
    a_batch_that_goes_backwards_is_refused
    a_batch_outside_its_accounts_or_windows_is_invalid
    a_window_that_is_not_closed_is_refused
    a_shard_is_settled_when_every_account_was_reached
    settling_every_shard_is_an_event
    the_largest_points_round_trip
}

pub(super) fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

pub(super) fn two_shards() -> Programme {
    let shards = ShardCount::new(2).expect("a power of two");
    Programme { shards, ..Programme::main(token(), rate("0.05")) }
}

pub(super) fn id() -> ProgrammeId {
    ProgrammeId::main(token())
}

/// Every account of a shard.
pub const WHOLE: BatchSpan = BatchSpan { after: None, through: None };

/// Five blocks committed, two windows closed, nothing settled; a programme of two shards.
pub async fn open(fixture: Fixture) -> Ledger {
    let ledger = Ledger::with_blocks(fixture).await;
    points(&ledger).put_programme(&two_shards(), &operator()).await.expect("put a programme");
    ledger
}

pub(super) fn points(ledger: &Ledger) -> &dyn PointsStore {
    &ledger.fixture.points
}

pub(super) async fn state(ledger: &Ledger) -> ProgrammeState {
    let programmes = points(ledger).programmes(token()).await.expect("read");
    programmes.into_iter().next().expect("there is one programme")
}

/// All of some accounts' histories in one page.
fn histories(first: Address, last: Address, over: Window) -> HistoriesQuery {
    let Window { start: from, end: to } = over;
    let (after, limit, changes_max) = (None, 1_000, usize::MAX);
    HistoriesQuery { token: token(), first, last, after, limit, changes_max, from, to }
}

/// The batch that a settler would write.
pub async fn batch(
    ledger: &Ledger,
    shard: u16,
    span: BatchSpan,
    seconds: (u64, u64),
) -> SettlementBatch {
    let state = state(ledger).await;
    let shard = ShardId::new(shard);
    let over = Window { start: at(seconds.0), end: at(seconds.1) };
    let (first, last) = state.programme.shards.bounds(shard);
    let last = span.through.map_or(last, Account::address);
    let query = histories(first, last, over);
    let seen = ledger.store().histories(&query).await.expect("read");
    let inside = seen.value.histories.into_iter().filter(|h| span.contains(h.account));
    let inside = inside.collect::<Vec<_>>();
    let accounts: Vec<_> = inside.iter().map(|history| history.account).collect();
    let entries = points(ledger).entries(&id(), &accounts).await.expect("read");
    let rules = Rules::of(&state, entries).expect("small weights");
    let settled = settle(&state.programme, seen.epoch, over, &rules, &inside).expect("in range");
    SettlementBatch {
        programme: id(),
        epoch: seen.epoch,
        rates: state.programme.rates,
        version: state.version,
        shard,
        from: over.start,
        to: over.end,
        span,
        earned: settled.earned,
        statements: settled.statements,
        windows: settled.windows,
    }
}

/// Settles both shards from one instant after 15:00 to another.
pub async fn settle_both(ledger: &Ledger, seconds: (u64, u64)) {
    for shard in [0, 1] {
        let batch = batch(ledger, shard, WHOLE, seconds).await;
        points(ledger).commit_batch(&batch).await.expect("the next batch of its shard");
    }
}

pub(super) async fn refused(ledger: &Ledger, batch: &SettlementBatch) {
    let before = (ledger.digest().await, state(ledger).await);
    let error = points(ledger).commit_batch(batch).await.expect_err("the batch does not fit");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!((ledger.digest().await, state(ledger).await), before, "nothing was written");
}

/// The accounts of a shard of the blocks' four, ascending.
pub(super) fn accounts_of(shard: u16) -> Vec<Account> {
    let in_shard = |a: &Account| two_shards().shards.shard_of(*a) == ShardId::new(shard);
    let mut accounts: Vec<_> = [1, 2, 3, 4].map(account).into_iter().filter(in_shard).collect();
    accounts.sort();
    accounts
}

/// A batch is written under the rates by which it was computed.
async fn a_batch_by_other_rates_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let stale = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    let inside = Step { from: at(3_599), value: rate("0.1") };
    let behind = Step { from: at(3_600), value: rate("0.2") };
    let change = |steps| {
        let rates = RateSchedule::new(rate("0.05"), steps).expect("ascending");
        Programme { rates, ..two_shards() }
    };
    let later = points(&ledger).put_programme(&change(vec![inside]), &operator()).await;
    later.expect("nothing is settled yet");
    refused(&ledger, &stale).await;
    let read = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    let later = points(&ledger).put_programme(&change(vec![inside, behind]), &operator()).await;
    later.expect("nothing is settled yet");
    let committed = points(&ledger).commit_batch(&read).await;
    committed.expect("the rates differ only after the batch");
}

/// A batch is written completely or not at all.
async fn a_batch_moves_points_and_progress_together(fixture: Fixture) {
    let ledger = open(fixture).await;
    let batch = batch(&ledger, 0, WHOLE, (0, 7_200)).await;
    assert!(!batch.earned.is_empty(), "an account of shard 0 earned");
    points(&ledger).commit_batch(&batch).await.expect("commit");
    let settled: Vec<_> = state(&ledger).await.shards.iter().map(|s| s.settled).collect();
    assert_eq!(settled, [Some(at(7_200)), None]);
    for (account, raw) in &batch.earned {
        let seen = points(&ledger).totals(&id(), &[*account]).await.expect("read");
        let standing = seen.value[0].expect("it earned");
        assert_eq!((standing.raw, standing.settled), (*raw, at(7_200)));
        assert_eq!(seen.cursor, ledger.chain.block(5));
    }
    for statement in &batch.statements {
        let rows = statement_rows(points(&ledger), &id(), statement.account).await.expect("read");
        assert!(rows.contains(statement));
    }
    let nobody = points(&ledger).totals(&id(), &[account(99)]).await.expect("read");
    assert_eq!(nobody.value, [None]);
}

/// Retrying a write that went through changes nothing.
async fn the_same_batch_again_is_refused_and_counts_once(fixture: Fixture) {
    let ledger = open(fixture).await;
    let whole = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    points(&ledger).commit_batch(&whole).await.expect("commit");
    refused(&ledger, &whole).await;
    let through = Some(accounts_of(1)[0]);
    let part = batch(&ledger, 1, BatchSpan { after: None, through }, (0, 3_600)).await;
    points(&ledger).commit_batch(&part).await.expect("commit");
    refused(&ledger, &part).await;
}

/// The epoch that a batch read is checked in its own write.
async fn a_batch_from_another_epoch_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let mut batch = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    batch.epoch = Epoch::new(7);
    batch.statements.iter_mut().for_each(|row| row.epoch = Epoch::new(7));
    refused(&ledger, &batch).await;
}

/// Batches follow each other without a gap.
async fn a_batch_that_skips_accounts_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let after = Some(accounts_of(0)[0]);
    let skipping = batch(&ledger, 0, BatchSpan { after, through: None }, (0, 3_600)).await;
    refused(&ledger, &skipping).await;
    let late = batch(&ledger, 0, WHOLE, (3_600, 7_200)).await;
    refused(&ledger, &late).await;
}

/// A shard is walked in ascending order, or accounts would be counted twice.
async fn a_batch_that_goes_backwards_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let accounts = accounts_of(0);
    let first = BatchSpan { after: None, through: Some(accounts[1]) };
    let first = batch(&ledger, 0, first, (0, 3_600)).await;
    points(&ledger).commit_batch(&first).await.expect("the first batch");
    let back = BatchSpan { after: Some(accounts[1]), through: Some(accounts[0]) };
    let back = batch(&ledger, 0, back, (0, 3_600)).await;
    refused(&ledger, &back).await;
}

/// A batch with rows outside its declared accounts or windows is a bug of its writer.
async fn a_batch_outside_its_accounts_or_windows_is_invalid(fixture: Fixture) {
    let ledger = open(fixture).await;
    let right = batch(&ledger, 1, WHOLE, (0, 3_600)).await;
    let foreign = batch(&ledger, 0, WHOLE, (0, 3_600)).await;
    let mut accounts = right.clone();
    accounts.earned = foreign.earned;
    let mut statements = right.clone();
    statements.statements = foreign.statements;
    let mut part = right.clone();
    part.to = at(1_800);
    let mut windows = right.clone();
    windows.windows.extend(batch(&ledger, 1, WHOLE, (3_600, 7_200)).await.windows);
    for wrong in [accounts, statements, part, windows] {
        let error = points(&ledger).commit_batch(&wrong).await.expect_err("it is out of bounds");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
    }
    assert_eq!(ledger.digest().await.programmes["main"], Default::default());
}

/// A window closes when a confirmed block is at or after its end.
async fn a_window_that_is_not_closed_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let open_still = batch(&ledger, 0, WHOLE, (0, 10_800)).await;
    refused(&ledger, &open_still).await;
}

/// The batches have one account each.
async fn a_shard_is_settled_when_every_account_was_reached(fixture: Fixture) {
    let ledger = open(fixture).await;
    let mut after = None;
    for through in accounts_of(1) {
        let span = BatchSpan { after, through: Some(through) };
        let batch = batch(&ledger, 1, span, (0, 7_200)).await;
        points(&ledger).commit_batch(&batch).await.expect("the next batch");
        let progress = state(&ledger).await.shards[1].clone();
        assert_eq!(progress.settled, None);
        assert_eq!(progress.run.and_then(|run| run.through), Some(through));
        after = Some(through);
    }
    let rest = batch(&ledger, 1, BatchSpan { after, through: None }, (0, 7_200)).await;
    points(&ledger).commit_batch(&rest).await.expect("the last batch, of nobody");
    let whole = batch(&ledger, 0, WHOLE, (0, 7_200)).await;
    points(&ledger).commit_batch(&whole).await.expect("the other shard");
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(5)).expect("mined");
    let transfers = ledger.chain.transfers();
    let expected = oracle(token(), &start, &cursor, &transfers, &[two_shards()]);
    assert_eq!(ledger.digest().await, expected);
}

/// There is one event, when the slowest shard is settled.
async fn settling_every_shard_is_an_event(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 3_600)).await;
    let events = ledger.fixture.all_events().await.expect("read");
    let settled: Vec<_> =
        events.into_iter().map(|e| e.event).filter(|event| event.kind() == "settled").collect();
    assert_eq!(settled, [Event::Settled { programme: id(), settled: at(3_600) }.into()]);
}

/// The largest balance at the largest rate for a century.
async fn the_largest_points_round_trip(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let century = 3_155_760_000;
    ledger.mine_amounts(0, token(), &[(0, 1, Amount::MAX)]);
    ledger.mine_amounts(century, token(), &[]);
    ledger.commit_to(2).await.expect("commit");
    let largest = Rate::from_e18((1 << 96) - 1).expect("the largest rate");
    let window = WindowLength::new(31_557_600).expect("a year");
    let programme = Programme { window, rates: RateSchedule::constant(largest), ..two_shards() };
    points(&ledger).put_programme(&programme, &operator()).await.expect("put");
    let over = Window { start: window.floor(at(0)), end: window.floor(at(century)) };
    let seconds = |time: Timestamp| time.get().checked_sub(at(0).get());
    assert!(seconds(over.end).is_some());
    for shard in programme.shards.shards() {
        let (first, last) = programme.shards.bounds(shard);
        let query = histories(first, last, over);
        let seen = ledger.store().histories(&query).await.expect("read");
        let page = seen.value.histories;
        let rules = Rules::default();
        let settled = settle(&programme, seen.epoch, over, &rules, &page).expect("in range");
        let batch = SettlementBatch {
            programme: id(),
            epoch: seen.epoch,
            rates: programme.rates.clone(),
            version: EntryNumber::START,
            shard,
            from: over.start,
            to: over.end,
            span: WHOLE,
            earned: settled.earned,
            statements: settled.statements,
            windows: settled.windows,
        };
        points(&ledger).commit_batch(&batch).await.expect("commit");
    }
    let held = over.end.get() - at(0).get();
    let seen = points(&ledger).totals(&id(), &[account(1)]).await.expect("read");
    let factor = U256::from(largest.e18()) * U256::from(10_000) * U256::from(held);
    let expected = RawPoints::of_constant(Amount::MAX, factor);
    assert_eq!(seen.value[0].map(|standing| standing.raw), Some(expected));
    assert!(expected.get().bit_len() > 390, "the case is as wide as meant");
}
