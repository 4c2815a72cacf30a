//! Laws of [`BalanceStore`](pledge_core::ports::BalanceStore), without rewinds.

use alloy_primitives::{Address, B256};
use pledge_core::error::StoreErrorKind;
use pledge_core::event::Event;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{Checkpoint, TokenStatus};
use pledge_core::ports::{AccountHistory, ChainReport, HistoriesQuery};
use pledge_core::types::{Amount, BlockNumber, ChainId, Epoch, TokenId};

use super::ledger::Ledger;
use crate::Fixture;
use crate::oracle::oracle;
use crate::world::{CHAIN, account, at, operator, resume_chain, resume_token, spec, token};

laws! {
    __balance_store of balance_store(Fixture):
    an_empty_store_knows_nothing
    registering_a_token_again_answers_its_state
    another_spec_for_a_token_is_refused
    a_token_needs_its_chain
    a_chain_report_is_remembered_and_halting_is_an_event
    a_latched_chain_keeps_its_status_until_it_is_resumed
    a_commit_moves_cursor_balances_and_sums_together
    every_change_carries_the_balance_and_the_integral_after_it
    the_same_commit_again_is_refused_and_writes_nothing
    a_commit_on_another_base_is_refused_and_writes_nothing
    a_commit_with_one_bad_token_writes_nothing
    a_commit_out_of_the_chains_order_is_invalid
    a_commit_older_than_the_cursor_is_invalid
    a_commit_that_names_a_token_twice_is_invalid
    tokens_at_one_cursor_are_committed_together
    of_two_writers_one_wins
    a_halted_token_refuses_commits_until_it_is_reinstated
    history_is_the_state_after_the_last_change_at_or_before_an_instant
    the_last_change_block_is_the_tokens_own
    histories_split_an_account_at_the_instant_asked_for
    pages_of_histories_are_complete
    histories_end_a_page_before_one_change_too_many
    the_time_of_a_change_is_that_of_its_number
    the_largest_amounts_round_trip
    tokens_and_chains_do_not_see_each_other
    one_chain_is_what_the_list_of_all_has_of_it
    a_chain_of_any_number_may_be_asked_for
}

fn other_token() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

/// Nothing is registered, so nothing is found.
async fn an_empty_store_knows_nothing(fixture: Fixture) {
    let store = fixture.balances;
    assert_eq!(store.chains().await.expect("read"), []);
    assert_eq!(store.tokens(CHAIN).await.expect("read"), []);
    assert_eq!(store.token(token()).await.expect("read"), None);
    let unknown = store.states(token(), &[account(1)]).await.expect_err("the token is unknown");
    assert_eq!(unknown.kind(), StoreErrorKind::Invalid);
}

/// Registering is idempotent and never moves anything.
async fn registering_a_token_again_answers_its_state(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let state = ledger.store().register_token(&spec(token())).await.expect("register again");
    assert_eq!(state.cursor, ledger.chain.block(5));
    assert_eq!(Some(state), ledger.store().token(token()).await.expect("read"));
}

/// A token's spec is fixed.
async fn another_spec_for_a_token_is_refused(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let mut other = spec(token());
    other.start_block = BlockNumber::new(2);
    let error = ledger.store().register_token(&other).await.expect_err("another start block");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let state = ledger.store().token(token()).await.expect("read").expect("still there");
    assert_eq!(state.spec, spec(token()));
}

/// No token without its chain.
async fn a_token_needs_its_chain(fixture: Fixture) {
    let error = fixture.balances.register_token(&spec(token())).await.expect_err("no chain");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
}

/// Reports overwrite each other; heights that are not reported stay.
async fn a_chain_report_is_remembered_and_halting_is_an_event(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let (head, halted) = (Some(BlockNumber::new(9)), ChainStatus::Halted("why".to_owned()));
    let first = ChainReport {
        chain: CHAIN,
        status: ChainStatus::Live,
        head,
        head_time: Some(at(9)),
        processed: head,
    };
    let second = ChainReport {
        chain: CHAIN,
        status: halted.clone(),
        head: None,
        head_time: None,
        processed: None,
    };
    for report in [&first, &second, &second] {
        ledger.store().report_chain(report).await.expect("report");
    }
    let chains = ledger.store().chains().await.expect("read");
    assert_eq!((chains.len(), &chains[0].status, chains[0].head), (1, &halted, head));
    assert_eq!(chains[0].head_time, Some(at(9)), "the newest time that was reported");
    let events = ledger.fixture.all_events().await.expect("read");
    let expected = Event::ChainHalted { chain: CHAIN, reason: "why".to_owned() }.into();
    assert_eq!(events.iter().map(|e| &e.event).collect::<Vec<_>>(), [&expected]);
}

