//! Correct accounts, and accounts with one error.

use pledge_core::ledger::{ChangeType, TokenMetadata, TokenSpec, TokenState};
use pledge_core::ports::ShardProgress;
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{BlockNumber, ChainId, Decimals, EntryNumber, Epoch, LogIndex, TokenId};

use super::*;

const HOUR: u64 = 3_600;

fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn account() -> Account {
    Account::new(Address::repeat_byte(1)).unwrap()
}

/// A mint of 10 at 600 and of 20 more at 1800: 10 * 1200 + 30 * 1800 = 66000 in the first hour.
fn changes() -> Vec<Change> {
    let mint = |block, seconds, amount: u64, after: u64, integral: &str| Change {
        account: account(),
        change_type: ChangeType::Mint,
        amount: amount.into(),
        balance_after: after.into(),
        balance_seconds: integral.parse().unwrap(),
        counterparty: None,
        tx_hash: B256::ZERO,
        block: BlockNumber::new(block),
        time: time(seconds),
        log_index: LogIndex::new(0),
        netted: false,
    };
    vec![mint(1, 600, 10, 10, "0"), mint(2, 1_800, 20, 30, "12000")]
}

fn token() -> TokenState {
    TokenState::registered(TokenSpec {
        id: TokenId { chain: ChainId::new(1), address: Address::repeat_byte(7) },
        metadata: TokenMetadata { symbol: "T".to_owned(), decimals: Decimals::new(0).unwrap() },
        start_block: BlockNumber::new(0),
    })
}

/// A programme of which the first hour is settled in every shard.
fn programme() -> ProgrammeState {
    let programme = Programme::main(token().spec.id, "1".parse().unwrap());
    let settled =
        |shard| ShardProgress { settled: Some(time(HOUR)), ..ShardProgress::fresh(shard) };
    let shards = programme.shards.shards().map(settled).collect();
    ProgrammeState::undecided(programme, Epoch::FIRST, shards)
}

fn earned() -> RawPoints {
    "660000000000000000000000000".parse().unwrap()
}

fn statement(raw: RawPoints) -> Statement {
    Statement {
        account: account(),
        window: programme().programme.window.window_of(time(0)),
        epoch: Epoch::FIRST,
        raw,
        kind: StatementKind::Earned,
        balance: 30.into(),
        entry: EntryNumber::START,
    }
}

fn audited(changes: &[Change], total: RawPoints, statements: &[Statement]) -> Vec<Subject> {
    let mut report = TokenReport::begin(&token());
    let last = changes.last().unwrap();
    let cursor =
        BlockRef { number: last.block, hash: B256::ZERO, parent_hash: B256::ZERO, time: last.time };
    check_changes(&mut report, &cursor, account(), &last.checkpoint(), changes).unwrap();
    let state = programme();
    let rule = AccountRule::default();
    let points = Points::new(&state.programme, &rule, changes);
    let total = Standing { account: account(), raw: total, settled: time(HOUR) };
    points.check_total(&mut report, &state, account(), Some(total)).unwrap();
    points.check_statements(&mut report, &state, account(), statements).unwrap();
    report.mismatches.iter().map(|mismatch| mismatch.subject).collect()
}

#[test]
fn an_account_that_is_right_gives_no_mismatch() {
    assert_eq!(audited(&changes(), earned(), &[statement(earned())]), []);
}

#[test]
fn a_balance_that_does_not_follow_from_the_one_before_is_found() {
    let mut changes = changes();
    changes[0].balance_after = 11.into();
    let found = audited(&changes, earned(), &[statement(earned())]);
    assert!(found.contains(&Subject::Change), "{found:?}");
}

#[test]
fn an_integral_that_does_not_follow_from_the_one_before_is_found() {
    let mut changes = changes();
    changes[1].balance_seconds = "12001".parse().unwrap();
    let found = audited(&changes, earned(), &[statement(earned())]);
    assert_eq!(found, [Subject::Change]);
}

