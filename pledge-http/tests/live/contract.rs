//! What `docs/live.md` does not allow: each is refused with a code, and harms nobody else.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::ports::{EventReads, KeptEvents};
use pledge_office::access::Scope;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{ALICE, Door, Place, Server, Socket, Stream, TOKEN, account_topic, caller};

/// Two readers that do what is allowed, while others do not.
struct Bystanders {
    stream: Stream,
    socket: Socket,
}

impl Bystanders {
    async fn of(server: &Server) -> Self {
        let (stream, mut socket) = (server.stream("chains").await, server.socket().await);
        socket.subscribe(&["chains"]).await;
        Self { stream, socket }
    }

    /// Both are there alone, and get the next event, once.
    async fn are_unharmed(mut self, place: &mut Place, server: &Server) {
        server.until_readers(2).await;
        assert_eq!(server.hub.counts().topics, 1);
        assert!(server.hub.counts().cuts.iter().all(|(_, count)| *count == 0));
        place.mine(&[(ALICE, 1)]).await;
        let newest = place.newest().await.to_string();
        assert_eq!(self.stream.event().await.id, Some(newest.clone()));
        assert_eq!(self.socket.message("event").await["id"], json!(newest));
    }
}

/// A server that knows one member, whose ticket is `ticket-member`.
async fn opened() -> (Place, Server) {
    let place = Place::new().await;
    let mut parts = place.parts();
    let member = caller(1, "member", Scope::Everywhere);
    parts.authenticator = Some(Arc::new(Door::of(&[("member", member)])));
    (place, Server::begin(parts).await)
}

#[tokio::test]
async fn every_query_that_is_not_allowed_is_refused_with_a_code_and_harms_nobody() {
    let (mut place, server) = opened().await;
    let bystanders = Bystanders::of(&server).await;
    let (token, alice) = (TOKEN.address, account_topic(ALICE));
    let many = [alice.as_str(); 3].join(",") + &",x".repeat(10_000);
    let malformed = (400, "invalid-parameter");
    for (query, expected) in [
        ("topics=Chains", malformed),
        ("topics=chains,", malformed),
        ("topics=,chains", malformed),
        ("topics=chains,,settlements", malformed),
        ("topics=chains%20", malformed),
        ("topics=chains%00", malformed),
        ("topics=%ff", malformed),
        ("topics=chains:1", malformed),
        ("topics=account", malformed),
        ("topics=room:1", malformed),
        (&format!("topics={alice}:1"), malformed),
        (&format!("topics=account:01:{token}:{ALICE}"), malformed),
        (&format!("topics=account:-1:{token}:{ALICE}"), malformed),
        (&format!("topics=account:18446744073709551616:{token}:{ALICE}"), malformed),
        (&format!("topics=account:1:{token}:0x1"), malformed),
        (&format!("topics={many}"), malformed),
        ("topics=chains&topics=settlements", malformed),
        ("topics[]=chains", malformed),
        ("topics=chains&after=-1", malformed),
        ("topics=chains&after=+1", malformed),
        ("topics=chains&after=1.0", malformed),
        ("topics=chains&after=0x1", malformed),
        ("topics=chains&after=99999999999999999999", malformed),
        ("topics=chains&after=1&after=2", malformed),
        ("topics=chains&token=member", malformed),
        ("topics=chains&ticket=", (401, "unauthenticated")),
        ("topics=chains&ticket=member", (401, "unauthenticated")),
        ("topics=chains&ticket=ticket-other", (401, "unauthenticated")),
    ] {
        let path = format!("/api/v1/stream?{query}");
        let (status, problem) = Stream::answer(server.address, &path, &[]).await;
        let code = problem["code"].as_str().unwrap_or_default();
        let shown: String = query.chars().take(100).collect();
        assert_eq!((status, code), expected, "{shown}: {problem}");
        assert!(problem.to_string().len() < 2_000, "{shown}: an answer repeats what it was sent");
    }
    bystanders.are_unharmed(&mut place, &server).await;
}

