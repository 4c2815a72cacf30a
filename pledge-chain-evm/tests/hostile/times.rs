//! Times of blocks that go back: asked for again, and never passed on.

use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockSpan};
use pledge_testing::hostile_node::{Lie, Switch};
use serde_json::json;

use crate::stage::{HEAD, Stage, within};

/// Block 20 has the time of block 1.
fn lie() -> Switch {
    let lie = Lie::Field("timestamp", json!("0xc"));
    Switch::of(lie).only(&["eth_getBlockByNumber"]).at(20..=20)
}

#[tokio::test]
async fn a_time_below_the_parents_is_asked_for_again() {
    let stage = Stage::new().await;
    let lied = stage.node.on(lie().times(1));
    stage.expect_truth(1, HEAD).await;
    assert_eq!(stage.node.met(lied), 1);
    let lied = stage.node.on(lie().times(1));
    let headers = stage.evm.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(HEAD)));
    let headers = within(headers).await.unwrap();
    assert!(headers.windows(2).all(|pair| pair[0].time < pair[1].time));
    assert_eq!(stage.node.met(lied), 1);
}

#[tokio::test]
async fn a_time_that_stays_below_the_parents_is_an_error_that_names_both_blocks() {
    let stage = Stage::new().await;
    stage.node.on(lie());
    let text = stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
    let headers = stage.evm.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(HEAD)));
    let error = within(headers).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    for text in [text, error.to_string()] {
        assert!(text.contains("block 20 ") && text.contains("block 19 "), "{text}");
    }
}