/// In one block 50 are sent before the missing 40 arrive: both rows have the balance at the end.
#[test]
fn netted_rows_are_right_with_the_balance_at_their_blocks_end_and_with_no_other() {
    let row = |log_index, change_type, amount: u64| Change {
        change_type,
        amount: amount.into(),
        balance_after: 20.into(),
        balance_seconds: "12000".parse().unwrap(),
        block: BlockNumber::new(2),
        time: time(1_800),
        log_index: LogIndex::new(log_index),
        netted: true,
        ..changes()[0].clone()
    };
    let netted = vec![
        changes()[0].clone(),
        row(0, ChangeType::TransferOut, 50),
        row(1, ChangeType::TransferIn, 60),
    ];
    let raw = "480000000000000000000000000".parse().unwrap();
    let statement = |raw| Statement { balance: 20.into(), ..statement(raw) };
    assert_eq!(audited(&netted, raw, &[statement(raw)]), []);
    let mut running = netted.clone();
    running[1].balance_after = 0.into();
    assert!(audited(&running, raw, &[statement(raw)]).contains(&Subject::Change));
    let mut unmarked = netted;
    unmarked[2].netted = false;
    assert_eq!(audited(&unmarked, raw, &[statement(raw)]), [Subject::Change]);
}

#[test]
fn a_total_that_the_changes_do_not_give_is_found() {
    let found = audited(&changes(), RawPoints::ZERO, &[statement(earned())]);
    assert_eq!(found, [Subject::Total]);
}

#[test]
fn a_statement_that_is_missing_wrong_or_there_twice_is_found() {
    let twice = Statement { epoch: Epoch::new(1), ..statement(earned()) };
    let other_balance = Statement { balance: 31.into(), ..statement(earned()) };
    let rows = [vec![], vec![statement(RawPoints::ZERO)], vec![other_balance]];
    for rows in rows.into_iter().chain([vec![statement(earned()), twice]]) {
        assert_eq!(audited(&changes(), earned(), &rows), [Subject::Statement]);
    }
}

#[test]
fn a_statement_that_was_taken_back_does_not_count() {
    let reversed = Statement { kind: StatementKind::Reversed, ..statement(RawPoints::ZERO) };
    let again = Statement { epoch: Epoch::new(1), ..statement(earned()) };
    let rows = [statement(RawPoints::ZERO), reversed, again];
    assert_eq!(audited(&changes(), earned(), &rows), []);
}

/// 10 from 600, 30 from 3600, 60 from 9000, 100 from 10800: a change on two edges, an hour without.
#[test]
fn statements_of_windows_with_changes_on_their_edges_are_right() {
    let mint = |block, seconds, after: u64, integral: &str| Change {
        block: BlockNumber::new(block),
        time: time(seconds),
        amount: after.into(),
        balance_after: after.into(),
        balance_seconds: integral.parse().unwrap(),
        ..changes()[0].clone()
    };
    let changes = [
        mint(1, 600, 10, "0"),
        mint(2, HOUR, 30, "30000"),
        mint(3, 9_000, 60, "192000"),
        mint(4, 3 * HOUR, 100, "300000"),
    ];
    // Balance-seconds of the hours: 10 * 3000, 30 * 3600, 30 * 1800 + 60 * 1800, 100 * 3600.
    let unit = "10000000000000000000000";
    let areas = [(30_000, 10), (108_000, 30), (162_000, 60), (360_000, 100_u64)];
    let rows = areas.iter().enumerate().map(|(hour, (area, balance))| {
        let start = time(u64::try_from(hour).unwrap() * HOUR);
        let window = programme().programme.window.window_of(start);
        let raw = format!("{area}{}", &unit[1..]).parse().unwrap();
        Statement { window, balance: (*balance).into(), ..statement(raw) }
    });
    let rows: Vec<_> = rows.collect();
    let mut state = programme();
    state.shards.iter_mut().for_each(|shard| shard.settled = Some(time(4 * HOUR)));
    let mut report = TokenReport::begin(&token());
    let rule = AccountRule::default();
    let points = Points::new(&state.programme, &rule, &changes);
    points.check_statements(&mut report, &state, account(), &rows).unwrap();
    assert_eq!(report.mismatches, []);
    points.check_statements(&mut report, &state, account(), &rows[1..]).unwrap();
    assert_eq!(report.mismatches.len(), 1);
}
