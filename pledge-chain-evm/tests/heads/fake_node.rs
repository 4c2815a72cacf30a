//! A WebSocket node that each test plays by hand.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pledge_chain_evm::{HeadHints, HeadsConfig};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async};

pub(crate) const CHAIN: ChainId = ChainId::new(31_337);
pub(crate) const API_KEY: &str = "0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);

/// A node, listening on a free port for as long as the test runs.
pub(crate) struct FakeNode(TcpListener);

/// One client's connection.
pub(crate) struct Peer(WebSocketStream<TcpStream>);

impl FakeNode {
    pub(crate) async fn start() -> Self {
        Self::start_at(("127.0.0.1".to_owned(), 0)).await
    }

    pub(crate) async fn start_at(address: (String, u16)) -> Self {
        Self(TcpListener::bind(address).await.unwrap())
    }

    /// A config whose url holds an API key, with quick repeats and no other bound that a test meets.
    pub(crate) fn config(&self) -> HeadsConfig {
        let address = self.0.local_addr().unwrap();
        let url = format!("ws://user:{API_KEY}@{address}/v2/{API_KEY}?key={API_KEY}");
        HeadsConfig {
            answer_timeout: HOUR,
            ping_interval: HOUR,
            silence_min: HOUR,
            retry_delay_min: Duration::from_millis(1),
            retry_delay_max: Duration::from_millis(5),
            ..HeadsConfig::new(CHAIN, url.parse().unwrap())
        }
    }

    pub(crate) fn listen(&self) -> HeadHints {
        HeadHints::listen(self.config())
    }

    /// The next client, before its handshake.
    pub(crate) async fn accept(&self) -> TcpStream {
        timeout(PATIENCE, self.0.accept()).await.expect("a client connects").unwrap().0
    }

    /// The next client, after the handshake.
    pub(crate) async fn upgraded(&self) -> Peer {
        Peer(accept_async(self.accept().await).await.unwrap())
    }

    /// The request of the next client's handshake.
    pub(crate) async fn request(&self) -> Request {
        let mut seen = None;
        #[expect(clippy::result_large_err, reason = "the callback's type")]
        let callback = |request: &Request, response: Response| {
            seen = Some(request.clone());
            Ok(response)
        };
        accept_hdr_async(self.accept().await, callback).await.unwrap();
        seen.unwrap()
    }

    /// The next client, subscribed.
    pub(crate) async fn subscribed(&self) -> Peer {
        let mut peer = self.upgraded().await;
        peer.answer("eth_chainId", json!({ "result": "0x7a69" })).await;
        peer.answer("eth_subscribe", json!({ "result": "0xcd0c3e8af590364c" })).await;
        peer
    }

    /// Subscribes the next client and wakes it with a head.
    pub(crate) async fn wakes(&self, hints: &mut HeadHints) {
        let mut peer = self.subscribed().await;
        peer.head().await;
        woken(hints).await;
    }
}

impl Peer {
    /// Answers the client's next question, which must be about `method`.
    pub(crate) async fn answer(&mut self, method: &str, mut answer: Value) {
        let question: Value = match self.receive().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no question but {other:?}"),
        };
        assert_eq!(question["method"], method);
        answer["id"] = question["id"].clone();
        self.send(Message::text(answer.to_string())).await;
    }

    pub(crate) async fn receive(&mut self) -> Message {
        let message = timeout(PATIENCE, self.0.next()).await.expect("the client sends something");
        message.unwrap().unwrap()
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Sends until the client has had enough.
    pub(crate) async fn flood(&mut self, message: &str) {
        while self.0.send(Message::text(message)).await.is_ok() {}
    }

    pub(crate) async fn head(&mut self) {
        let params = json!({ "subscription": "0xcd0c3e8af590364c", "result": { "number": "0x1" } });
        let head = json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params });
        self.send(Message::text(head.to_string())).await;
    }

    /// Waits until the client has read everything sent so far.
    pub(crate) async fn is_read(&mut self) {
        let payload = Bytes::from_static(b"read");
        self.send(Message::Ping(payload.clone())).await;
        assert_eq!(self.receive().await, Message::Pong(payload));
    }

    /// Waits until the client has gone.
    pub(crate) async fn ended(&mut self) {
        let ended = timeout(PATIENCE, self.0.next()).await.expect("the client goes");
        assert!(ended.is_none_or(|message| message.is_err()));
    }

    /// Closes the connection with a word of goodbye.
    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
    }
}

/// Waits for a head, whatever incident is reported before.
pub(crate) async fn woken(hints: &mut HeadHints) {
    let until_woken = async { while hints.next().await.is_err() {} };
    timeout(PATIENCE, until_woken).await.expect("a head wakes");
}

/// The next report, which must be an incident, in every form in which it may be printed.
pub(crate) async fn incident(hints: &mut HeadHints) -> String {
    let reported = timeout(PATIENCE, hints.next()).await.expect("an incident is reported");
    let error: ChainError = reported.unwrap_err();
    assert!(!format!("{error} {error:?} {hints:?}").contains(API_KEY), "{error:?}");
    error.to_string()
}
