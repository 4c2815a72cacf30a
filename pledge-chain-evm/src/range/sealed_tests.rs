use pledge_core::ledger::erc20::transfers_of;

use super::*;
use crate::config::EvmConfig;
use crate::range::stage_tests::{TOKEN, node};

/// The reader for this node.
fn reader(config: &EvmConfig) -> SealedReader {
    let asker = Arc::new(Asker::new(config).unwrap());
    let headers = HeaderReader::new(asker.clone());
    let receipts = Arc::new(ReceiptReader::new(asker.clone(), headers.clone()));
    SealedReader::new(asker, headers, receipts, config.range_blocks_max.get())
}

/// The blocks in which pages of such a size end.
async fn ends(page: Page, detail: HeaderDetail) -> Vec<u64> {
    let (_node, config) = node().await;
    let reader = reader(&config);
    let (mut next, mut ends, mut logs) = (1, Vec::new(), 0);
    while next <= 20 {
        let (from, to) = (BlockNumber::new(next), BlockNumber::new(20));
        let request = LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail };
        let answer = reader.page(&request, 21 - next, page).await.unwrap();
        answer.verify(&request).unwrap();
        logs += answer.logs.len();
        ends.push(answer.last().unwrap().number.get());
        next = ends.last().unwrap() + 1;
    }
    assert_eq!(logs, 30, "each log once, whatever the pages");
    ends
}

#[tokio::test]
async fn a_page_ends_with_the_block_that_fills_it() {
    for detail in [HeaderDetail::All, HeaderDetail::Sparse] {
        let page = Page { blocks_max: 100, logs_max: 7 };
        assert_eq!(ends(page, detail).await, [6, 12, 18, 20]);
    }
}

#[tokio::test]
async fn a_page_ends_with_its_last_block() {
    let page = Page { blocks_max: 8, logs_max: 1_000 };
    assert_eq!(ends(page, HeaderDetail::Sparse).await, [8, 16, 20]);
}

#[tokio::test]
async fn a_page_that_one_block_overfills_is_that_block() {
    let page = Page { blocks_max: 100, logs_max: 1 };
    let every_other: Vec<u64> = (1..=10).map(|block| 2 * block).collect();
    assert_eq!(ends(page, HeaderDetail::All).await, every_other);
}
