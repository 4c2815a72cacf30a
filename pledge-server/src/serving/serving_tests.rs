//! The server over real connections.

use std::future::pending;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
/// Long enough for any machine; a test that waits for it fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    /// Notified once the request that is never answered has begun.
    begun: Arc<Notify>,
    serving: JoinHandle<anyhow::Result<()>>,
}

async fn start(limits: LimitsConfig) -> Running {
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, io::Error>(vec![0_u8; 1 << 16]));
        Body::from_stream(chunks)
    };
    let begun = Arc::new(Notify::new());
    let started = begun.clone();
    let router = Router::new()
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
    let listener = bind("127.0.0.1:0".parse().unwrap(), "a test").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving =
        tokio::spawn(serve(listener, router, limits, ConnectionMeter::default(), stop.clone()));
    Running { address, stop, begun, serving }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        stream
    }

    async fn is_answered(&self) -> bool {
        answer_of(self.send(REQUEST).await).await.starts_with("HTTP/1.1 200")
    }
}

/// What the server sends first, as text; empty if it closes the connection.
async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = vec![0; 1_024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
    let read = read.expect("an answer or an end").unwrap_or(0);
    answer.truncate(read);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the server closes the connection.
async fn is_closed(mut stream: TcpStream) {
    let mut rest = vec![0; 1 << 16];
    let closed = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("the server closes the connection");
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
async fn a_server_that_stops_does_not_wait_for_ever() {
    let limits = LimitsConfig { drain: Duration::from_millis(50), ..Default::default() };
    let server = start(limits).await;
    let _never = server.send(b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n").await;
    server.begun.notified().await;
    server.stop.cancel();
    tokio::time::timeout(PATIENCE, server.serving).await.unwrap().unwrap().unwrap();
}
