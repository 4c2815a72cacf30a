//! What one reader may take, and what that costs the others.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::{ALICE, Place, Server, Socket, Stream, account_topic, soon};
use pledge_http::live::AllowedOrigins;

/// A sign of life is due within 25 s: the rest is for a busy machine.
const SIGNS_WITHIN: Duration = Duration::from_secs(60);

/// The topics of a number of accounts of the token.
fn accounts(number: u64) -> Vec<String> {
    let account = |number: u64| {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        account_topic(bytes.into())
    };
    (1..=number).map(account).collect()
}

fn subscribe(topics: &[String]) -> String {
    json!({ "op": "subscribe", "topics": topics, "request": 1 }).to_string()
}

#[tokio::test]
async fn ten_thousand_subscriptions_on_one_socket_are_refused_and_nobody_follows_any() {
    let mut parts = Place::new().await.parts();
    // Else the message alone is too large.
    parts.limits.message_bytes_max = 2 << 20;
    let server = Server::begin(parts).await;
    let mut socket = server.socket().await;
    socket.send(&subscribe(&accounts(10_000))).await;
    let error = socket.message("error").await;
    assert_eq!(error["problem"]["code"], "too-many-topics");
    assert_eq!(server.hub.counts().topics, 0);
    for one in accounts(100) {
        socket.send(&subscribe(&[one])).await;
        socket.message("subscribed").await;
    }
    socket.send(&subscribe(&["chains".to_owned()])).await;
    assert_eq!(socket.message("error").await["problem"]["code"], "too-many-topics");
    assert_eq!(server.hub.counts().topics, 100);
}

#[tokio::test]
async fn all_readers_together_follow_a_bounded_number_of_accounts() {
    let mut parts = Place::new().await.parts();
    parts.limits.accounts_max = 3;
    let server = Server::begin(parts).await;
    let three = accounts(3).join(",");
    let (first, _second) = (server.stream(&three).await, server.stream(&three).await);
    let path = format!("/api/v1/stream?topics={}", account_topic(ALICE));
    let (status, problem) = Stream::answer(server.address, &path, &[]).await;
    assert_eq!((status, &problem["code"]), (503, &json!("busy")));
    drop((first, _second));
    server.until_readers(0).await;
    server.stream(&account_topic(ALICE)).await;
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_and_the_others_get_every_event() {
    let mut place = Place::new().await;
    let mut parts = place.parts();
    parts.limits.waiting_events_max = 4;
    parts.limits.write_deadline = Duration::from_millis(200);
    let server = Server::begin(parts).await;
    let mut good = server.stream("chains").await;
    let mut stuck = server.socket().await;
    stuck.subscribe(&["chains"]).await;
    // What the system takes for a client is more than these events, so the pings of the client fill it: the
    // server answers each, and waits.
    let flood = tokio::spawn(async move {
        let ping = format!(r#"{{"op":"ping","request":"{}"}}"#, "x".repeat(60));
        for _ in 0..400_000 {
            stuck.send(&ping).await;
        }
        stuck
    });
    let cut = async {
        while !server.hub.counts().cuts.contains(&("slow", 1)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("a cut", cut).await;
    let began = place.newest().await.get();
    for id in began + 1..=began + 10 {
        place.mine(&[]).await;
        assert_eq!(good.event().await.id, Some(id.to_string()));
    }
    server.until_readers(1).await;
    flood.abort();
}

#[tokio::test]
async fn a_reader_whose_queue_is_full_is_cut_with_a_code_and_goes_on_by_the_id_of_its_last_event() {
    let mut place = Place::new().await;
    let mut parts = place.parts();
    parts.limits.waiting_events_max = 4;
    // So long that all events come with one look.
    parts.limits.look_every = Duration::from_secs(3_600);
    let server = Server::begin(parts).await;
    let mut socket = server.socket().await;
    let position = socket.subscribe(&["chains"]).await["position"].clone();
    for _ in 0..5 {
        place.mine(&[]).await;
    }
    server.hub.hint(None);
    let closed = socket.closed().await;
    assert_eq!(closed.close_code(), Some(4008));
    let reason: Value = serde_json::from_slice(&closed.payload[2..]).unwrap();
    assert_eq!(reason, json!({ "code": "slow", "retry_after_ms": 1_000 }));
    let mut again = server.socket().await;
    let message = json!({ "op": "subscribe", "topics": ["chains"], "after": position });
    again.send(&message.to_string()).await;
    for _ in 0..5 {
        again.message("event").await;
    }
}

#[tokio::test]
async fn a_client_that_closes_half_of_its_connection_leaves_no_reader() {
    let place = Place::new().await;
    let server = place.serve().await;
    for _ in 0..50 {
        let socket = server.socket().await;
        let stream = socket.stream.into_std().unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        std::mem::forget(stream);
    }
    for _ in 0..50 {
        server.stream("chains").await.close_half();
    }
    server.until_readers(0).await;
    assert_eq!(server.hub.counts().topics, 0);
}

#[tokio::test]
async fn a_socket_that_does_not_answer_a_ping_is_closed() {
    let server = Place::new().await.serve().await;
    let mut socket = server.socket().await;
    // It reads and answers nothing, also no ping; the pings come within 25 s, the end 10 s later.
    let mut frames = Vec::new();
    let closed = tokio::time::timeout(2 * SIGNS_WITHIN, async {
        loop {
            match socket.stream.read_u8().await {
                Ok(byte) => frames.push(byte),
                Err(_) => return,
            }
        }
    });
    closed.await.expect("it is closed");
    assert_eq!(frames[..2], [0x89, 0], "a ping came first");
    let close = &frames[2..];
    assert_eq!((close[0], &close[2..4]), (0x88, &4009_u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn a_stream_has_a_sign_of_life_within_half_a_minute() {
    let server = Place::new().await.serve().await;
    let mut stream = server.stream("settlements").await;
    stream.state("settlements").await;
    let sign = tokio::time::timeout(SIGNS_WITHIN, stream.comment()).await;
    assert!(sign.expect("a sign of life"));
}

#[derive(Debug)]
struct Listed;

impl AllowedOrigins for Listed {
    fn contain(&self, origin: &[u8]) -> bool {
        origin == b"https://app.example"
    }
}

#[tokio::test]
async fn a_script_of_another_site_opens_nothing_unless_its_site_is_listed() {
    let mut parts = Place::new().await.parts();
    parts.origins = Arc::new(Listed);
    let server = Server::begin(parts).await;
    let own = format!("http://{}", server.address);
    for origin in
        ["https://evil.example", "null", "https://app.example.evil", "https://app.example:8443"]
    {
        let headers = [("Origin", origin)];
        let refused = Socket::open(server.address, "/api/v1/ws", &headers).await.unwrap_err();
        assert_eq!((refused.0, &refused.1["code"]), (403, &json!("foreign-origin")), "{origin}");
        let path = "/api/v1/stream?topics=chains";
        let (status, problem) = Stream::answer(server.address, path, &headers).await;
        assert_eq!((status, &problem["code"]), (403, &json!("foreign-origin")), "{origin}");
    }
    for origin in ["https://app.example", &own] {
        let headers = [("Origin", origin)];
        Socket::open(server.address, "/api/v1/ws", &headers).await.expect("it may");
        Stream::open(server.address, "topics=chains", &headers).await;
    }
}
