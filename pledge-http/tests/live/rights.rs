//! Who may follow what, and until when.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::event::EventSeq;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{ChainReport, Registry};
use pledge_http::live::{EventHints, Hub};
use pledge_office::access::{
    Authenticator, Caller, Credential, RightsOf, RightsWatch, Scope, Unauthenticated,
};
use pledge_office::base::StoreTime;
use serde_json::json;

use crate::support::{
    ALICE, CHAIN, Door, Place, Server, Socket, Stream, account_topic, caller, soon,
};

fn viewer() -> Caller {
    caller(1, "viewer", Scope::Everywhere)
}

fn member() -> Caller {
    caller(2, "member", Scope::Everywhere)
}

fn scoped() -> Caller {
    let scope = Scope::Within { chains: [CHAIN].into(), tokens: [].into() };
    caller(3, "viewer", scope)
}

fn door() -> Arc<Door> {
    Arc::new(Door::of(&[("view", viewer()), ("member", member()), ("scoped", scoped())]))
}

/// Longer than any test: what is found before it was found by a hint.
const NEVER: Duration = Duration::from_secs(3_600);

/// A server with a door, where reading is public or not.
async fn guarded(public_reads: bool) -> (Place, Server, Arc<Door>) {
    let place = Place::new().await;
    let door = door();
    let mut parts = place.parts();
    parts.authenticator = Some(door.clone());
    parts.public_reads = public_reads;
    (place, Server::begin(parts).await, door)
}

async fn status(server: &Server, topics: &str, token: Option<&str>) -> (u16, String) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|value| ("Authorization", value.as_str())).collect();
    let path = format!("/api/v1/stream?topics={topics}");
    let (status, problem) = Stream::answer(server.address, &path, &headers).await;
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn each_topic_is_open_to_whom_its_object_is_shown() {
    let account = account_topic(ALICE);
    let no = |status: u16, code: &str| (status, code.to_owned());
    let yes = || (200, String::new());
    let (_place, server, _door) = guarded(true).await;
    for topics in ["chains", "settlements", &account] {
        assert_eq!(status(&server, topics, None).await, yes(), "{topics}");
        assert_eq!(status(&server, topics, Some("member")).await, yes(), "{topics}");
        assert_eq!(status(&server, topics, Some("?")).await, no(401, "unauthenticated"));
    }
    let (_place, server, _door) = guarded(false).await;
    for topics in ["chains", "settlements", &account] {
        assert_eq!(status(&server, topics, None).await, no(401, "unauthenticated"), "{topics}");
        assert_eq!(status(&server, topics, Some("member")).await, no(403, "forbidden"), "{topics}");
        assert_eq!(status(&server, topics, Some("view")).await, yes(), "{topics}");
    }
    assert_eq!(status(&server, &account, Some("scoped")).await, yes());
    assert_eq!(status(&server, "chains", Some("scoped")).await, no(403, "forbidden"));
}

#[tokio::test]
async fn a_topic_without_right_is_refused_over_a_socket_and_the_others_of_the_message_too() {
    let (_place, server, _door) = guarded(false).await;
    let headers = [("Authorization", "Bearer scoped")];
    let mut socket = Socket::open(server.address, "/api/v1/ws", &headers).await.unwrap();
    let topics = json!({ "op": "subscribe", "topics": ["chains", account_topic(ALICE)] });
    socket.send(&topics.to_string()).await;
    let error = socket.message("error").await;
    assert_eq!(error["problem"]["code"], "forbidden");
    assert_eq!(server.hub.counts().topics, 0);
}