/// A report of an indexer that has not noticed yet moves heights, not the status.
async fn a_latched_chain_keeps_its_status_until_it_is_resumed(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let report =
        |status, head| ChainReport { chain: CHAIN, status, head, head_time: None, processed: None };
    let head = Some(BlockNumber::new(9));
    ledger.store().pause_chain(CHAIN, &operator()).await.expect("pause");
    ledger.store().report_chain(&report(ChainStatus::Live, head)).await.expect("report");
    let state = async || ledger.store().chains().await.expect("read").remove(0);
    let paused = state().await;
    assert_eq!((paused.status, paused.head), (ChainStatus::Paused(None), head));
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    assert_eq!(state().await.status, ChainStatus::Syncing);
    let live = report(ChainStatus::Live, None);
    ledger.store().report_chain(&live).await.expect("report");
    resume_chain(ledger.store(), CHAIN).await.expect("nothing to resume");
    assert_eq!(state().await.status, ChainStatus::Live);
}

/// One write: all of it is there afterwards.
async fn a_commit_moves_cursor_balances_and_sums_together(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000), (1, 2, 400)]);
    ledger.commit_to(1).await.expect("commit");
    let state = ledger.store().token(token()).await.expect("read").expect("registered");
    assert_eq!(state.cursor, ledger.chain.block(1));
    assert_eq!(state.start_time, Some(at(0)));
    assert_eq!((state.totals.holders, state.totals.supply), (2, Amount::from(1_000)));
    let seen = ledger.store().states(token(), &[account(2), account(9), account(1)]).await;
    let seen = seen.expect("read");
    assert_eq!((seen.cursor, seen.epoch), (state.cursor, Epoch::FIRST));
    let balances: Vec<_> = seen.value.iter().map(|state| state.map(|s| s.balance)).collect();
    assert_eq!(balances, [Some(Amount::from(400)), None, Some(Amount::from(600))]);
}

/// The ledger equals the oracle's.
async fn every_change_carries_the_balance_and_the_integral_after_it(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(5)).expect("mined");
    let expected = oracle(token(), &start, &cursor, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
}

/// A commit names its base, so it counts only once.
async fn the_same_commit_again_is_refused_and_writes_nothing(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000)]);
    let message = ledger.message(&[token()], 1).await;
    ledger.store().commit(&message).await.expect("commit");
    let before = ledger.digest().await;
    let error = ledger.store().commit(&message).await.expect_err("the same commit again");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
}

/// Number and hash of the base must both be the cursor's.
async fn a_commit_on_another_base_is_refused_and_writes_nothing(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    let message = ledger.message(&[token()], 6).await;
    let mut other_hash = message.clone();
    other_hash.blocks.base.as_mut().expect("there is a base").hash = B256::repeat_byte(9);
    let mut no_base = message;
    no_base.blocks.base = None;
    for message in [other_hash, no_base] {
        let error = ledger.store().commit(&message).await.expect_err("another base");
        assert_eq!(error.kind(), StoreErrorKind::Conflict);
    }
    assert_eq!(ledger.digest().await, before);
}

/// All tokens of a commit or none.
async fn a_commit_with_one_bad_token_writes_nothing(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    ledger.store().register_token(&spec(other_token())).await.expect("register");
    ledger.mine(9_000, &[(2, 1, 1)]);
    let mut message = ledger.message(&[token()], 6).await;
    let behind = ledger.message(&[other_token()], 6).await;
    message.tokens.extend(behind.tokens);
    let error = ledger.store().commit(&message).await.expect_err("one token is elsewhere");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
    assert_eq!(ledger.store().headers(CHAIN, BlockNumber::new(9), 1).await.expect("read").len(), 1);
}

