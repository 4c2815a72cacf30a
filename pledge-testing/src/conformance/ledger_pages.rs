//! Laws of the ledger's pages: complete, in order, and after any place.

use alloy_primitives::B256;
use pledge_core::ledger::{Leg, UnreadableLog};
use pledge_core::ports::{ChangesQuery, LedgerCommit};
use pledge_core::types::{Amount, BlockNumber, BlockRef, LogIndex};

use super::ledger::Ledger;
use super::log_pages::{LARGEST, around};
use crate::Fixture;
use crate::world::{account, token};

laws! {
    __ledger_pages of ledger_pages(Fixture):
    pages_of_changes_are_complete_and_newest_first
    a_page_of_changes_continues_before_any_place
    a_page_of_unreadable_logs_continues_after_any_place
    pages_of_holders_are_complete_and_sorted
}

/// Newest first, each change once, whatever the page's size.
async fn pages_of_changes_are_complete_and_newest_first(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    for limit in 1..=4 {
        let mut walked = Vec::new();
        let mut before = None;
        loop {
            let query = ChangesQuery { token: token(), account: account(3), before, limit };
            let page = ledger.store().changes(&query).await.expect("read").value;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            before = Some(last.place());
            walked.extend(page);
        }
        let balances: Vec<_> = walked.iter().map(|change| change.balance_after).collect();
        assert_eq!(balances, [0, 700, 200, 250, 150, 250].map(Amount::from), "pages of {limit}");
    }
}

/// Two blocks, of which the second has the largest height that a store holds.
async fn far(ledger: &Ledger) -> LedgerCommit {
    ledger.mine(0, &[(0, 1, 1_000)]);
    ledger.mine(600, &[(1, 2, 400), (1, 3, 5)]);
    let mut message = ledger.message(&[token()], 2).await;
    let far = BlockRef { number: BlockNumber::new(LARGEST), ..message.blocks.tip };
    message.blocks.tip = far;
    message.blocks.headers[1] = far;
    message
}

/// Also one that no change has, and one above the largest that a store holds.
async fn a_page_of_changes_continues_before_any_place(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let mut message = far(&ledger).await;
    for change in message.tokens[0].changes.iter_mut().filter(|change| change.block.get() == 2) {
        change.block = BlockNumber::new(LARGEST);
        // The first transfer of the block stays at its place, the second goes to the last.
        let index = change.log_index.get().checked_mul(LARGEST).expect("at most the largest");
        change.log_index = LogIndex::new(index);
    }
    ledger.store().commit(&message).await.expect("commit");
    let page = async |before| {
        let query = ChangesQuery { token: token(), account: account(1), before, limit: 9 };
        ledger.store().changes(&query).await.expect("read").value
    };
    let all = page(None).await;
    assert_eq!(
        all.iter().map(|change| change.block.get()).collect::<Vec<_>>(),
        [LARGEST, LARGEST, 1]
    );
    for (block, index) in around() {
        for leg in [Leg::Out, Leg::In] {
            let before = (block, index, leg);
            let expected: Vec<_> =
                all.iter().filter(|change| change.place() < before).cloned().collect();
            assert_eq!(page(Some(before)).await, expected, "before {before:?}");
        }
    }
}

/// Also one that no log has, and one above the largest that a store holds.
async fn a_page_of_unreadable_logs_continues_after_any_place(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let mut message = far(&ledger).await;
    let places = [(1, 0), (LARGEST, 0), (LARGEST, LARGEST)];
    let log = |(block, index): (u64, u64)| UnreadableLog {
        token: token().address,
        block: BlockNumber::new(block),
        log_index: LogIndex::new(index),
        tx_hash: B256::repeat_byte(1),
    };
    message.tokens[0].changes.clear();
    message.tokens[0].totals = Default::default();
    message.tokens[0].unreadable_logs = places.map(log).into();
    ledger.store().commit(&message).await.expect("commit");
    for after in around() {
        let page =
            ledger.store().unreadable_logs(token(), Some(after), 9).await.expect("read").value;
        let mut expected = places.map(log).to_vec();
        expected.retain(|log| log.place() > after);
        assert_eq!(page, expected, "after {after:?}");
    }
}

/// By balance descending; among equal balances by address.
async fn pages_of_holders_are_complete_and_sorted(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    for limit in 1..=5 {
        let mut walked = Vec::new();
        let mut after = None;
        loop {
            let page = ledger.store().holders(token(), after, limit).await.expect("read").value;
            let Some((last, state)) = page.last() else {
                break;
            };
            after = Some((state.balance, *last));
            walked.extend(page.into_iter().map(|(account, state)| (state.balance, account)));
        }
        let mut expected: Vec<_> =
            [(700, 2), (500, 1), (0, 3), (0, 4)].map(|(b, n)| (Amount::from(b), account(n))).into();
        expected.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        assert_eq!(walked, expected, "pages of {limit}");
    }
}