/// As for every other route: a proxy could read the other one.
#[tokio::test]
async fn two_credentials_are_none() {
    let (_place, server, _door) = guarded(true).await;
    let path = "/api/v1/stream?topics=chains";
    for second in ["Bearer member", "Bearer view", "Basic YTpi", ""] {
        let headers = [("Authorization", "Bearer view"), ("Authorization", second)];
        let (status, problem) = Stream::answer(server.address, path, &headers).await;
        assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")), "{second}");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_stream_and_no_second() {
    let (_place, server, _door) = guarded(false).await;
    let path = "/api/v1/stream?topics=chains&ticket=ticket-view";
    let open = async || Stream::answer(server.address, path, &[]).await.0;
    let (first, second) = tokio::join!(open(), open());
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(both, [200, 401]);
    let again = Socket::open(server.address, "/api/v1/ws?ticket=ticket-view", &[]).await;
    assert_eq!(again.unwrap_err().1["code"], "unauthenticated");
}

async fn halt(place: &Place, reason: &str) {
    let status = ChainStatus::Halted(reason.to_owned());
    let report = ChainReport { chain: CHAIN, status, head: None, head_time: None, processed: None };
    place.store.report_chain(&report).await.expect("a store in memory");
}

#[tokio::test]
async fn texts_of_nodes_are_for_viewers_alone() {
    let (place, server, _door) = guarded(true).await;
    let mut public = server.stream("chains").await;
    let view = [("Authorization", "Bearer view")];
    let mut viewer = Stream::open(server.address, "topics=chains", &view).await;
    public.state("chains").await;
    viewer.state("chains").await;
    halt(&place, "https://s3cret@node refuses").await;
    for (stream, is_shown) in [(&mut public, false), (&mut viewer, true)] {
        let halted = stream.until(|message| message.name == "chain_halted").await;
        assert_eq!(halted.data.to_string().contains("s3cret"), is_shown);
        let state = stream.until(|one| one.data["state"]["status"] == "halted").await;
        assert_eq!(state.data.to_string().contains("s3cret"), is_shown);
    }
    let query = "topics=chains&after=0";
    let mut replayed = Stream::open(server.address, query, &[]).await;
    let halted = replayed.until(|message| message.name == "chain_halted").await;
    assert!(!halted.data.to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_reader_whose_session_ends_is_cut_with_a_code_and_the_others_stay() {
    let (mut place, server, door) = guarded(false).await;
    let bearer = |token: &'static str| [("Authorization", token)];
    let open = async |headers| Stream::open(server.address, "topics=chains", headers).await;
    let mut ends = open(&bearer("Bearer view")).await;
    let account = account_topic(ALICE);
    let mut stays =
        Stream::open(server.address, &format!("topics={account}"), &bearer("Bearer scoped")).await;
    let mut socket =
        Socket::open(server.address, "/api/v1/ws", &bearer("Bearer view")).await.unwrap();
    door.end("view");
    let cut = ends.event().await;
    assert_eq!(cut.data, json!({ "code": "session-ended", "retry_after_ms": null }));
    assert_eq!(ends.next().await, None);
    assert_eq!(socket.closed().await.close_code(), Some(4401));
    stays.state(&account).await;
    place.mine(&[(ALICE, 5)]).await;
    stays.until(|message| message.data["state"]["balance"] == "105").await;
}

#[tokio::test]
async fn each_stream_ends_with_the_token_that_opened_it() {
    let at = |millis| StoreTime::new(millis).unwrap();
    let (_place, server, door) = guarded(true).await;
    let mut streams = Vec::new();
    // Of one session, and the one with more time is the first.
    for until in [2_000, 1_000] {
        door.change("view", Caller { until: Some(at(until)), ..viewer() });
        let headers = [("Authorization", "Bearer view")];
        streams.push(Stream::open(server.address, "topics=chains", &headers).await);
    }
    let [mut later, mut sooner] = <[Stream; 2]>::try_from(streams).ok().unwrap();
    door.set_clock(at(1_000));
    assert_eq!(sooner.event().await.data["code"], "session-ended");
    assert_eq!(server.hub.counts().readers, 1);
    door.set_clock(at(2_000));
    assert_eq!(later.event().await.data["code"], "session-ended");
}

#[tokio::test]
async fn a_reader_whose_rights_change_is_cut_and_sees_what_it_may_when_it_comes_again() {
    let (_place, server, door) = guarded(false).await;
    let headers = [("Authorization", "Bearer view")];
    let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
    door.change("view", Caller { grants: Vec::new(), ..viewer() });
    let cut = stream.event().await;
    assert_eq!(cut.data["code"], "rights-changed");
    assert_eq!(status(&server, "chains", Some("view")).await, (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_for_a_while_cuts_those_who_are_signed_in() {
    let (_place, server, door) = guarded(true).await;
    let headers = [("Authorization", "Bearer view")];
    let mut signed_in = Stream::open(server.address, "topics=chains", &headers).await;
    let mut anonymous = server.stream("chains").await;
    door.go_away(true);
    let cut = signed_in.event().await;
    assert_eq!(cut.data["code"], "unavailable");
    anonymous.state("chains").await;
    assert_eq!(server.hub.counts().readers, 1);
}

#[tokio::test]
async fn readers_of_one_session_are_checked_once() {
    let (_place, server, door) = guarded(true).await;
    let headers = [("Authorization", "Bearer view")];
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(server.address, "topics=chains", &headers).await);
    }
    let before = door.checks();
    let rounds = async {
        while door.checks() < before + 5 {
            tokio::task::yield_now().await;
        }
    };
    let began = tokio::time::Instant::now();
    soon("five checks", rounds).await;
    // One in a round of 20 ms; twenty readers checked one by one would be through in one round.
    assert!(began.elapsed() >= std::time::Duration::from_millis(60));
}

/// What other instances are notified of.
#[derive(Debug, Default)]
struct Noted(Mutex<Vec<RightsOf>>);

#[async_trait]
impl EventHints for Noted {
    async fn publish(&self, _: EventSeq) {}

    async fn publish_rights(&self, of: RightsOf) {
        self.0.lock().expect("no holder panics").push(of);
    }
}

fn rights_of(caller: &Caller) -> RightsOf {
    RightsOf::caller(caller).expect("a person")
}

#[tokio::test]
async fn a_change_of_rights_is_looked_at_at_once_and_passed_on_to_other_instances() {
    let place = Place::new().await;
    let (door, noted) = (door(), Arc::new(Noted::default()));
    let mut parts = place.parts();
    parts.authenticator = Some(door.clone());
    parts.limits.check_every = NEVER;
    parts.hints = Some(noted.clone());
    let server = Server::begin(parts).await;
    let headers = [("Authorization", "Bearer view")];
    let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
    let mut socket = Socket::open(server.address, "/api/v1/ws", &headers).await.unwrap();
    let other = [("Authorization", "Bearer member")];
    let mut stays = Stream::open(server.address, "topics=chains", &other).await;
    door.end("view");
    server.hub.rights_changed(rights_of(&viewer()));
    assert_eq!(stream.event().await.data["code"], "session-ended");
    assert_eq!(socket.closed().await.close_code(), Some(4401));
    // Another instance has done something to the other one: that is not passed on again.
    door.change("member", Caller { grants: Vec::new(), ..member() });
    server.hub.hint_rights(rights_of(&member()));
    assert_eq!(stays.event().await.data["code"], "rights-changed");
    assert_eq!(*noted.0.lock().unwrap(), [rights_of(&viewer())]);
}

#[tokio::test]
async fn a_change_that_cannot_be_looked_at_now_is_looked_at_again() {
    let place = Place::new().await;
    let door = door();
    let mut parts = place.parts();
    parts.authenticator = Some(door.clone());
    parts.limits.check_every = NEVER;
    let server = Server::begin(parts).await;
    let headers = [("Authorization", "Bearer view")];
    let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
    door.go_away(true);
    door.end("view");
    server.hub.rights_changed(RightsOf::Everyone);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.hub.counts().readers, 1, "nobody knows yet");
    door.go_away(false);
    assert_eq!(stream.event().await.data["code"], "session-ended");
}

/// Lets a caller in whose session ends in the same moment.
#[derive(Debug, Default)]
struct EndsAtOnce {
    door: Door,
    hub: OnceLock<Hub>,
}

#[async_trait]
impl Authenticator for EndsAtOnce {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, Unauthenticated> {
        let caller = self.door.authenticate(credential).await?;
        self.door.end("view");
        self.hub.get().expect("it is set").rights_changed(rights_of(&caller));
        // So that the hub has looked before the reader is one.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(caller)
    }

    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated> {
        self.door.check_again(caller).await
    }
}

#[tokio::test]
async fn a_session_that_ends_while_its_stream_opens_is_cut() {
    let place = Place::new().await;
    let door =
        Arc::new(EndsAtOnce { door: Door::of(&[("view", viewer())]), ..EndsAtOnce::default() });
    let mut parts = place.parts();
    parts.authenticator = Some(door.clone());
    parts.limits.check_every = NEVER;
    let server = Server::begin(parts).await;
    door.hub.set(server.hub.clone()).unwrap();
    let headers = [("Authorization", "Bearer view")];
    let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
    assert_eq!(stream.event().await.data["code"], "session-ended");
}
