//! What a node does wrong is reported once, without secrets, and the next connection works.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::fake_node::{API_KEY, FakeNode, incident, woken};
use pledge_chain_evm::{HeadHints, HeadsConfig};

/// A bound that a test waits for.
const SOON: Duration = Duration::from_millis(50);

fn assert_names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[tokio::test]
async fn a_refused_subscription_is_reported_with_the_nodes_words() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.upgraded().await;
    peer.answer("eth_chainId", json!({ "result": "0x7a69" })).await;
    let message = format!("the method eth_subscribe does not exist for {API_KEY}");
    let refusal = json!({ "error": { "code": -32_601, "message": message } });
    peer.answer("eth_subscribe", refusal).await;
    let text = incident(&mut hints).await;
    assert_names(&text, &["127.0.0.1:", "refuses eth_subscribe", "does not exist for ***"]);
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn a_node_of_another_chain_is_reported_and_its_heads_do_not_wake() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.upgraded().await;
    peer.head().await;
    peer.answer("eth_chainId", json!({ "result": "0x1" })).await;
    let text = incident(&mut hints).await;
    assert_names(&text, &["is on chain 1, not on chain 31337"]);
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn the_same_incident_is_reported_once() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    for _ in 0..5 {
        node.upgraded().await.answer("eth_chainId", json!({ "result": "0x1" })).await;
    }
    incident(&mut hints).await;
    // By now the client has reported the five before.
    let mut peer = node.subscribed().await;
    assert!(hints.next().now_or_never().is_none());
    peer.head().await;
    woken(&mut hints).await;
    drop(peer);
    incident(&mut hints).await;
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let messages = [
        (Message::text(format!("<html>\n{API_KEY}")), "no JSON-RPC: <html> ***"),
        (Message::binary(vec![0xff; 100]), "no JSON-RPC"),
        (Message::text("[]"), "no JSON-RPC"),
    ];
    for (message, expected) in messages {
        let node = FakeNode::start().await;
        let mut hints = node.listen();
        node.subscribed().await.send(message).await;
        assert_names(&incident(&mut hints).await, &[expected]);
        node.wakes(&mut hints).await;
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_websocket_is_reported() {
    let answers = [
        ("\u{0}\u{1}garbage\r\n\r\n".to_owned(), "protocol error"),
        (format!("HTTP/1.1 401 Unauthorized\r\nX: {API_KEY}\r\n\r\n"), "401"),
        (format!("HTTP/1.1 302 Found\r\nLocation: ws://{API_KEY}.example\r\n\r\n"), "302"),
        (String::new(), "127.0.0.1"),
    ];
    for (answer, expected) in answers {
        let node = FakeNode::start().await;
        let mut hints = node.listen();
        let mut stream = node.accept().await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
        assert_names(&incident(&mut hints).await, &[expected]);
        node.wakes(&mut hints).await;
    }
}

#[tokio::test]
async fn an_oversized_message_ends_the_connection() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let mut peer = node.subscribed().await;
    peer.send(Message::text("x".repeat(65 << 10))).await;
    assert_names(&incident(&mut hints).await, &["65536"]);
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn a_flood_of_other_messages_ends_the_connection() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    node.subscribed().await.flood(r#"{"method":"advertisement"}"#).await;
    assert_names(&incident(&mut hints).await, &["floods"]);
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn a_goodbye_is_reported_without_secrets() {
    let node = FakeNode::start().await;
    let mut hints = node.listen();
    let reason = format!("{API_KEY} is over its limit").into();
    let goodbye = CloseFrame { code: CloseCode::Policy, reason };
    node.subscribed().await.send(Message::Close(Some(goodbye))).await;
    assert_names(&incident(&mut hints).await, &["closed the connection: *** is over its limit"]);
    node.wakes(&mut hints).await;
}

#[tokio::test]
async fn a_hanging_handshake_is_given_up() {
    let node = FakeNode::start().await;
    let mut hints = HeadHints::listen(HeadsConfig { answer_timeout: SOON, ..node.config() });
    let hanging = node.accept().await;
    assert_names(&incident(&mut hints).await, &["is not connected and subscribed within 50ms"]);
    node.accept().await;
    drop(hanging);
}

#[tokio::test]
async fn a_question_without_an_answer_is_given_up() {
    let node = FakeNode::start().await;
    let _hints = HeadHints::listen(HeadsConfig { answer_timeout: SOON, ..node.config() });
    let _held = loop {
        // It may have given up the handshake before.
        if let Ok(socket) = accept_async(node.accept().await).await {
            break socket;
        }
    };
    node.accept().await;
}

#[tokio::test]
async fn silence_ends_the_connection() {
    let node = FakeNode::start().await;
    let mut hints = HeadHints::listen(HeadsConfig { silence_min: SOON, ..node.config() });
    let silent = node.subscribed().await;
    assert_names(&incident(&mut hints).await, &["has sent no head within 50ms"]);
    node.subscribed().await;
    drop(silent);
}

#[tokio::test]
async fn a_node_that_does_not_answer_a_ping_is_left() {
    let node = FakeNode::start().await;
    let mut hints = HeadHints::listen(HeadsConfig { ping_interval: SOON, ..node.config() });
    // It is not read from, so no pong is sent.
    let dead = node.subscribed().await;
    assert_names(&incident(&mut hints).await, &["has not answered a ping within 50ms"]);
    node.subscribed().await;
    drop(dead);
}

#[tokio::test]
async fn tls_with_a_node_that_has_none_is_reported() {
    let node = FakeNode::start().await;
    let mut config = node.config();
    config.url.set_scheme("wss").unwrap();
    let mut hints = HeadHints::listen(config);
    let mut stream = node.accept().await;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    assert_names(&incident(&mut hints).await, &["InvalidContentType"]);
    node.accept().await;
}

#[tokio::test]
async fn another_scheme_is_reported() {
    let node = FakeNode::start().await;
    let mut config = node.config();
    config.url = config.url.as_str().replacen("ws", "http", 1).parse().unwrap();
    let mut hints = HeadHints::listen(config);
    assert_names(&incident(&mut hints).await, &["scheme"]);
}
