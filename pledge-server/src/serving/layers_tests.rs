//! The layers around the routes, from outside.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_http::Language;
use tokio::io::AsyncReadExt;

use super::tests::{PATIENCE, answer_to, get_with, is_closed, start_over};
use super::*;
use crate::config::{LimitsConfig, Networks, RateConfig, ServerConfig, WebOrigin};
use crate::rates::{SharedRates, Verdict};

pub(super) fn limits() -> LimitsConfig {
    LimitsConfig { rate: None, ..LimitsConfig::default() }
}

/// Layers that trust a proxy on this machine, and let one site read.
pub(super) fn behind_a_proxy(limits: LimitsConfig) -> Layers {
    let server = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        operations_listen: None,
        trusted_proxies: Networks::of(&["127.0.0.1"]),
        allowed_origins: vec![WebOrigin::of("https://app.example")],
        public_reads: true,
        language: Language::default(),
    };
    Layers::new(&server, limits)
}

pub(super) fn rate(per_second: u32, burst: u32) -> LimitsConfig {
    let number = |number| NonZeroU32::new(number).unwrap();
    let rate = RateConfig { per_second: number(per_second), burst: number(burst) };
    LimitsConfig { rate: Some(rate), ..LimitsConfig::default() }
}

/// A route `/work` that never answers, and a token that is cancelled once its work is dropped.
fn endless_work() -> (Router, CancellationToken) {
    let dropped = CancellationToken::new();
    let guard = Arc::new(Mutex::new(Some(dropped.clone().drop_guard())));
    let never = async move || {
        let _guard = guard.lock().unwrap().take();
        std::future::pending::<&str>().await
    };
    (Router::new().route("/work", get(never)), dropped)
}

#[tokio::test]
async fn a_request_without_an_answer_in_time_is_ended_with_its_work() {
    let (routes, dropped) = endless_work();
    let limits = LimitsConfig { request_timeout: Duration::from_millis(100), ..limits() };
    let server = start_over(routes, Layers::bare(limits)).await;
    let answer = get_with(&server, "/work", &[]).await;
    assert_eq!((answer.status, answer.kind().as_str()), (503, "timed-out"));
    assert!(dropped.is_cancelled());
}

#[tokio::test]
async fn a_request_whose_client_left_is_ended_with_its_work() {
    let (routes, dropped) = endless_work();
    let server = start_over(routes, Layers::bare(limits())).await;
    drop(server.send(b"GET /work HTTP/1.1\r\nhost: test\r\n\r\n").await);
    tokio::time::timeout(PATIENCE, dropped.cancelled()).await.expect("the work is dropped");
}

