//! Laws of [`BalanceStore`](pledge_core::ports::BalanceStore): the marks of a token whose figures
//! may differ from the contract's.

use alloy_primitives::{Address, B256};
use pledge_core::error::StoreErrorKind;
use pledge_core::ledger::{SupplyAnswer, SupplyCheck, TokenState, UnreadableLog};
use pledge_core::types::{Amount, BlockNumber, LogIndex};

use super::ledger::Ledger;
use crate::Fixture;
use crate::world::token;

laws! {
    __marks of marks(Fixture):
    unreadable_logs_are_counted_and_their_pages_complete
    unreadable_logs_out_of_the_chains_order_are_invalid
    a_rewind_takes_unreadable_logs_back
    a_supply_is_recorded_at_the_cursor
    a_supply_of_another_block_than_the_cursors_is_refused
    a_rewind_forgets_a_supply_above_the_ancestor
}

fn log(block: u64, index: u64) -> UnreadableLog {
    UnreadableLog {
        token: token().address,
        block: BlockNumber::new(block),
        log_index: LogIndex::new(index),
        tx_hash: B256::with_last_byte(7),
    }
}

impl Ledger {
    async fn state(&self) -> TokenState {
        self.store().token(token()).await.expect("read").expect("registered")
    }

    async fn unreadable(&self) -> Vec<UnreadableLog> {
        self.store().unreadable_logs(token(), None, 99).await.expect("read").value
    }

    /// Five blocks, of which the second and the fourth have logs that cannot be read.
    async fn with_unreadable(fixture: Fixture) -> Self {
        let ledger = Self::open(fixture).await;
        (0..5).for_each(|height| {
            ledger.mine(height * 600, &[(0, 1, 10)]);
        });
        for (height, logs) in
            [(1, vec![]), (2, vec![log(2, 1), log(2, 9)]), (3, vec![]), (5, vec![log(4, 0)])]
        {
            let mut commit = ledger.message(&[token()], height).await;
            commit.tokens[0].unreadable_logs = logs;
            ledger.store().commit(&commit).await.expect("commit");
        }
        ledger
    }
}

/// They are written with the cursor, counted, and listed in the order of the chain.
async fn unreadable_logs_are_counted_and_their_pages_complete(fixture: Fixture) {
    let ledger = Ledger::with_unreadable(fixture).await;
    let all = [log(2, 1), log(2, 9), log(4, 0)];
    assert_eq!((ledger.state().await.unreadable_logs, ledger.unreadable().await), (3, all.into()));
    for limit in 1..4 {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = ledger.store().unreadable_logs(token(), after, limit).await.expect("read");
            assert_eq!(page.cursor, ledger.chain.block(5));
            let Some(last) = page.value.last() else { break };
            after = Some(last.place());
            listed.extend(page.value);
        }
        assert_eq!(listed, all, "{limit} a page");
    }
}

/// A commit that is refused counts none.
async fn unreadable_logs_out_of_the_chains_order_are_invalid(fixture: Fixture) {
    let ledger = Ledger::with_unreadable(fixture).await;
    ledger.mine(4_000, &[(0, 1, 10)]);
    let stranger = UnreadableLog { token: Address::repeat_byte(9), ..log(6, 0) };
    for logs in [vec![log(6, 1), log(6, 0)], vec![log(6, 1); 2], vec![log(5, 8)], vec![stranger]] {
        let mut commit = ledger.message(&[token()], 6).await;
        commit.tokens[0].unreadable_logs = logs.clone();
        let error = ledger.store().commit(&commit).await.expect_err("it contradicts itself");
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{logs:?}");
    }
    assert_eq!(ledger.state().await.unreadable_logs, 3);
}

/// The logs above the ancestor go; those at the ancestor stay.
async fn a_rewind_takes_unreadable_logs_back(fixture: Fixture) {
    let ledger = Ledger::with_unreadable(fixture).await;
    for (height, left) in [(4, 3), (3, 2), (2, 2), (1, 0)] {
        ledger.rewind_to(ledger.chain.block(height).expect("mined")).await.expect("rewind");
        let logs = ledger.unreadable().await;
        assert_eq!((ledger.state().await.unreadable_logs, logs.len()), (left, logs.len()));
        assert_eq!(logs.len() as u64, left, "at block {height}");
    }
    let mut commit = ledger.message(&[token()], 2).await;
    commit.tokens[0].unreadable_logs = vec![log(2, 1)];
    ledger.store().commit(&commit).await.expect("the same log on another branch");
    assert_eq!(ledger.unreadable().await, [log(2, 1)]);
}

/// It is recorded with the ledger's own supply, at the cursor's block and time.
async fn a_supply_is_recorded_at_the_cursor(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let cursor = ledger.cursor().await.expect("there is one");
    let before = ledger.state().await;
    assert_eq!((before.supply_check, &before.supply_unanswered), (None, &None));
    for on_chain in [Amount::MAX, before.totals.supply] {
        let missing = SupplyAnswer::Missing("no state".to_owned());
        ledger.store().record_supply(token(), cursor.id(), &missing).await.expect("record");
        assert_eq!(ledger.state().await.supply_unanswered.as_deref(), Some("no state"));
        let answer = SupplyAnswer::Total(on_chain);
        ledger.store().record_supply(token(), cursor.id(), &answer).await.expect("record");
        let supply = before.totals.supply;
        let check =
            SupplyCheck { block: cursor.number, time: cursor.time, ledger: supply, on_chain };
        let after = TokenState { supply_check: Some(check), ..before.clone() };
        assert_eq!(ledger.state().await, after);
    }
    let missing = SupplyAnswer::Missing("a text \u{1f600}".to_owned());
    ledger.store().record_supply(token(), cursor.id(), &missing).await.expect("record");
    assert!(ledger.state().await.supply_check.is_some(), "the last check stays");
}

/// An answer about one block is none about another.
async fn a_supply_of_another_block_than_the_cursors_is_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.state().await;
    let stale = ledger.chain.block(4).expect("mined").id();
    for answer in [SupplyAnswer::Total(Amount::ZERO), SupplyAnswer::Missing("why".to_owned())] {
        let recorded = ledger.store().record_supply(token(), stale, &answer).await;
        assert_eq!(recorded.expect_err("it is at 5").kind(), StoreErrorKind::Conflict);
    }
    assert_eq!(ledger.state().await, before);
}

/// It was of another branch. A supply at the ancestor or below it stays.
async fn a_rewind_forgets_a_supply_above_the_ancestor(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let at = |height| ledger.chain.block(height).expect("mined");
    ledger.rewind_to(at(3)).await.expect("rewind");
    let answer = SupplyAnswer::Total(Amount::from(7));
    ledger.store().record_supply(token(), at(3).id(), &answer).await.expect("record");
    ledger.commit_to(5).await.expect("commit");
    let missing = SupplyAnswer::Missing("why".to_owned());
    ledger.store().record_supply(token(), at(5).id(), &missing).await.expect("record");
    ledger.rewind_to(at(3)).await.expect("rewind");
    let state = ledger.state().await;
    let block = state.supply_check.map(|check| check.block);
    assert_eq!((block, state.supply_unanswered), (Some(BlockNumber::new(3)), None));
    ledger.rewind_to(at(2)).await.expect("rewind");
    assert_eq!(ledger.state().await.supply_check, None);
}
