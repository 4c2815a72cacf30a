//! A head wakes, however often the connection is lost.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::fake_node::{API_KEY, CHAIN, FakeNode, incident, woken};
use pledge_chain_evm::{HeadHints, HeadsConfig};

/// Long enough for a busy machine to answer within.
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_head_wakes() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.subscribed().await;
    peer.is_read().await;
    assert!(hints.next().now_or_never().is_none(), "nothing to report before the first head");
    for _ in 0..3 {
        peer.head().await;
        woken(&mut hints).await;
    }
}

#[tokio::test]
async fn a_flood_of_heads_wakes_once() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.subscribed().await;
    for _ in 0..10_000 {
        peer.head().await;
    }
    peer.is_read().await;
    assert!(hints.next().now_or_never().is_some_and(|report| report.is_ok()));
    assert!(hints.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_wait_that_was_given_up_loses_no_head() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.subscribed().await;
    assert!(hints.next().now_or_never().is_none());
    peer.head().await;
    peer.is_read().await;
    assert!(hints.next().now_or_never().is_some_and(|report| report.is_ok()));
}

#[tokio::test]
async fn after_every_cut_heads_wake_again() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    for cut in 0..30 {
        let mut peer = node.subscribed().await;
        peer.head().await;
        woken(&mut hints).await;
        if cut % 2 == 0 {
            peer.close().await;
        }
    }
}

#[tokio::test]
async fn a_node_that_answers_pings_is_kept() {
    let node = FakeNode::start().await;
    let _hints = HeadHints::listen(HeadsConfig { ping_interval: SECOND, ..node.config() });
    let mut peer = node.subscribed().await;
    // To read one is to answer it.
    for _ in 0..3 {
        assert!(matches!(peer.receive().await, Message::Ping(_)));
    }
}

#[tokio::test]
async fn a_node_that_sends_other_messages_now_and_then_is_kept() {
    let node = FakeNode::start().await;
    let _hints = HeadHints::listen(HeadsConfig { ping_interval: SECOND, ..node.config() });
    let mut peer = node.subscribed().await;
    for _ in 0..3 {
        for _ in 0..900 {
            peer.send(Message::text(r#"{"method":"advertisement"}"#)).await;
        }
        assert!(matches!(peer.receive().await, Message::Ping(_)));
    }
}

#[tokio::test]
async fn a_node_that_goes_on_telling_heads_is_kept() {
    let node = FakeNode::start().await;
    let _hints = HeadHints::listen(HeadsConfig { silence_min: SECOND, ..node.config() });
    let mut peer = node.subscribed().await;
    for _ in 0..15 {
        peer.head().await;
        tokio::time::sleep(SECOND / 10).await;
    }
    peer.is_read().await;
}

#[tokio::test]
async fn a_node_that_was_away_is_found_when_it_is_back() {
    let gone = FakeNode::start().await;
    let config = gone.config();
    let address = (config.url.host_str().unwrap().to_owned(), config.url.port().unwrap());
    drop(gone);
    let mut hints = HeadHints::listen(config);
    let text = incident(&mut hints).await;
    assert!(text.contains("refused"), "{text}");
    let node = FakeNode::start_at(address).await;
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn the_user_of_the_url_asks_with_a_password() {
    let node = FakeNode::start().await;
    let _hints = node.listen();
    let request = node.request().await;
    // user:0123456789abcdef
    assert_eq!(request.headers()["authorization"], "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm");
    let path = format!("/v2/{API_KEY}?key={API_KEY}");
    assert_eq!(request.uri().path_and_query().unwrap().as_str(), path);
}

#[tokio::test]
async fn an_ipv6_address_is_reached() {
    let node = FakeNode::start_at(("::1".to_owned(), 0)).await;
    let mut hints = node.listen();
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn dropping_the_hints_ends_the_connection() {
    let node = FakeNode::start().await;
    let hints = node.listen();
    let mut peer = node.subscribed().await;
    drop(hints);
    peer.ended().await;
}

#[test]
fn debug_output_shows_the_host_and_not_the_key() {
    let url = format!("wss://user:{API_KEY}@node.example/{API_KEY}?key={API_KEY}");
    let text = format!("{:?}", HeadsConfig::new(CHAIN, url.parse().unwrap()));
    assert!(text.contains("node.example") && !text.contains(API_KEY), "{text}");
}

#[tokio::test]
async fn heads_before_the_answer_to_the_subscription_are_fine() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.upgraded().await;
    peer.answer("eth_chainId", json!({ "result": "0x7a69" })).await;
    peer.head().await;
    peer.answer("eth_subscribe", json!({ "result": "0x1" })).await;
    peer.head().await;
    woken(&mut hints).await;
}
