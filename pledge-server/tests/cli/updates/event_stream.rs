//! A client of `/stream` that reads as a browser does.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Ask, Message, number};

/// An open stream. It speaks HTTP/1.0, so that the body is what comes until the end.
#[derive(Debug)]
pub(crate) struct EventStream(BufReader<TcpStream>);

impl EventStream {
    pub(super) async fn open(server: &str, ask: Ask<'_>) -> Option<Self> {
        let Ask { topics, after, bearer } = ask;
        let mut socket = TcpStream::connect(server).await.ok()?;
        let last = after.map_or(String::new(), |after| format!("Last-Event-ID: {after}\r\n"));
        let bearer =
            bearer.map_or(String::new(), |bearer| format!("Authorization: Bearer {bearer}\r\n"));
        let request = format!(
            "GET /api/v1/stream?topics={topics} HTTP/1.0\r\nHost: {server}\r\n{last}{bearer}\r\n"
        );
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut opened = Self(BufReader::new(socket));
        let is_open = opened.line().await?.split(' ').nth(1) == Some("200");
        while !opened.line().await?.is_empty() {}
        is_open.then_some(opened)
    }

    /// By the rules of a browser: a message counts once the empty line behind it has come, and an id counts
    /// without data too.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let (mut name, mut data, mut id) = (String::new(), String::new(), None);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => data.push_str(value),
                Some(("id", value)) => id = Some(number(value)),
                _ if line.is_empty() => {
                    if let Some(message) = message(&name, &data, id) {
                        return Some(message);
                    }
                    (name, data, id) = (String::new(), String::new(), None);
                }
                _ => {}
            }
        }
    }

    /// A line without its end; `None` where the connection is over before that.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok()?;
        line.ends_with('\n').then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn message(name: &str, data: &str, id: Option<u64>) -> Option<Message> {
    if data.is_empty() {
        return id.map(Message::Place);
    }
    let mut data: Value = serde_json::from_str(data).expect("messages are JSON");
    Some(match name {
        "state" => Message::State {
            topic: data["topic"].as_str().expect("a state has a topic").to_owned(),
            state: data["state"].take(),
        },
        "reset" => Message::Reset,
        "cut" => Message::Cut(data["code"].as_str().expect("a cut has a code").to_owned()),
        _ => Message::Event(id.expect("an event has its number")),
    })
}