#[tokio::test]
async fn a_last_event_id_that_is_none_is_refused_and_one_of_another_log_is_reset() {
    let (mut place, server) = opened().await;
    let bystanders = Bystanders::of(&server).await;
    for wrong in ["-1", "+1", "1 2", "one", "1.0", "99999999999999999999", "\u{661}"] {
        let path = "/api/v1/stream?topics=chains";
        let headers = [("Last-Event-ID", wrong)];
        let (status, problem) = Stream::answer(server.address, path, &headers).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-parameter")), "{wrong}");
    }
    // Of a database with more events than this one has.
    let other = place.newest().await.get() + 1;
    let headers = [("Last-Event-ID", &*other.to_string())];
    let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
    assert_eq!(stream.next().await.unwrap().name, "reset");
    let mut socket = server.socket().await;
    let message = json!({ "op": "subscribe", "topics": ["chains"], "after": other.to_string() });
    socket.send(&message.to_string()).await;
    assert_eq!(socket.message("reset").await["after"], json!(other.to_string()));
    drop((stream, socket));
    bystanders.are_unharmed(&mut place, &server).await;
}

#[tokio::test]
async fn every_message_that_is_not_allowed_is_answered_with_a_code_and_harms_nobody() {
    let (mut place, server) = opened().await;
    let bystanders = Bystanders::of(&server).await;
    let mut socket = server.socket().await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let unknown = json!({ "op": "subscribe", "topics": vec!["x"; 10_000] }).to_string();
    let (malformed, wrong) = ("malformed-message", "invalid-parameter");
    for (message, code) in [
        ("", malformed),
        ("\0", malformed),
        ("{", malformed),
        ("[{\"op\":\"ping\"}]", malformed),
        (&deep, malformed),
        (&" ".repeat(64 << 10), malformed),
        (r#"{"op":"ping"}{"op":"ping"}"#, malformed),
        (r#"{"op":"Ping"}"#, malformed),
        (r#"{"op":"publish","topics":["chains"]}"#, malformed),
        (r#"{"op":"ping","request":-1}"#, malformed),
        (r#"{"op":"ping","request":1.5}"#, malformed),
        (r#"{"op":"ping","request":1e400}"#, malformed),
        (r#"{"op":"ping","request":{}}"#, malformed),
        (r#"{"op":"ping","after":"1"}"#, malformed),
        (r#"{"op":"unsubscribe","topics":["chains"],"after":"1"}"#, malformed),
        (r#"{"op":"subscribe","topics":["chains"],"ticket":"ticket-member"}"#, malformed),
        (r#"{"op":"subscribe","topics":[["chains"]]}"#, malformed),
        (r#"{"op":"subscribe","topics":["chains"],"after":7}"#, malformed),
        (r#"{"op":"subscribe"}"#, wrong),
        (r#"{"op":"subscribe","topics":["chains"],"after":"-1"}"#, wrong),
        (r#"{"op":"subscribe","topics":["chains"],"after":"18446744073709551616"}"#, wrong),
        (r#"{"op":"subscribe","topics":["chains","prices"]}"#, wrong),
        (r#"{"op":"unsubscribe","topics":["prices"]}"#, wrong),
        (&unknown, wrong),
    ] {
        socket.send(message).await;
        let error = socket.message("error").await;
        let shown: String = message.chars().take(100).collect();
        assert_eq!(error["problem"]["code"], code, "{shown}: {error}");
        assert!(error.to_string().len() < 2_000, "{shown}: an answer repeats what it was sent");
    }
    // To leave what one does not follow is no error, and neither is to follow it twice.
    socket.send(r#"{"op":"unsubscribe","topics":["chains"],"request":1}"#).await;
    socket.message("unsubscribed").await;
    for _ in 0..2 {
        socket.subscribe(&["settlements", "settlements"]).await;
    }
    socket.send(r#"{"op":"unsubscribe","topics":["settlements"]}"#).await;
    socket.message("unsubscribed").await;
    drop(socket);
    bystanders.are_unharmed(&mut place, &server).await;
}

/// The status of the answer to a request that is written as it is.
async fn status_of(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[tokio::test]
async fn every_upgrade_that_is_not_allowed_is_refused_and_harms_nobody() {
    let (mut place, server) = opened().await;
    let bystanders = Bystanders::of(&server).await;
    let whole = "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_eq!(status_of(&server, whole).await, "101");
    for (from, to, status) in [
        ("GET", "POST", "405"),
        ("Connection: Upgrade", "Connection: close", "426"),
        ("Upgrade: websocket", "Upgrade: h2c", "426"),
        ("Version: 13", "Version: 8", "426"),
        ("Sec-WebSocket-Key", "X-Key", "426"),
        ("/ws HTTP", "/ws?ticket=ticket-other HTTP", "401"),
        ("/ws HTTP", "/ws?topics=chains HTTP", "400"),
        ("Host: x", "Host: x\r\nAuthorization: Basic YTpi", "401"),
        ("Host: x", "Host: x\r\nAuthorization: Bearer other", "401"),
    ] {
        let request = whole.replacen(from, to, 1);
        assert_eq!(status_of(&server, &request).await, status, "{to}");
    }
    bystanders.are_unharmed(&mut place, &server).await;
}

#[tokio::test]
async fn a_ticket_that_was_used_opens_neither_a_socket_nor_a_stream_again() {
    let (mut place, server) = opened().await;
    let bystanders = Bystanders::of(&server).await;
    let path = "/api/v1/ws?ticket=ticket-member";
    let first = Socket::open(server.address, path, &[]).await.expect("it is good once");
    assert_eq!(Socket::open(server.address, path, &[]).await.unwrap_err().0, 401);
    let path = "/api/v1/stream?topics=chains&ticket=ticket-member";
    assert_eq!(Stream::answer(server.address, path, &[]).await.0, 401);
    drop(first);
    bystanders.are_unharmed(&mut place, &server).await;
}

/// A log that is replaced by another one, as by a backup that is restored.
#[derive(Debug)]
struct Replaced(Mutex<Arc<dyn EventReads>>);

impl Replaced {
    fn log(&self) -> Arc<dyn EventReads> {
        self.0.lock().expect("no holder panics").clone()
    }
}

#[async_trait]
impl EventReads for Replaced {
    async fn events(
        &self,
        after: EventSeq,
        most: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        self.log().events(after, most).await
    }

    async fn kept_events(&self) -> Result<KeptEvents, StoreError> {
        self.log().kept_events().await
    }
}

#[tokio::test]
async fn readers_of_a_log_that_is_replaced_by_an_older_one_begin_again() {
    let (mut place, backup) = (Place::new().await, Place::new().await);
    place.mine(&[(ALICE, 1)]).await;
    let log = Arc::new(Replaced(Mutex::new(place.store.clone())));
    let mut parts = place.parts();
    parts.events = log.clone();
    let server = Server::begin(parts).await;
    let Bystanders { mut stream, mut socket } = Bystanders::of(&server).await;
    *log.0.lock().unwrap() = backup.store.clone();
    assert_eq!(stream.event().await.data["code"], "reset");
    let closed = socket.closed().await;
    let reason: Value = serde_json::from_slice(&closed.payload[2..]).unwrap();
    assert_eq!((closed.close_code(), &reason["code"]), (Some(4010), &json!("reset")));
    // It comes again by its last id, which this log does not have.
    let headers = [("Last-Event-ID", &*stream.last_id)];
    let mut again = Stream::open(server.address, "topics=chains", &headers).await;
    assert_eq!(again.next().await.unwrap().name, "reset");
    let newest = backup.newest().await.to_string();
    again.state("chains").await;
    assert_eq!(again.last_id, newest);
}
