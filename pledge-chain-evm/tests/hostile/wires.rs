//! What happens to the bytes of an answer.

use std::time::Duration;

use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_testing::FaultProxy;
use pledge_testing::hostile_node::{Switch, Wire};

use crate::stage::{HEAD, Stage, connect, within};

/// A fault of the bytes that passes costs a repeat; one that stays is an error, and no more requests
/// than the bounds allow.
async fn passing_and_lasting(wire: Wire) {
    let stage = Stage::with(|config| config.request_timeout = Duration::from_millis(500)).await;
    stage.node.on(Switch::of(wire.clone()).times(1));
    stage.expect_truth(1, HEAD).await;

    let before = stage.node.requests().len();
    let lasting = stage.node.on(wire.clone());
    let error = within(stage.evm.head()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    assert!(stage.node.met(lasting) > 0);
    assert!(stage.node.requests().len() - before <= 6, "{wire:?} is repeated without a bound");
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up() {
    passing_and_lasting(Wire::Silence).await;
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    passing_and_lasting(Wire::Drip(Duration::from_millis(50))).await;
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_of_an_answer_is_no_answer() {
    passing_and_lasting(Wire::Cut).await;
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    passing_and_lasting(Wire::Half).await;
}

#[tokio::test]
async fn a_page_of_html_is_no_answer() {
    passing_and_lasting(Wire::status(200, "<html>welcome</html>")).await;
    passing_and_lasting(Wire::status(502, "<html>bad gateway</html>")).await;
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_again() {
    passing_and_lasting(Wire::status(503, "")).await;
}

#[tokio::test]
async fn a_node_that_is_busy_is_asked_again() {
    passing_and_lasting(Wire::status(429, "slow down")).await;
    for wait in ["0", "99999999999999999999999", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        passing_and_lasting(busy(wait)).await;
    }
}

#[tokio::test]
async fn a_node_that_wants_to_be_left_alone_for_long_is_not_asked_again() {
    for wait in ["86400", "Wed, 21 Oct 2499 07:28:00 GMT"] {
        let stage = Stage::new().await;
        let switch = stage.node.on(busy(wait));
        stage.expect_error(ChainErrorKind::Transient, 1, 9).await;
        assert_eq!(stage.node.met(switch), 1, "{wait}");
    }
}

fn busy(retry_after: &str) -> Wire {
    Wire::Status(429, vec![("retry-after", retry_after.to_owned())], String::new())
}

/// Compressed answers are not asked for: one that comes all the same is not inflated.
#[tokio::test]
async fn an_answer_that_would_inflate_to_a_thousand_times_its_size_is_no_answer() {
    passing_and_lasting(Wire::GzipBomb(4 << 20)).await;
}

#[tokio::test]
async fn lists_in_ten_thousand_lists_are_no_answer() {
    passing_and_lasting(Wire::Nested(10_000)).await;
    passing_and_lasting(Wire::Nested(500_000)).await;
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_to_the_bound_and_no_further() {
    let stage = Stage::new().await;
    let endless = stage.node.on(Wire::Endless);
    let error = within(stage.evm.head()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("longer than 1048576 bytes"), "{error}");
    let text = stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
    assert!(text.contains("longer than"), "{text}");
    assert!(stage.node.met(endless) < 20);
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

/// A request or its answer is too large: each call is asked by itself, then for less, down to one block,
/// and then for its receipts.
#[tokio::test]
async fn an_entity_too_large_ends_at_the_receipts_of_one_block() {
    let stage = Stage::new().await;
    let lasting = stage.node.on(Switch::of(Wire::status(413, "too large")).only(&["eth_getLogs"]));
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(lasting) < 100, "{}", stage.node.met(lasting));
}

#[tokio::test]
async fn a_door_that_never_was_open_is_not_knocked_at_twice() {
    for status in [301, 401, 402, 403, 404] {
        let stage = Stage::new().await;
        let closed = stage.node.on(Wire::status(status, ""));
        let error = within(connect(&stage.node, |_| {})).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Persistent, "{error}");
        assert_eq!(stage.node.met(closed), 1, "{status}");
    }
}

/// A url that was accepted once is right: these answers are no evidence against it.
#[tokio::test]
async fn a_door_that_was_open_is_knocked_at_again() {
    for status in [301, 401, 402, 403, 404] {
        let stage = Stage::new().await;
        stage.node.on(Switch::of(Wire::status(status, "")).times(2));
        stage.expect_truth(1, HEAD).await;
        let closed = stage.node.on(Wire::status(status, ""));
        let text = stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
        assert!(text.contains(&status.to_string()), "{text}");
        assert!((2..10).contains(&stage.node.met(closed)), "{status} is repeated without a bound");
    }
}

#[tokio::test]
async fn connections_that_are_reset_are_made_again() {
    let stage = Stage::new().await;
    let proxy = FaultProxy::before(format!("127.0.0.1:{}", stage.node.port())).await;
    let url = format!("http://{}/", proxy.address());
    let evm = connect(&stage.node, |config| config.url = url.parse().unwrap()).await.unwrap();
    proxy.cut();
    within(evm.head()).await.unwrap();
    proxy.refuse(true);
    proxy.cut();
    let error = within(evm.head()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    proxy.calm();
    within(evm.head()).await.unwrap();
}

#[tokio::test]
async fn a_host_without_an_address_is_an_outage() {
    let stage = Stage::new().await;
    let url = "http://no-such-host.invalid/";
    let connected = connect(&stage.node, |config| config.url = url.parse().unwrap());
    let error = within(connected).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_an_outage() {
    let stage = Stage::new().await;
    let url = stage.node.url().replace("http:", "https:");
    let connected = connect(&stage.node, |config| config.url = url.parse().unwrap());
    let error = within(connected).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("cannot reach the node"), "{error}");
}
