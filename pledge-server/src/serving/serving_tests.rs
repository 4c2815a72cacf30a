//! The server over real connections.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get;
use futures::stream;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::config::LimitsConfig;

pub(super) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
/// Long enough for any machine; a test that waits for it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    /// Notified once the request that is never answered has begun.
    pub(super) begun: Arc<Notify>,
    serving: JoinHandle<anyhow::Result<()>>,
}

async fn start(limits: LimitsConfig) -> Running {
    start_over(Router::new(), Layers::bare(limits)).await
}

/// Serves these routes, and some of its own.
pub(super) async fn start_over(routes: Router, layers: Layers) -> Running {
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, io::Error>(vec![0_u8; 1 << 16]));
        Body::from_stream(chunks)
    };
    let begun = Arc::new(Notify::new());
    let started = begun.clone();
    let router = routes
        .route("/", get(|| async { "here" }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                "at last"
            }),
        )
        .route(
            "/never",
            get(async move || {
                started.notify_one();
                pending::<StatusCode>().await
            }),
        )
        .route("/endless", get(endless));
    let listener = bind("127.0.0.1:0".parse().unwrap(), "a test").unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let meter = ListenerMeter::default();
    let serving = tokio::spawn(serve(listener, router, layers, meter, stop.clone()));
    Running { address, stop, begun, serving }
}

impl Running {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) async fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        stream
    }

    pub(super) async fn is_answered(&self) -> bool {
        answer_of(self.send(REQUEST).await).await.starts_with("HTTP/1.1 200")
    }
}

/// What the server sends first, as text; empty if it closes the connection.
pub(super) async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = vec![0; 1_024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
    let read = read.expect("an answer or an end").unwrap_or(0);
    answer.truncate(read);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the server closes the connection.
pub(super) async fn is_closed(mut stream: TcpStream) {
    let mut rest = vec![0; 1 << 16];
    let closed = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("the server closes the connection");
}

/// An answer, taken apart.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The name of its problem.
    pub(super) fn kind(&self) -> String {
        let problem = self.problem();
        let kind = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
        kind.to_owned()
    }
}

/// The answer to `GET` with these lines in its head.
pub(super) async fn get_with(server: &Running, path: &str, lines: &[&str]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{lines}\r\n");
    answer_to(server, request.as_bytes()).await
}

pub(super) async fn answer_to(server: &Running, request: &[u8]) -> Answer {
    let mut stream = server.send(request).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the server ends its answer").unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = BTreeMap::<String, String>::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let all = headers.entry(name.to_lowercase()).or_default();
        *all = if all.is_empty() { value.to_owned() } else { format!("{all}, {value}") };
    }
    Answer { status, headers, body: answer[end + 4..].to_vec() }
}

#[tokio::test]
async fn connections_that_send_nothing_keep_nobody_out() {
    let limits = LimitsConfig { connections: 8, connections_per_address: 8, ..Default::default() };
    let server = start(limits).await;
    let mut silent = Vec::new();
    for index in 0..40 {
        // Every other one sends half of a head.
        let stream = server.send(if index % 2 == 0 { b"" } else { &REQUEST[..20] }).await;
        silent.push(stream);
        assert!(server.is_answered().await);
    }
}

#[tokio::test]
async fn connections_that_owe_a_body_keep_nobody_out() {
    let limits = LimitsConfig { connections: 2, connections_per_address: 2, ..Default::default() };
    let server = start(limits).await;
    let mut owing = Vec::new();
    for _ in 0..4 {
        let head = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nabcd";
        owing.push(server.send(head).await);
        // The server has the head by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(server.is_answered().await);
    }
}

#[tokio::test]
async fn a_request_is_under_way_once_its_body_has_arrived() {
    let limits = LimitsConfig { connections: 1, connections_per_address: 1, ..Default::default() };
    let server = start(limits).await;
    let _busy =
        server.send(b"GET /never HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\na").await;
    server.begun.notified().await;
    assert!(answer_of(server.connect().await).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn a_client_without_room_is_refused_with_the_time_to_come_again() {
    let limits = LimitsConfig { connections: 1, connections_per_address: 1, ..Default::default() };
    let server = start(limits).await;
    let _busy = server.send(b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n").await;
    server.begun.notified().await;
    let answer = answer_of(server.connect().await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_its_connection() {
    let limits = LimitsConfig { header_timeout: Duration::from_millis(100), ..Default::default() };
    let server = start(limits).await;
    is_closed(server.send(&REQUEST[..20]).await).await;
    is_closed(server.connect().await).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = start(LimitsConfig::default()).await;
    let mut request = b"GET / HTTP/1.1\r\nhost: test\r\nx: ".to_vec();
    request.resize(64 * 1_024, b'a');
    let answer = answer_of(server.send(&request).await).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_loses_its_connection() {
    let limits = LimitsConfig { write_timeout: Duration::from_millis(100), ..Default::default() };
    let server = start(limits).await;
    let reader = server.send(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // Nothing is read until the server has given up, which ends what it still had to send.
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_closed(reader).await;
}

#[tokio::test]
async fn a_request_under_way_ends_when_the_server_stops_and_no_other_begins() {
    let server = start(LimitsConfig::default()).await;
    let under_way = server.send(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let idle = server.connect().await;
    assert!(server.is_answered().await, "the slow request was accepted before it");
    server.stop.cancel();
    let answer = answer_of(under_way).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("at last"), "{answer}");
    drop(idle);
    server.serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn all_who_were_accepted_before_a_stop_are_answered() {
    // Fewer than the system keeps for a listener.
    const CLIENTS: usize = 100;
    let limits = LimitsConfig { connections_per_address: CLIENTS, ..Default::default() };
    let server = start(limits).await;
    assert!(server.is_answered().await);
    // Nothing else runs meanwhile on this thread, so the runtime learns of none of them before the stop.
    let clients = [(); CLIENTS].map(|()| {
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        std::io::Write::write_all(&mut client, REQUEST).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    });
    server.stop.cancel();
    for client in clients {
        let answer = answer_of(TcpStream::from_std(client).unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_ever() {
    let limits = LimitsConfig { drain: Duration::from_millis(50), ..Default::default() };
    let server = start(limits).await;
    let _never = server.send(b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n").await;
    server.begun.notified().await;
    server.stop.cancel();
    tokio::time::timeout(PATIENCE, server.serving).await.unwrap().unwrap().unwrap();
}
