//! A client of `/stream`.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::soon;

/// An open stream. It speaks HTTP/1.0, so that the body is what comes until the end.
#[derive(Debug)]
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    /// What has come of a line, and of a message.
    partial: Vec<u8>,
    name: String,
    data: String,
    id: Option<String>,
    /// What a browser would send as `Last-Event-ID`.
    pub(crate) last_id: String,
    /// The first id of all: the place at which the stream begins.
    pub(crate) begun: Option<String>,
    /// When the server wants it back, in milliseconds.
    pub(crate) retry: u64,
}

/// A message, as a script gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) data: Value,
    /// The id field of this message, if it had one.
    pub(crate) id: Option<String>,
}

impl Stream {
    pub(crate) async fn open(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let (status, mut opened) =
            Self::ask(address, &format!("/api/v1/stream?{query}"), headers).await;
        if status != 200 {
            let mut body = String::new();
            opened.reader.read_to_string(&mut body).await.expect("a body");
            panic!("{query} is answered with {status}: {body}");
        }
        opened
    }

    /// The status and the body of an answer that is no stream; of a stream the body is empty.
    pub(crate) async fn answer(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let (status, mut opened) = Self::ask(address, path, headers).await;
        if status == 200 {
            return (status, Value::Null);
        }
        let mut body = String::new();
        opened.reader.read_to_string(&mut body).await.expect("a body");
        (status, serde_json::from_str(&body).expect("a problem document"))
    }

    async fn ask(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> (u16, Self) {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.expect("a request can be sent");
        let mut opened = Self {
            reader: BufReader::new(socket),
            partial: Vec::new(),
            name: String::new(),
            data: String::new(),
            id: None,
            last_id: String::new(),
            begun: None,
            retry: 0,
        };
        let status = soon("a status line", opened.line()).await.expect("a status line");
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        while opened.line().await.is_some_and(|line| !line.is_empty()) {}
        (status.expect("a status"), opened)
    }

    /// A call that is dropped loses nothing: what has come of a line is kept.
    async fn line(&mut self) -> Option<String> {
        let read = self.reader.read_until(b'\n', &mut self.partial).await;
        let is_whole = read.is_ok() && self.partial.ends_with(b"\n");
        let line = is_whole.then(|| std::mem::take(&mut self.partial))?;
        let line = String::from_utf8(line).expect("a stream is text");
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The next message; `None` at the end of the stream. By the rules of a browser: an id counts once the
    /// empty line behind it has come, and also without data.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut self.name),
                Some(("data", value)) => self.data.push_str(value),
                Some(("id", value)) => self.id = Some(value.to_owned()),
                Some(("retry", value)) => self.retry = value.parse().expect("milliseconds"),
                _ if line.is_empty() => {
                    let (id, data) = (self.id.take(), std::mem::take(&mut self.data));
                    if let Some(id) = &id {
                        id.clone_into(&mut self.last_id);
                        self.begun.get_or_insert_with(|| id.clone());
                    }
                    let name = std::mem::take(&mut self.name);
                    if !data.is_empty() {
                        let data = serde_json::from_str(&data).expect("messages are JSON");
                        return Some(Message { name, data, id });
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the next line that is not empty is a comment.
    pub(crate) async fn comment(&mut self) -> bool {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            if self.reader.read_line(&mut line).await.unwrap_or_default() == 0 {
                return false;
            }
        }
        line.starts_with(':')
    }

    /// Sends the end of its side alone, and stays open until the process ends.
    pub(crate) fn close_half(self) {
        let stream = self.reader.into_inner().into_std().expect("a socket of the system");
        stream.shutdown(std::net::Shutdown::Write).expect("an open socket");
        std::mem::forget(stream);
    }

    /// The next message that is meant; those before it are dropped.
    pub(crate) async fn until(&mut self, is_meant: impl Fn(&Message) -> bool) -> Message {
        let found = async {
            loop {
                let next = self.next().await.expect("the stream goes on");
                if is_meant(&next) {
                    return next;
                }
            }
        };
        soon("a message", found).await
    }

    /// The next event: a message that is no state.
    pub(crate) async fn event(&mut self) -> Message {
        self.until(|message| message.name != "state").await
    }

    /// The next state of a topic.
    pub(crate) async fn state(&mut self, topic: &str) -> Value {
        let message = self.until(|one| one.name == "state" && one.data["topic"] == topic).await;
        message.data["state"].clone()
    }
}
