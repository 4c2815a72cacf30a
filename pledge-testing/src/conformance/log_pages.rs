//! Laws of [`LogReads`](pledge_core::ports::LogReads): pages, and what a log has.

use alloy_primitives::B256;
use pledge_core::logs::ConfirmedLog;
use pledge_core::ports::LogOrder;
use pledge_core::types::{BlockNumber, BlockRef, LogIndex};

use super::contracts::{Contracts, event, log, log_with, vault};
use crate::Fixture;

laws! {
    __log_pages of log_pages(Fixture):
    pages_of_logs_are_complete_in_both_orders
    a_page_continues_after_any_place
    a_page_continues_after_any_place_near_the_largest
    a_page_of_no_logs_is_empty
    topics_and_data_come_back_byte_for_byte
    logs_of_many_megabytes_come_back_byte_for_byte
}

const ORDERS: [LogOrder; 2] = [LogOrder::OldestFirst, LogOrder::NewestFirst];

/// The largest number that every store holds. A caller may name a larger one.
pub(super) const LARGEST: u64 = i64::MAX.cast_unsigned();

/// Places around the largest, and low ones.
pub(super) fn around() -> impl Iterator<Item = (BlockNumber, LogIndex)> {
    let numbers = [0, 1, LARGEST - 1, LARGEST, LARGEST + 1, u64::MAX];
    let places = numbers.into_iter().flat_map(move |block| numbers.map(|index| (block, index)));
    places.map(|(block, index)| (BlockNumber::new(block), LogIndex::new(index)))
}

/// All logs of `vault`, in an order.
async fn all(contracts: &Contracts, order: LogOrder) -> Vec<ConfirmedLog> {
    let mut logs: Vec<_> = (1..=5).flat_map(|height| contracts.some_of(height)).collect();
    if order == LogOrder::NewestFirst {
        logs.reverse();
    }
    logs
}

/// Pages continue where the last one ended, whatever their size.
async fn pages_of_logs_are_complete_in_both_orders(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    for order in ORDERS {
        for limit in [1, 2, 4, 14, 15, 16, usize::MAX] {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = contracts.page("vault", order, after, limit).await;
                assert!(page.value.len() <= limit, "a page of {limit}");
                assert_eq!(page.cursor, Some(contracts.block(5)));
                let Some(last) = page.value.last() else { break };
                after = Some(last.log.place());
                listed.extend(page.value);
            }
            assert_eq!(listed, all(&contracts, order).await, "{order:?}, {limit} a page");
        }
    }
}

/// Also one that no log has, and one beyond every log.
async fn a_page_continues_after_any_place(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let numbers = [0, 1, 2, 3, 5, 6, u64::MAX];
    for order in ORDERS {
        for (block, index) in numbers.iter().flat_map(|block| numbers.map(|index| (*block, index)))
        {
            let place = (BlockNumber::new(block), LogIndex::new(index));
            let mut expected = all(&contracts, order).await;
            expected.retain(|kept| is_after(kept, order, place));
            let page = contracts.page("vault", order, Some(place), usize::MAX).await;
            assert_eq!(page.value, expected, "{order:?}, after {block}, {index}");
        }
    }
}

fn is_after(kept: &ConfirmedLog, order: LogOrder, place: (BlockNumber, LogIndex)) -> bool {
    match order {
        LogOrder::OldestFirst => kept.log.place() > place,
        LogOrder::NewestFirst => kept.log.place() < place,
    }
}

/// A place may be above the largest that a store holds, and a log at that one.
async fn a_page_continues_after_any_place_near_the_largest(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let far = BlockRef { number: BlockNumber::new(LARGEST), ..contracts.block(2) };
    let near = log(&contracts.block(1), 0, event(1));
    let logs = vec![near, log(&far, 0, event(1)), log(&far, LARGEST, event(1))];
    let mut message = contracts.message(&[("vault", logs)], 1).await;
    message.blocks.tip = far;
    message.blocks.headers.push(far);
    contracts.store().commit_logs(&message).await.expect("commit");
    for order in ORDERS {
        let all = contracts.page("vault", order, None, usize::MAX).await.value;
        assert_eq!(all.len(), 3);
        for place in around() {
            let page = contracts.page("vault", order, Some(place), usize::MAX).await.value;
            let mut expected = all.clone();
            expected.retain(|kept| is_after(kept, order, place));
            assert_eq!(page, expected, "{order:?}, after {place:?}");
        }
    }
}

/// It shows the cursor all the same.
async fn a_page_of_no_logs_is_empty(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let place = (BlockNumber::new(3), LogIndex::new(0));
    for order in ORDERS {
        for after in [None, Some(place)] {
            let page = contracts.page("vault", order, after, 0).await;
            assert_eq!((page.cursor, page.value), (Some(contracts.block(5)), Vec::new()));
        }
    }
}

async fn come_back(contracts: &Contracts, logs: &[ConfirmedLog]) {
    let message = contracts.message(&[("vault", logs.to_vec())], 1).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let kept = contracts.logs("vault").await;
    // Compared one by one: a failure prints one log, not megabytes.
    assert_eq!(kept.len(), logs.len());
    for (kept, log) in kept.iter().zip(logs) {
        let place = log.log.place();
        assert!(kept == log, "the log at {place:?} with {} bytes of data", log.log.data.len());
    }
}

/// From none to four topics, and data of any length, whatever their bytes are. Zeros at an end are
/// bytes like any other.
async fn topics_and_data_come_back_byte_for_byte(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let block = contracts.block(1);
    let every_byte = |length: usize| -> Vec<u8> { (0..=255).cycle().take(length).collect() };
    let topics =
        [B256::repeat_byte(0xff), B256::ZERO, B256::with_last_byte(0), B256::repeat_byte(0x20)];
    let (mut logs, mut index) = (Vec::new(), 0);
    for count in 0..=4 {
        for length in [0, 1, 31, 32, 100_000] {
            for data in [every_byte(length), vec![0; length], vec![b' '; length]] {
                logs.push(log_with(&block, index, &topics[..count], &data));
                index += 1;
            }
        }
    }
    come_back(&contracts, &logs).await;
}

/// What a block of much gas can log: one log of megabytes, and thousands that are megabytes together.
async fn logs_of_many_megabytes_come_back_byte_for_byte(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let block = contracts.block(1);
    let lengths = [3_700_000, 3_700_000, 1].into_iter().chain(std::iter::repeat_n(3_000, 2_000));
    let log = |(index, length): (u64, usize)| {
        let byte = u8::try_from(index % 251).expect("below 251");
        log_with(&block, index, &[B256::repeat_byte(byte)], &vec![byte; length])
    };
    let logs: Vec<_> = (0..).zip(lengths).map(log).collect();
    come_back(&contracts, &logs).await;
}
