//! The turns of requests that read, from outside.

use std::num::NonZeroU16;

use axum::routing::get;

use super::layers_tests::limits;
use super::tests::{PATIENCE, get_with, start_over};
use super::*;
use crate::config::ReadsConfig;
use crate::metrics::TurnMeter;

#[tokio::test]
async fn a_request_that_finds_no_turn_is_busy_at_once_and_what_is_beside_is_answered() {
    let reads =
        ReadsConfig { concurrent: NonZeroU16::MIN, waiting: 0, wait: Duration::from_secs(20) };
    let reading = Router::new().route("/read", get(std::future::pending::<&str>));
    let (meter, layers) = (TurnMeter::default(), Layers::bare(limits()));
    let server = start_over(taking_turns(reading, &turns(reads), &meter), layers).await;
    let _served = server.send(b"GET /read HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let busy = loop {
        let answer =
            tokio::time::timeout(Duration::from_millis(500), get_with(&server, "/read", &[]));
        // Until the first has its turn, the second may get it and is given up.
        if let Ok(answer) = answer.await {
            break answer;
        }
    };
    assert_eq!((busy.status, busy.kind().as_str()), (503, "busy"));
    assert_eq!(busy.header("retry-after"), Some("1"));
    assert!(server.is_answered().await);
}

#[tokio::test]
async fn a_request_that_waits_too_long_for_its_turn_is_busy() {
    let wait = Duration::from_millis(50);
    let reads = ReadsConfig { concurrent: NonZeroU16::MIN, waiting: 1, wait };
    let reading = Router::new().route("/read", get(std::future::pending::<&str>));
    let (meter, layers) = (TurnMeter::default(), Layers::bare(limits()));
    let server = start_over(taking_turns(reading, &turns(reads), &meter), layers).await;
    let _served = server.send(b"GET /read HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(get_with(&server, "/read", &[]).await.kind(), "busy");
}

#[tokio::test]
async fn a_request_that_takes_a_turn_and_one_that_gets_none_are_counted() {
    let wait = Duration::from_millis(50);
    let reads = ReadsConfig { concurrent: NonZeroU16::MIN, waiting: 1, wait };
    let meter = TurnMeter::default();
    let reading = Router::new().route("/read", get(std::future::pending::<&str>));
    let server =
        start_over(taking_turns(reading, &turns(reads), &meter), Layers::bare(limits())).await;
    let served = server.send(b"GET /read HTTP/1.1\r\nhost: test\r\n\r\n").await;
    until(|| meter.counts() == [0, 1, 1, 0, 0]).await;
    get_with(&server, "/read", &[]).await;
    assert_eq!(meter.counts(), [0, 1, 1, 0, 1]);
    drop(served);
    until(|| meter.counts() == [0, 0, 1, 0, 1]).await;
}

/// Waits for a state that the server comes to by itself.
async fn until(is: impl Fn() -> bool) {
    let reached = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("it comes to that");
}
