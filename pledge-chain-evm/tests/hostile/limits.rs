//! Ranges that are too much, in the words of every node that is known.

use pledge_core::error::ChainErrorKind;
use pledge_testing::hostile_node::{Hint, LIMIT_TEXTS, Limit, LimitText, Measure, Refusal, Switch};

use crate::stage::{FULL, HEAD, Stage};

const HINTS: [Hint; 5] =
    [Hint::Right, Hint::Inverted, Hint::Exclusive, Hint::Elsewhere, Hint::Same];

/// Reads everything through a limit, and returns how many questions for logs it took.
async fn questions_under(measure: Measure, max: u64, text: LimitText, hint: Hint) -> usize {
    let stage = Stage::new().await;
    let limit = Refusal::Limit(Limit { measure, max, text, hint });
    let limited = stage.node.on(limit);
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(limited) > 0, "{text:?} was never sent");
    stage.node.asked("eth_getLogs").len()
}

/// Whatever the words suggest: right, wrong, the wrong way round, or one block too many.
#[tokio::test]
async fn a_limit_on_blocks_is_kept_whatever_the_words_and_the_hint() {
    for text in LIMIT_TEXTS {
        for hint in if text.has_hint() { &HINTS[..] } else { &HINTS[..1] } {
            let questions = questions_under(Measure::Blocks, 8, text, *hint).await;
            let node = text.node;
            assert!(questions <= 24, "{node}, {hint:?}: {questions} questions for logs");
        }
    }
}

#[tokio::test]
async fn a_limit_on_logs_is_kept_whatever_the_words_and_the_hint() {
    for (text, hint) in LIMIT_TEXTS.into_iter().zip(HINTS.into_iter().cycle()) {
        let questions = questions_under(Measure::Logs, 6, text, hint).await;
        let node = text.node;
        assert!(questions <= 60, "{node}, {hint:?}: {questions} questions for logs");
    }
}

#[tokio::test]
async fn a_limit_on_bytes_is_kept() {
    let questions = questions_under(Measure::Bytes, 4_000, LIMIT_TEXTS[0], Hint::Right).await;
    assert!(questions <= 60, "{questions} questions for logs");
}

/// After three refusals the node never refuses again.
#[tokio::test]
async fn a_limit_that_passes_leaves_nothing_out() {
    let stage = Stage::new().await;
    let text = LIMIT_TEXTS[0];
    let limit = Limit { measure: Measure::Blocks, max: 2, text, hint: Hint::Elsewhere };
    stage.node.on(Switch::of(Refusal::Limit(limit)).times(3));
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn a_block_beyond_every_limit_is_read_by_its_receipts() {
    let stage = Stage::new().await;
    let text = LIMIT_TEXTS[2];
    let limit = Limit { measure: Measure::Logs, max: 3, text, hint: Hint::Same };
    let limited = stage.node.on(Refusal::Limit(limit));
    stage.expect_truth(1, HEAD).await;
    assert!((1..100).contains(&stage.node.met(limited)));
}

/// Not even the smallest question passes: the error holds what the node sent.
#[tokio::test]
async fn a_block_beyond_every_limit_ends_in_the_nodes_own_words() {
    let stage = Stage::new().await;
    let unavailable = Refusal::error(-32_601, "the method does not exist");
    let receipts = ["eth_getBlockReceipts", "eth_getTransactionReceipt"];
    stage.node.on(Switch::of(unavailable).only(&receipts));
    let text = LIMIT_TEXTS[2];
    let limit = Limit { measure: Measure::Logs, max: 3, text, hint: Hint::Same };
    let limited = stage.node.on(Refusal::Limit(limit));
    let error = stage.expect_error(ChainErrorKind::Transient, FULL, HEAD).await;
    assert!(error.contains("query returned more than"), "{error}");
    assert!(stage.node.met(limited) < 20);
}
