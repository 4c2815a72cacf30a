//! Unit tests of restating: 100 base units at 1 point a second, in windows of 10 s from 100 s on.

use alloy_primitives::{Address, U512};

use super::*;
use crate::points::BatchSpan;
use crate::ports::{BatchFailure, ShardRun};
use crate::types::{
    Amount, BalanceSeconds, BlockNumber, ChainId, EntryNumber, Rate, ShardCount, ShardId, TokenId,
    WindowLength,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn account() -> Account {
    Account::new(Address::repeat_byte(1)).unwrap()
}

fn programme() -> Programme {
    let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
    Programme {
        window: WindowLength::new(10).unwrap(),
        shards: ShardCount::new(1).unwrap(),
        ..Programme::main(token, Rate::from_e18(1).unwrap())
    }
}

fn settled_to(seconds: u64) -> ShardProgress {
    ShardProgress { settled: Some(at(seconds)), ..ShardProgress::fresh(ShardId::new(0)) }
}

/// A ledger from 103 s on, rewound to an ancestor's time.
fn rewound(confirmed: Option<u64>) -> RewoundLedger {
    let (started, confirmed) = (Some(at(103)), confirmed.map(at));
    RewoundLedger { ended: Epoch::FIRST, started, confirmed }
}

/// 100 base units from 103 s on, and 700 from 120 s on.
fn state_at(time: Timestamp) -> Result<Option<Checkpoint>, RestateError> {
    let first = Checkpoint {
        balance: Amount::from(100),
        balance_seconds: BalanceSeconds::ZERO,
        time: at(103),
        block: BlockNumber::new(1),
    };
    let second = Checkpoint {
        balance: Amount::from(700),
        balance_seconds: first.balance_seconds_at(at(120))?,
        time: at(120),
        block: BlockNumber::new(2),
    };
    Ok([second, first].into_iter().find(|state| state.time <= time))
}

/// What 100 base units earn in some seconds.
fn points(seconds: u64) -> RawPoints {
    RawPoints::from_be_bytes(U512::from(seconds * 100 * 10_000).to_be_bytes())
}

fn rule() -> AccountRule {
    AccountRule::default()
}

fn published(total: RawPoints, has_rows: bool) -> Published {
    Published { account: account(), total, has_rows }
}

#[test]
fn a_rewind_opens_the_windows_that_end_after_its_ancestor() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    assert_eq!(reopened.from(), at(120));
    let expected = ShardProgress { published: Some(at(150)), ..settled_to(120) };
    assert_eq!(*reopened.progress(), expected);
}

#[test]
fn a_rewind_behind_what_is_settled_opens_nothing() {
    let (programme, before) = (programme(), settled_to(120));
    assert!(rewound(Some(125)).reopen(&programme, &before).is_none());
}

#[test]
fn without_a_ledger_left_every_window_is_open_from_the_first_on() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(None).reopen(&programme, &before).unwrap();
    assert_eq!((reopened.from(), reopened.progress().settled), (at(100), None));
}

#[test]
fn an_account_without_points_and_rows_in_open_windows_stays() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    let restated = reopened.restate(published(points(17), false), &rule(), state_at).unwrap();
    assert_eq!(restated, Restated { row: None, total: RestatedTotal::Kept });
}

#[test]
fn a_row_takes_back_what_was_earned_since_and_carries_the_balance_before() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    let restated = reopened.restate(published(points(40), true), &rule(), state_at).unwrap();
    let row = Statement {
        account: account(),
        window: Window { start: at(120), end: at(150) },
        epoch: Epoch::FIRST,
        raw: points(23),
        kind: StatementKind::Reversed,
        // The change at 120 s is in an open window.
        balance: Amount::from(100),
        entry: EntryNumber::START,
    };
    assert_eq!(restated, Restated { row: Some(row), total: RestatedTotal::Replaced(points(17)) });
}

#[test]
fn rows_that_earned_nothing_are_taken_back_too() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    let restated = reopened.restate(published(points(17), true), &rule(), state_at).unwrap();
    assert_eq!(restated.row.map(|row| row.raw), Some(RawPoints::ZERO));
}

#[test]
fn a_total_without_points_is_removed() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(None).reopen(&programme, &before).unwrap();
    let restated = reopened.restate(published(points(40), true), &rule(), |_| Ok(None)).unwrap();
    assert_eq!(restated.total, RestatedTotal::Removed);
}

#[test]
fn a_row_ends_where_a_run_had_settled_its_account() {
    let programme = programme();
    let run = ShardRun {
        from: at(150),
        to: at(170),
        through: Some(account()),
        scanned: false,
        failures: Vec::new(),
    };
    let before = ShardProgress { run: Some(run), ..settled_to(150) };
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    let restated = reopened.restate(published(points(40), true), &rule(), state_at).unwrap();
    assert_eq!(restated.row.map(|row| row.window.end), Some(at(170)));
}

#[test]
fn points_of_an_account_that_no_batch_settled_are_an_error() {
    let programme = programme();
    let failure = BatchFailure {
        programme: programme.id.clone(),
        epoch: Epoch::FIRST,
        shard: ShardId::new(0),
        from: at(100),
        to: at(150),
        span: BatchSpan { after: None, through: None },
        attempts: 1,
        reason: String::new(),
    };
    let (from, to, failures) = (at(100), at(150), vec![failure]);
    let run = ShardRun { from, to, through: None, scanned: true, failures };
    let before = ShardProgress { run: Some(run), ..ShardProgress::fresh(ShardId::new(0)) };
    let reopened = rewound(None).reopen(&programme, &before).unwrap();
    let refused = reopened.restate(published(points(40), false), &rule(), |_| Ok(None));
    assert_eq!(refused, Err(RestateError::Unsettled(account())));
}

#[test]
fn every_state_that_is_asked_for_is_named_before() {
    let (programme, before) = (programme(), settled_to(150));
    let reopened = rewound(Some(125)).reopen(&programme, &before).unwrap();
    let times = reopened.times([&rule()]);
    let known = |time| match times.contains(&time) {
        true => state_at(time),
        false => Err(RestateError::UnknownState(time)),
    };
    assert!(reopened.restate(published(points(40), true), &rule(), known).is_ok());
}
