//! Answers that do not fit their questions.

use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockSpan};
use pledge_testing::hostile_node::{Envelope, Lie, Switch};
use serde_json::json;

use crate::stage::{HEAD, Stage, within};

/// Once, the question is asked again; always, it ends in an error.
async fn passing_and_lasting(envelope: Envelope) {
    let stage = Stage::new().await;
    let once = stage.node.on(Switch::of(envelope.clone()).times(1));
    stage.expect_truth(1, HEAD).await;
    assert_eq!(stage.node.met(once), 1);
    let lasting = stage.node.on(envelope.clone());
    stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
    let met = stage.node.met(lasting);
    assert!((1..60).contains(&met), "{envelope:?} was met {met} times");
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn an_answer_to_another_question_is_no_answer() {
    passing_and_lasting(Envelope::WrongIds).await;
}

#[tokio::test]
async fn answers_that_share_an_id_are_no_answers() {
    passing_and_lasting(Envelope::SameIds).await;
}

/// What a batch does not bring comes one by one.
#[tokio::test]
async fn a_batch_with_an_answer_missing_is_no_answer() {
    let stage = Stage::new().await;
    let short = stage.node.on(Envelope::Short);
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(short) > 0);
}

#[tokio::test]
async fn an_answer_with_neither_result_nor_error_is_no_answer() {
    passing_and_lasting(Envelope::NoResult).await;
}

/// Also of a single question: the answer may be meant for another caller.
#[tokio::test]
async fn a_single_answer_with_another_id_is_no_answer() {
    for envelope in [Envelope::WrongIds, Envelope::NoResult] {
        let stage = Stage::new().await;
        stage.node.on(envelope);
        let error = within(stage.evm.head()).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Transient);
    }
}

#[tokio::test]
async fn the_order_of_a_batch_is_the_nodes_own() {
    let stage = Stage::new().await;
    let reordered = stage.node.on(Envelope::Reordered);
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(reordered) > 0);
}

/// The others of the batch are kept: only what failed is asked again.
#[tokio::test]
async fn one_error_in_a_batch_costs_one_call_and_if_it_lasts_has_its_own_kind() {
    for (code, text, kind) in [
        (-32_603, "internal error", ChainErrorKind::Transient),
        (-32_000, "header not found", ChainErrorKind::BlockGone),
        (-32_601, "method not found", ChainErrorKind::Persistent),
    ] {
        let stage = Stage::new().await;
        let error = || Envelope::OneError(code, text.to_owned());
        stage.node.on(Switch::of(error()).times(1));
        let (from, to) = (BlockNumber::new(1), BlockNumber::new(HEAD));
        let before = stage.node.requests().len();
        assert_eq!(
            within(stage.evm.headers(BlockSpan::new(from, to))).await.unwrap().len() as u64,
            HEAD
        );
        let requests: Vec<usize> = stage.node.requests()[before..].iter().map(Vec::len).collect();
        assert_eq!(requests, [40, 1], "{text}");
        stage.node.on(Switch::of(error()).only(&["eth_getBlockByNumber"]));
        let error = within(stage.evm.headers(BlockSpan::new(from, to))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn one_call_that_is_limited_in_a_batch_is_asked_again() {
    let stage = Stage::new().await;
    let limited = Envelope::OneError(-32_005, "rate limit reached".to_owned());
    stage.node.on(Switch::of(limited).times(1));
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn a_batch_beyond_the_nodes_limit_is_asked_in_parts() {
    for max in [1, 2, 3, 7] {
        let stage = Stage::new().await;
        stage.node.on(Envelope::BatchMax(max));
        stage.expect_truth(1, HEAD).await;
    }
}

/// Each of these where a header should be.
#[tokio::test]
async fn a_result_of_another_form_is_no_answer() {
    for result in [json!(7), json!([]), json!({}), json!({ "number": "0x1" }), json!("0x1")] {
        let stage = Stage::new().await;
        let lie = Lie::Answers(result.clone());
        stage.node.on(Switch::of(lie).only(&["eth_getBlockByNumber"]));
        stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
        let error = within(stage.evm.head()).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Transient, "{result}");
    }
}