/// A message that contradicts itself is a bug of its writer, and nothing of it is written.
async fn a_commit_out_of_the_chains_order_is_invalid(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000), (1, 2, 400)]);
    ledger.mine(10, &[(2, 1, 100)]);
    let message = ledger.message(&[token()], 2).await;
    let mut swapped = message.clone();
    swapped.tokens[0].changes.swap(0, 1);
    let mut outside = message.clone();
    outside.blocks.tip = message.blocks.first;
    let mut headers = message.clone();
    headers.blocks.headers.reverse();
    for wrong in [swapped, outside, headers] {
        let error = ledger.store().commit(&wrong).await.expect_err("it contradicts itself");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
    }
    assert_eq!(ledger.digest().await, Default::default());
    ledger.store().commit(&message).await.expect("the right one");
}

/// Time never goes back along a ledger.
async fn a_commit_older_than_the_cursor_is_invalid(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    ledger.mine(7_999, &[]);
    let error = ledger.commit_to(6).await.expect_err("one second before block 5");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert_eq!(ledger.digest().await, before);
}

/// One commit moves a token once, whether its two entries differ or not.
async fn a_commit_that_names_a_token_twice_is_invalid(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000)]);
    let message = ledger.message(&[token()], 1).await;
    let mut same = message.clone();
    same.tokens.push(message.tokens[0].clone());
    let mut without_changes = same.clone();
    without_changes.tokens[1].changes.clear();
    for twice in [same, without_changes] {
        let error = ledger.store().commit(&twice).await.expect_err("named twice");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert_eq!(ledger.digest().await, Default::default());
    }
    ledger.store().commit(&message).await.expect("named once");
}

/// One message carries every token at one cursor.
async fn tokens_at_one_cursor_are_committed_together(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.store().register_token(&spec(other_token())).await.expect("register");
    ledger.mine(0, &[(0, 1, 1_000)]);
    ledger.mine_amounts(5, other_token(), &[(0, 1, Amount::from(7))]);
    let message = ledger.message(&[token(), other_token()], 2).await;
    ledger.store().commit(&message).await.expect("commit both");
    for (id, balance) in [(token(), 1_000), (other_token(), 7)] {
        let seen = ledger.store().states(id, &[account(1)]).await.expect("read");
        assert_eq!(seen.cursor, ledger.chain.block(2));
        assert_eq!(seen.value[0].map(|s| s.balance), Some(Amount::from(balance)));
    }
    let events = ledger.fixture.all_events().await.expect("read");
    assert_eq!(events.len(), 1, "one commit is one event");
}

/// Two messages on one base: the second is refused whole.
async fn of_two_writers_one_wins(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000)]);
    ledger.mine(10, &[(1, 2, 1)]);
    let (short, long) = (ledger.message(&[token()], 1).await, ledger.message(&[token()], 2).await);
    let store = ledger.store();
    let (first, second) = tokio::join!(store.commit(&short), store.commit(&long));
    let winners = [first.is_ok(), second.is_ok()];
    assert_eq!(winners.iter().filter(|won| **won).count(), 1);
    let height = if winners[0] { 1 } else { 2 };
    assert_eq!(ledger.cursor().await, ledger.chain.block(height));
    let changes = ledger.digest().await.changes.len();
    assert_eq!(changes, if winners[0] { 1 } else { 3 });
}

/// No writer commits to a halted token.
async fn a_halted_token_refuses_commits_until_it_is_reinstated(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    let message = ledger.message(&[token()], 6).await;
    let base = message.blocks.base;
    let store = ledger.store();
    let stale = store.halt_token(token(), None, "why").await.expect_err("another base");
    assert_eq!(stale.kind(), StoreErrorKind::Conflict);
    store.halt_token(token(), base, "why").await.expect("halt");
    let state = store.token(token()).await.expect("read").expect("registered");
    assert_eq!(state.status, TokenStatus::Halted("why".to_owned()));
    let error = store.commit(&message).await.expect_err("halted");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    let events = ledger.fixture.all_events().await.expect("read");
    let halted = Event::TokenHalted { token: token(), reason: "why".to_owned() }.into();
    assert_eq!(events.last().map(|event| &event.event), Some(&halted));
    resume_token(store, token()).await.expect("reinstate");
    store.commit(&message).await.expect("active again");
}

