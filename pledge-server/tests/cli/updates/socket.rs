//! A client of `/ws`.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{Ask, Message, number};

/// An open socket that follows its topics.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub(super) async fn open(server: &str, ask: Ask<'_>) -> Option<Self> {
        let Ask { topics, after, bearer } = ask;
        let stream = TcpStream::connect(server).await.ok()?;
        let request = format!("ws://{server}/api/v1/ws").into_client_request();
        let mut request = request.expect("a request of a test");
        if let Some(bearer) = bearer {
            let value = format!("Bearer {bearer}").parse().expect("a header of a test");
            request.headers_mut().insert("authorization", value);
        }
        let opened = tokio_tungstenite::client_async(request, stream);
        let (mut socket, _) = opened.await.ok()?;
        let topics: Vec<_> = topics.split(',').collect();
        let after = after.map(|after| after.to_string());
        let subscribe = json!({ "op": "subscribe", "topics": topics, "after": after });
        socket.send(Frame::text(subscribe.to_string())).await.ok()?;
        Some(Self(socket))
    }

    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.next().await?.ok()? {
                Frame::Text(text) => {
                    return Some(message(serde_json::from_str(&text).expect("messages are JSON")));
                }
                Frame::Close(frame) => {
                    let ending: Value = serde_json::from_str(&frame?.reason).ok()?;
                    return Some(Message::Cut(ending["code"].as_str()?.to_owned()));
                }
                _ => {}
            }
        }
    }
}

fn message(mut message: Value) -> Message {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    match text(&message["type"]).as_str() {
        "subscribed" => Message::Subscribed(number(&text(&message["position"]))),
        "event" => Message::Event(number(&text(&message["id"]))),
        "state" => {
            Message::State { topic: text(&message["topic"]), state: message["state"].take() }
        }
        "reset" => Message::Reset,
        other => panic!("no {other} was asked for: {message}"),
    }
}
