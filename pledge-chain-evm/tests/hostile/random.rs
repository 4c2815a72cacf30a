//! Failures at random: what is asked comes in full and as it is, for a number of requests that has a
//! bound.

use std::time::Duration;

use pledge_chain_evm::{EvmConfig, LogProof};
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::LogsAnswer;
use pledge_testing::hostile_node::{Failing, Struck};

use crate::follower::Follower;
use crate::stage::{HEAD, Stage};

/// Answers to one question that are errors before a test gives up.
const ERRORS_MAX: usize = 2_000;

/// The bounds of a source in service, with waits that suit a test. A wait that the node asks for is an
/// error at once, so that the test asks again and not the clock decides.
fn in_service(config: &mut EvmConfig, failing: Failing) {
    if failing == Failing::Silence {
        config.request_timeout = Duration::from_millis(150);
    }
    config.retries_max = 14;
    config.retry_delay_max = Duration::from_millis(2);
}

/// Blocks asked for at once.
const SLICE: u64 = 4;

/// Reads every block of a node that fails this often, and returns the number of requests.
async fn requests_to_read(failing: Failing, struck: Struck, percent: u32) -> usize {
    let stage = Stage::with(|config| in_service(config, failing)).await;
    stage.node.on(failing.switch(struck, percent, 5));
    let before = stage.node.requests().len();
    let (mut answer, mut next, mut errors) = (LogsAnswer::default(), 1, 0);
    // Each silence takes as long as the source waits.
    let end = if failing == Failing::Silence { 12 } else { HEAD };
    while next <= end {
        match stage.range(next, end.min(next + SLICE - 1)).await {
            Ok(part) => {
                next = part.last().unwrap().number.get() + 1;
                answer.headers.extend(part.headers);
                answer.logs.extend(part.logs);
            }
            Err(error) => {
                errors += 1;
                assert_ne!(error.kind(), ChainErrorKind::Persistent, "{failing:?}: {error}");
                assert!(errors < ERRORS_MAX, "{failing:?} at {percent} %: no end, last {error}");
            }
        }
    }
    stage.expect_answer(&answer, 1, end);
    stage.node.requests().len() - before
}

/// For every kind: a chance in a hundred, and the most requests for forty blocks.
async fn reads_all(struck: Struck, bounds: &[(u32, usize)]) {
    for failing in Failing::ALL {
        for (percent, most) in bounds {
            let requests = requests_to_read(failing, struck, *percent).await;
            assert!(
                requests <= *most,
                "{failing:?} of {struck:?}s at {percent} %: {requests} requests"
            );
        }
    }
}

#[tokio::test]
async fn whatever_strikes_requests_at_random_all_is_read_in_few_requests() {
    reads_all(Struck::Request, &[(0, 20), (10, 40), (30, 60), (60, 300)]).await;
}

#[tokio::test]
async fn whatever_strikes_calls_at_random_all_is_read_in_a_bounded_number_of_requests() {
    reads_all(Struck::Call, &[(0, 20), (10, 60), (30, 200), (60, 1_500)]).await;
}

/// The same under an engine, which must end with what one pass over the chain gives.
#[tokio::test]
async fn a_ledger_over_a_node_that_fails_at_random_is_that_of_one_clean_pass() {
    for failing in Failing::ALL {
        for struck in [Struck::Request, Struck::Call] {
            for verify in [LogProof::Bloom, LogProof::Receipts] {
                let mut follower = Follower::patient(3, verify).await;
                follower.mine(12, &[(0, 1, 1_000)]);
                follower.node.on(failing.switch(struck, 30, 7));
                for _ in 0..4 {
                    follower.mine(900, &[(1, 2, 5), (2, 3, 1)]);
                    follower.poll().await;
                }
                follower.mine_empty(5);
                follower.expect_truth_in_time().await;
            }
        }
    }
}