/// The state at an instant includes a change at that very instant, and of several the last.
async fn history_is_the_state_after_the_last_change_at_or_before_an_instant(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let times = [at(0), at(599), at(600), at(3_999), at(4_000), at(8_000)];
    let seen = ledger.store().history(token(), account(1), &times).await.expect("read");
    let balances: Vec<_> = seen.value.iter().map(|s| s.map(|s| s.balance)).collect();
    let expected = [1_000, 1_000, 800, 800, 500, 500].map(|b| Some(Amount::from(b)));
    assert_eq!(balances, expected);
    assert_eq!(seen.cursor, ledger.chain.block(5));
    let before = ledger.store().history(token(), account(3), &[at(599)]).await.expect("read");
    assert_eq!(before.value, [None]);
    let nobody = ledger.store().history(token(), account(9), &[at(8_000)]).await.expect("read");
    assert_eq!(nobody.value, [None]);
}

/// Blocks without changes of the token do not count.
async fn the_last_change_block_is_the_tokens_own(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(9_000, &[]);
    ledger.commit_to(6).await.expect("commit");
    for (seconds, block) in [(0, 1), (600, 3), (3_999, 3), (9_000, 5)] {
        let seen = ledger.store().last_change_block(token(), at(seconds)).await.expect("read");
        assert_eq!(seen.value, Some(BlockNumber::new(block)), "{seconds} s after 15:00");
    }
    let before = pledge_core::types::Timestamp::new(at(0).get() - 1).expect("in range");
    let seen = ledger.store().last_change_block(token(), before).await.expect("read");
    assert_eq!(seen.value, None);
}

fn histories(from: u64, to: u64, first: Address, limit: usize) -> HistoriesQuery {
    let last = Address::repeat_byte(0xff);
    let (from, to) = (at(from), at(to));
    let (after, changes_max) = (None, usize::MAX);
    HistoriesQuery { token: token(), first, last, after, limit, changes_max, from, to }
}

/// `[from, to)`: a change at `from` is listed, one at `to` is not.
async fn histories_split_an_account_at_the_instant_asked_for(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let query = histories(600, 4_000, Address::ZERO, 100);
    let page = ledger.store().histories(&query).await.expect("read").value;
    assert_eq!((page.histories.len(), page.next), (4, None));
    let of = |number: u64| {
        let found = page.histories.iter().find(|history| history.account == account(number));
        found.expect("every account of the ledger is in the range")
    };
    let balances =
        |states: &[Checkpoint]| -> Vec<_> { states.iter().map(|state| state.balance).collect() };
    assert_eq!(of(1).opening.map(|s| s.balance), Some(Amount::from(1_000)));
    assert_eq!(balances(&of(1).changes), [750, 800].map(Amount::from));
    assert_eq!(of(3).opening, None);
    assert_eq!(balances(&of(3).changes), [250, 150, 250, 200].map(Amount::from));
    let later = ledger.store().histories(&histories(4_000, 8_000, Address::ZERO, 100)).await;
    let later = later.expect("read").value.histories;
    let third = later.iter().find(|history| history.account == account(3)).expect("there");
    assert_eq!(third.opening.map(|s| s.balance), Some(Amount::from(200)));
    assert_eq!(balances(&third.changes), [Amount::from(700)]);
}

/// Walking by address reaches every account once.
async fn pages_of_histories_are_complete(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let mut first = Address::ZERO;
    let mut walked = Vec::new();
    loop {
        let query = histories(0, 8_001, first, 1);
        let page = ledger.store().histories(&query).await.expect("read").value.histories;
        let Some(history) = page.first() else { break };
        walked.push(history.account);
        let mut next = history.account.address().into_array();
        next[19] += 1;
        first = next.into();
    }
    let mut expected = [1, 2, 3, 4].map(account);
    expected.sort();
    assert_eq!(walked, expected);
}

