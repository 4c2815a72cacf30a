//! The line of each request.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use axum::routing::get;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use super::layers_tests::{behind_a_proxy, limits, rate};
use super::tests::{PATIENCE, answer_to, get_with, start_over};
use super::*;

/// Lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Has the lines of this thread, of the level `info` and above, while the guard is there.
    fn begin() -> (Self, impl Drop) {
        let lines = Self::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().json().with_writer(move || writer.clone());
        let filter = tracing_subscriber::EnvFilter::new("info");
        let subscriber = tracing_subscriber::registry().with(layer).with(filter);
        let guard = tracing::subscriber::set_default(subscriber);
        // With one subscriber alone, what a thread without any finds out about a line counts for all.
        static ANOTHER: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&ANOTHER);
        (lines, guard)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of the lines about requests.
    fn of_requests(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let access = lines.filter(|line| line["target"] == "pledge::access");
        access.map(|line| line["fields"].clone()).collect()
    }
}

#[tokio::test]
async fn each_request_is_one_line_without_its_query() {
    let (lines, _logging) = Lines::begin();
    let routes = Router::new().route("/healthz", get(|| async { "alive" }));
    let server = start_over(routes, behind_a_proxy(limits())).await;
    let head =
        ["x-forwarded-for: 203.0.113.5", "x-request-id: one", "user-agent: a\u{9b}31m \"b\""];
    assert_eq!(get_with(&server, "/?key=s3cret", &head).await.status, 200);
    get_with(&server, "/healthz", &[]).await;
    drop(server.send(b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n").await);
    let until = tokio::time::Instant::now() + PATIENCE;
    while lines.of_requests().len() < 2 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let text = lines.text();
    assert!(!text.contains("s3cret") && !text.contains('\u{9b}'), "{text}");
    let [answered, left] = &lines.of_requests()[..] else { panic!("two lines: {text}") };
    let expected = serde_json::json!({
        "message": "request", "client": "203.0.113.5", "id": "one", "method": "GET", "path": "/",
        "status": 200, "bytes": 4, "micros": answered["micros"], "is_whole": true,
        "agent": "a\u{fffd}31m \"b\"",
    });
    assert_eq!(*answered, expected);
    assert_eq!((left["path"].as_str(), left["status"].as_u64()), (Some("/never"), Some(499)));
}

#[tokio::test]
async fn a_line_has_the_beginning_of_a_method_that_nobody_knows() {
    let (lines, _logging) = Lines::begin();
    let server = start_over(Router::new(), Layers::bare(limits())).await;
    let method = "A".repeat(20_000);
    let request = format!("{method} / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    assert_eq!(answer_to(&server, request.as_bytes()).await.status, 405);
    assert_eq!(lines.of_requests()[0]["method"], "A".repeat(32));
}

#[tokio::test]
async fn a_client_beyond_its_rate_fills_no_log() {
    let (lines, _logging) = Lines::begin();
    let server = start_over(Router::new(), behind_a_proxy(rate(1, 1))).await;
    let [one, other] = ["x-forwarded-for: 203.0.113.5", "x-forwarded-for: 203.0.113.6"];
    while get_with(&server, "/", &[one]).await.status != 429 {}
    assert_eq!(get_with(&server, "/", &[other]).await.status, 200);
    let written = lines.of_requests();
    assert_eq!(written.last().unwrap()["client"], "203.0.113.6");
    assert!(written.iter().all(|line| line["status"] == 200), "{written:?}");
}

#[tokio::test]
async fn a_proxy_that_may_have_been_forgotten_is_reported_once() {
    let (lines, _logging) = Lines::begin();
    let server = start_over(Router::new(), Layers::bare(limits())).await;
    get_with(&server, "/", &[]).await;
    assert!(!lines.text().contains("server.trusted_proxies"));
    for _ in 0..2 {
        get_with(&server, "/", &["x-forwarded-for: 203.0.113.5"]).await;
    }
    assert_eq!(lines.text().matches("name it in server.trusted_proxies").count(), 1);
}