#[tokio::test]
async fn a_body_above_the_bound_is_refused_whether_announced_or_not() {
    let limits = LimitsConfig { body_bytes: 10, ..limits() };
    let echo = Router::new().route("/echo", post(|body: String| async { body }));
    let server = start_over(echo, Layers::bare(limits)).await;
    let close = "host: test\r\nconnection: close";
    let sent = |body: &str| {
        let length = body.len();
        format!("POST /echo HTTP/1.1\r\n{close}\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let small = answer_to(&server, sent("0123456789").as_bytes()).await;
    assert_eq!((small.status, small.body.as_slice()), (200, b"0123456789".as_slice()));
    let large = answer_to(&server, sent("0123456789a").as_bytes()).await;
    assert_eq!((large.status, large.kind().as_str()), (413, "body-too-large"));
    let chunked = format!(
        "GET / HTTP/1.1\r\n{close}\r\ntransfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n"
    );
    assert_eq!(answer_to(&server, chunked.as_bytes()).await.status, 413);
}

#[tokio::test]
async fn a_head_beyond_its_bounds_is_answered_with_what_is_too_large() {
    let server = start_over(Router::new(), Layers::bare(limits())).await;
    let long = get_with(&server, &format!("/?{}", "a".repeat(20_000)), &[]).await;
    assert_eq!((long.status, long.kind().as_str()), (414, "uri-too-long"));
    let many: Vec<String> = (0..120).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(get_with(&server, "/", &many).await.status, 431);
}

#[tokio::test]
async fn a_reader_that_takes_an_answer_bit_by_bit_loses_it_after_a_while() {
    let limits = LimitsConfig { answer_timeout: Duration::from_millis(300), ..limits() };
    let server = start_over(Router::new(), Layers::bare(limits)).await;
    let mut reader = server.send(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut bit = vec![0; 1_024];
    let trickle = async {
        while reader.read(&mut bit).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trickle).await.expect("the server closes the connection");
}

#[tokio::test]
async fn a_connection_is_not_evicted_before_its_answer_is_sent() {
    const BYTES: usize = 16 << 20;
    let limits = LimitsConfig { connections: 1, connections_per_address: 1, ..limits() };
    let large = Router::new().route("/large", get(|| async { vec![7_u8; BYTES] }));
    let server = start_over(large, Layers::bare(limits)).await;
    let mut reader = server.send(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // The answer has begun, so hyper has all of it.
    let mut taken = reader.read(&mut [0; 16]).await.unwrap();
    for _ in 0..3 {
        assert!(!server.is_answered().await);
    }
    let mut rest = vec![0; 1 << 20];
    while taken < BYTES {
        let read = tokio::time::timeout(PATIENCE, reader.read(&mut rest)).await.unwrap().unwrap();
        assert!(read > 0, "the answer ended after {taken} bytes");
        taken += read;
    }
    // Now it waits, and goes for a new one.
    let until = tokio::time::Instant::now() + PATIENCE;
    while !server.is_answered().await {
        assert!(tokio::time::Instant::now() < until, "the connection stays busy");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_closed(reader).await;
}

#[tokio::test]
async fn every_answer_and_every_problem_has_the_id_of_its_request() {
    let server = start_over(Router::new(), behind_a_proxy(limits())).await;
    let given = get_with(&server, "/", &["x-request-id: from-the-proxy"]).await;
    assert_eq!(given.header("x-request-id"), Some("from-the-proxy"));
    let path = format!("/?{}", "a".repeat(20_000));
    let refused = get_with(&server, &path, &[]).await;
    let id = refused.header("x-request-id").unwrap();
    assert_eq!(refused.problem()["request_id"], id);
    let stranger = start_over(Router::new(), Layers::bare(limits())).await;
    let own = get_with(&stranger, "/", &["x-request-id: invented"]).await;
    assert_ne!(own.header("x-request-id"), Some("invented"));
}

#[tokio::test]
async fn a_problem_document_is_whole_however_long_it_is() {
    let long = |bytes: usize| {
        let document = format!("{{\"detail\":\"{}\"}}", "a".repeat(bytes));
        get(move || async move { ([(CONTENT_TYPE, "application/problem+json")], document) })
    };
    let routes = Router::new().route("/long", long(100_000)).route("/longer", long(300_000));
    let server = start_over(routes, Layers::bare(limits())).await;
    for (path, bytes, has_id) in [("/long", 100_000, true), ("/longer", 300_000, false)] {
        let problem = get_with(&server, path, &[]).await.problem();
        assert_eq!(problem["detail"].as_str().map(str::len), Some(bytes), "{path}");
        assert_eq!(problem.get("request_id").is_some(), has_id, "{path}");
    }
}

#[tokio::test]
async fn answers_forbid_browsers_what_data_needs_not() {
    let own = Router::new().route("/own", get(|| async { [("cache-control", "no-cache")] }));
    let server = start_over(own, behind_a_proxy(limits())).await;
    let plain = get_with(&server, "/", &[]).await;
    let expected = [
        ("x-content-type-options", Some("nosniff")),
        ("content-security-policy", Some("default-src 'none'; frame-ancestors 'none'")),
        ("referrer-policy", Some("no-referrer")),
        ("cache-control", Some("no-store")),
        ("strict-transport-security", None),
    ];
    for (name, value) in expected {
        assert_eq!(plain.header(name), value, "{name}");
    }
    assert_eq!(get_with(&server, "/own", &[]).await.header("cache-control"), Some("no-cache"));
    let https = get_with(&server, "/", &["x-forwarded-proto: https"]).await;
    assert_eq!(https.header("strict-transport-security"), Some("max-age=31536000"));
}

#[tokio::test]
async fn a_listed_site_may_read_and_another_may_not() {
    let server = start_over(Router::new(), behind_a_proxy(limits())).await;
    let listed = get_with(&server, "/", &["origin: https://app.example"]).await;
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(listed.header("access-control-allow-credentials"), None);
    let exposed = listed.header("access-control-expose-headers").unwrap();
    for name in ["etag", "retry-after", "x-request-id", "ratelimit", "ratelimit-policy"] {
        assert!(exposed.split(',').any(|one| one.trim() == name), "{name}: {exposed}");
    }
    for origin in ["https://evil.example", "https://app.example.evil.example", "null"] {
        let other = get_with(&server, "/", &[&format!("origin: {origin}")]).await;
        assert_eq!(other.header("access-control-allow-origin"), None, "{origin}");
        assert!(other.header("vary").unwrap().contains("origin"), "{origin}");
    }
}

#[tokio::test]
async fn a_browser_that_asks_first_is_answered_without_a_route() {
    let server = start_over(Router::new(), behind_a_proxy(limits())).await;
    let asked = "OPTIONS /never HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
                 origin: https://app.example\r\naccess-control-request-method: GET\r\n\r\n";
    let answer = answer_to(&server, asked.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,HEAD,POST,PUT,PATCH"));
    assert_eq!(answer.header("access-control-max-age"), Some("3600"));
}

#[tokio::test]
async fn a_request_for_options_that_is_no_preflight_is_for_the_routes() {
    let server = start_over(Router::new(), behind_a_proxy(limits())).await;
    let asked = async |path: &str, line: &str| {
        let head =
            format!("OPTIONS {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{line}\r\n");
        answer_to(&server, head.as_bytes()).await.status
    };
    assert_eq!(asked("/", "").await, 405);
    assert_eq!(asked("/nothing", "origin: https://app.example\r\n").await, 404);
    assert_eq!(asked("/nothing", "access-control-request-method: GET\r\n").await, 404);
    assert_eq!(asked(&format!("/?{}", "a".repeat(20_000)), "").await, 414);
}

#[tokio::test]
async fn preflights_have_a_share_of_the_rate_of_their_client() {
    let server = start_over(Router::new(), behind_a_proxy(rate(1, 1))).await;
    let asked = "OPTIONS / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
                 origin: https://app.example\r\naccess-control-request-method: GET\r\n\r\n";
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(answer_to(&server, asked.as_bytes()).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_client_that_takes_no_encoding_gets_the_answer_as_it_is() {
    let large = Router::new().route("/large", get(|| async { "a".repeat(5_000) }));
    let server = start_over(large, Layers::bare(limits())).await;
    let answer = get_with(&server, "/large", &["accept-encoding: identity;q=0"]).await;
    assert_eq!((answer.status, answer.body.len()), (200, 5_000));
    assert_eq!(answer.header("content-encoding"), None);
}

#[tokio::test]
async fn a_large_answer_is_compressed_and_a_small_one_or_a_stream_of_events_is_not() {
    let of = |kind: &'static str, bytes: usize| {
        get(move || async move { ([(CONTENT_TYPE, kind)], vec![b'a'; bytes]).into_response() })
    };
    let routes = Router::new()
        .route("/large", of("application/json", 5_000))
        .route("/small", of("application/json", 500))
        .route("/events", of("text/event-stream", 5_000));
    let server = start_over(routes, Layers::bare(limits())).await;
    let takes = ["accept-encoding: gzip"];
    let large = get_with(&server, "/large", &takes).await;
    assert_eq!(large.header("content-encoding"), Some("gzip"));
    assert!(large.body.len() < 500 && large.header("vary").unwrap().contains("accept-encoding"));
    for path in ["/small", "/events"] {
        let answer = get_with(&server, path, &takes).await;
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
    assert_eq!(get_with(&server, "/large", &[]).await.body.len(), 5_000);
}

#[tokio::test]
async fn a_client_beyond_its_rate_is_refused_with_the_time_to_come_again() {
    let routes = Router::new().route("/healthz", get(|| async { "alive" }));
    let server = start_over(routes, behind_a_proxy(rate(1, 2))).await;
    let [one, other] = ["x-forwarded-for: 203.0.113.5", "x-forwarded-for: 203.0.113.6"];
    let first = get_with(&server, "/", &[one]).await;
    assert_eq!(first.header("ratelimit-policy"), Some("\"client\";q=2;w=2"));
    assert_eq!(first.header("ratelimit"), Some("\"client\";r=1;t=1"));
    // Seconds may pass between the requests on a slow machine.
    let refused = loop {
        let answer = get_with(&server, "/", &[one]).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status, refused.kind().as_str()), (429, "too-many-requests"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.header("ratelimit").unwrap().starts_with("\"client\";r=0;t="));
    assert_eq!(get_with(&server, "/", &[other]).await.status, 200);
    for _ in 0..5 {
        assert_eq!(get_with(&server, "/healthz", &[one]).await.status, 200);
    }
}

#[tokio::test]
async fn figures_have_a_share_of_the_rate_where_readers_are() {
    let server = start_over(Router::new(), Layers::bare(rate(1, 1))).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get_with(&server, "/metrics", &[]).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn those_who_run_the_server_have_no_rate_and_few_connections() {
    let operators = Layers::bare(rate(1, 1)).for_operators();
    assert_eq!(operators.limits.connections, 64);
    let server = start_over(Router::new(), operators).await;
    for _ in 0..4 {
        assert_eq!(get_with(&server, "/metrics", &[]).await.status, 404);
    }
}

#[tokio::test]
async fn the_addresses_of_one_customer_are_counted_together() {
    let server = start_over(Router::new(), behind_a_proxy(rate(1, 1))).await;
    let mut statuses = Vec::new();
    for last in 1..=4 {
        let client = format!("x-forwarded-for: 2001:db8:1:2::{last}");
        statuses.push(get_with(&server, "/", &[&client]).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// Instances that count together: each client has one request in all, or none can be asked.
#[derive(Debug)]
struct Others {
    is_away: bool,
}

#[async_trait]
impl SharedRates for Others {
    async fn take(&self, _client: IpAddr, _rate: RateConfig) -> Result<Verdict, StoreError> {
        if self.is_away {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "count a request", "away"));
        }
        let allowed_in = Duration::from_millis(2_100);
        Ok(Verdict { is_allowed: false, remaining: 0, full_in: allowed_in, allowed_in })
    }
}

#[tokio::test]
async fn what_a_client_asked_elsewhere_counts_while_the_others_can_be_asked() {
    for (is_away, status) in [(false, 429), (true, 200)] {
        let layers = Layers::bare(rate(100, 100));
        layers.share_rates(Arc::new(Others { is_away }));
        let server = start_over(Router::new(), layers).await;
        let answer = get_with(&server, "/", &[]).await;
        assert_eq!(answer.status, status, "away: {is_away}");
        assert_eq!(answer.header("retry-after"), (!is_away).then_some("3"));
    }
}