/// Every change once, whatever the page's size, and each with the state before it.
async fn histories_end_a_page_before_one_change_too_many(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let whole = histories(0, 8_001, Address::ZERO, 100);
    let expected = ledger.store().histories(&whole).await.expect("read").value.histories;
    for (limit, changes_max) in [(100, 1), (100, 2), (100, 3), (2, 2), (1, 100)] {
        let mut walked: Vec<AccountHistory> = Vec::new();
        let mut next = Some(HistoriesQuery { limit, changes_max, ..whole });
        while let Some(query) = next {
            let page = ledger.store().histories(&query).await.expect("read").value;
            let changes = page.histories.iter().map(|history| history.changes.len());
            assert!(page.histories.len() <= limit && changes.sum::<usize>() <= changes_max);
            for history in page.histories {
                match walked.last_mut().filter(|last| last.account == history.account) {
                    Some(last) => {
                        assert_eq!(history.opening.as_ref(), last.changes.last());
                        last.changes.extend(history.changes);
                    }
                    None => walked.push(history),
                }
            }
            next = page.next.map(|place| HistoriesQuery {
                first: place.first,
                after: place.after,
                ..query
            });
        }
        assert_eq!(walked, expected, "{limit} accounts, {changes_max} changes");
    }
}

/// Counted over all accounts from an instant on, in the order of the chain.
async fn the_time_of_a_change_is_that_of_its_number(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let times: Vec<_> = ledger.digest().await.changes.iter().map(|change| change.time).collect();
    for from in [0, 600, 601, 9_999].map(at) {
        let later: Vec<_> = times.iter().filter(|time| **time >= from).collect();
        for number in 1..=times.len() + 1 {
            let seen = ledger.store().change_time(token(), from, number).await.expect("read");
            assert_eq!(seen.value.as_ref(), later.get(number - 1).copied(), "{number} from {from}");
        }
    }
}

/// A caller may pass any number: an unknown chain is no error.
async fn a_chain_of_any_number_may_be_asked_for(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let store = ledger.store();
    for number in [0, i64::MAX as u64, 1 << 63, u64::MAX] {
        let id = TokenId { chain: ChainId::new(number), ..token() };
        assert_eq!(store.token(id).await.expect("read"), None, "{id}");
        assert_eq!(store.tokens(id.chain).await.expect("read"), [], "{id}");
        let refused = store.headers(id.chain, BlockNumber::new(9), 9).await;
        assert_eq!(refused.expect_err("no chain").kind(), StoreErrorKind::Invalid, "{id}");
    }
}

/// 2^256 - 1 base units over a century, to the last bit.
async fn the_largest_amounts_round_trip(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine_amounts(0, token(), &[(0, 1, Amount::MAX)]);
    ledger.mine_amounts(3_155_760_000, token(), &[(1, 2, Amount::MAX)]);
    ledger.mine_amounts(3_155_760_000, token(), &[(2, 0, Amount::MAX), (0, 2, Amount::MAX)]);
    ledger.commit_to(3).await.expect("commit");
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(3)).expect("mined");
    let expected = oracle(token(), &start, &cursor, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
}

/// What is written for one is not read for another.
async fn tokens_and_chains_do_not_see_each_other(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let elsewhere = TokenId { chain: ChainId::new(84_532), address: token().address };
    let store = ledger.store();
    store.register_chain(elsewhere.chain, "elsewhere").await.expect("register");
    for id in [elsewhere, other_token()] {
        store.register_token(&spec(id)).await.expect("register");
        let state = store.token(id).await.expect("read").expect("registered");
        assert_eq!((state.cursor, state.totals.holders), (None, 0));
        assert_eq!(store.states(id, &[account(1)]).await.expect("read").value, [None]);
        assert_eq!(store.holders(id, None, 10).await.expect("read").value, []);
    }
    let held = store.headers(elsewhere.chain, BlockNumber::new(9), 9).await.expect("read");
    assert_eq!(held, []);
    assert_eq!(store.tokens(CHAIN).await.expect("read").len(), 2);
    assert_eq!(store.chains().await.expect("read").len(), 2);
}

/// A chain asked for by its id is the one listed, and one that is not registered is unknown.
async fn one_chain_is_what_the_list_of_all_has_of_it(fixture: Fixture) {
    let store = fixture.balances;
    let other = ChainId::new(CHAIN.get() + 1);
    for (chain, name) in [(CHAIN, "one"), (other, "two")] {
        store.register_chain(chain, name).await.expect("register");
    }
    for state in store.chains().await.expect("read") {
        assert_eq!(store.chain(state.chain).await.expect("read"), Some(state));
    }
    for unknown in [other.get() + 1, u64::MAX] {
        assert_eq!(store.chain(ChainId::new(unknown)).await.expect("read"), None);
    }
}
