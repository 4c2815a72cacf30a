//! Rights that end or change while streams are open, over the whole binary: in the process that did it, and in
//! another one over the same database.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pledge_testing::OwnServer;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::node::{NORMAL, Node, token};
use crate::process::{Folder, Running};
use crate::updates::{Ask, Connection, Message, Way};

const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];
const PASSWORD: &str = "correct horse battery";
/// In the process that did it, and by a hint through Redis in another one: from the request on, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);
/// In another one without Redis: the interval of its own looks, and time for one.
const BY_LOOK: Duration = Duration::from_secs(12);

/// Two servers over one file, and an admin.
struct Stage {
    runtime: Runtime,
    folder: Folder,
    one: Running,
    other: Running,
    admin: String,
    keys: std::cell::Cell<u32>,
    _node: Node,
}

impl Stage {
    fn new(runtime: Runtime, redis: &str) -> Self {
        let node = Node::with_the_first_hour(NORMAL);
        let folder = Folder::with_config(&format!(
            "[server]\npublic_reads = false\n\
             [access]\nsecret_key = \"a secret of thirty-two bytes: 123456\"\ndomain = \"localhost\"\n\
             [storage]\nurl = \"sqlite:pledge.db\"\n{redis}\n\
             [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\n\
             [chains.local.tokens.plg]\naddress = \"{}\"\n",
            node.url(),
            token()
        ));
        let (one, other) = (folder.start(&LISTEN), folder.start(&LISTEN));
        let (admin, keys) = (String::new(), std::cell::Cell::new(0));
        let mut stage = Self { runtime, folder, one, other, admin, keys, _node: node };
        stage.create("anna");
        stage.admin = stage.sign_in("anna");
        stage
    }

    /// Makes a user that may read everything; its id.
    fn create(&self, name: &str) -> String {
        let made = self.folder.run_with_input(PASSWORD, &[], &["admin", "create", name, "--json"]);
        assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    fn sign_in(&self, name: &str) -> String {
        let body = json!({ "name": name, "password": PASSWORD });
        let tokens = self.send(None, "POST", "/auth/password", Some(body));
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// What the first server answers to a write, which it does.
    fn send(&self, bearer: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Value {
        let mut stream = TcpStream::connect(&self.one.server).unwrap();
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let bearer = bearer.map_or(String::new(), |of| format!("authorization: Bearer {of}\r\n"));
        self.keys.set(self.keys.get() + 1);
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{bearer}\
             content-type: application/json\r\nidempotency-key: key-{:08}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.keys.get(),
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {response}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    fn act(&self, method: &str, path: &str, mut body: Value) -> Value {
        body["reason"] = json!("a test");
        self.send(Some(&self.admin), method, path, Some(body))
    }

    /// Streams of a caller: of each way at each server, the first two at the first one.
    fn streams(&self, bearer: &str) -> Vec<Connection> {
        let mut streams = Vec::new();
        for server in [&self.one, &self.other] {
            for way in [Way::EventStream, Way::Socket] {
                let ask = Ask { topics: "chains", after: None, bearer: Some(bearer) };
                streams.push(self.runtime.block_on(async {
                    let mut opened = way.open(&server.server, ask).await.expect("it may read");
                    while !matches!(next(&mut opened).await, Message::State { .. }) {}
                    opened
                }));
            }
        }
        streams
    }

    /// Does something, and measures when each stream is cut with a code.
    fn measure(&self, streams: Vec<Connection>, code: &str, act: impl FnOnce()) -> Vec<Duration> {
        let begun = Instant::now();
        let reading: Vec<_> =
            streams.into_iter().map(|stream| self.runtime.spawn(cut_of(stream, begun))).collect();
        act();
        let cut = async |reading: JoinHandle<(String, Duration)>| {
            let cut = tokio::time::timeout(BY_LOOK, reading).await.expect("a cut in time");
            let (found, after) = cut.expect("no reader panics");
            assert_eq!(found, code);
            after
        };
        let cuts = reading.into_iter().map(|reading| self.runtime.block_on(cut(reading)));
        cuts.collect()
    }

    /// Whether a caller that was cut opens nothing more.
    fn is_out(&self, bearer: &str) -> bool {
        let ask = Ask { topics: "chains", after: None, bearer: Some(bearer) };
        self.runtime.block_on(Way::EventStream.open(&self.other.server, ask)).is_none()
    }
}

/// The code with which a stream is cut, and how long after an instant.
async fn cut_of(mut stream: Connection, begun: Instant) -> (String, Duration) {
    loop {
        if let Message::Cut(code) = next(&mut stream).await {
            return (code, begun.elapsed());
        }
    }
}

async fn next(stream: &mut Connection) -> Message {
    stream.next().await.expect("a stream ends with a code")
}

fn grants(role: &str) -> Value {
    json!({ "grants": [{ "role": role, "chains": null, "tokens": null }] })
}

/// Something that is done to a user, with the token of its session and its id.
type Act = Box<dyn Fn(&Stage, &str, &str)>;

/// What ends or changes the rights of a user: its name, the code of the user's streams, and what is done.
fn cases() -> Vec<(&'static str, &'static str, Act)> {
    let own = |path: &'static str| -> Act {
        Box::new(move |stage, bearer, _| {
            stage.send(Some(bearer), "POST", path, None);
        })
    };
    let of_user = |act: &'static str| -> Act {
        Box::new(move |stage, _, user| {
            stage.act("POST", &format!("/admin/users/{user}/{act}"), json!({}));
        })
    };
    vec![
        ("logout", "session-ended", own("/auth/logout")),
        ("logout-everywhere", "session-ended", own("/auth/logout-everywhere")),
        ("ban", "session-ended", of_user("ban")),
        ("remove", "session-ended", of_user("remove")),
        (
            "grants",
            "rights-changed",
            Box::new(|stage, _, user| {
                stage.act("PUT", &format!("/admin/users/{user}/grants"), grants("member"));
            }),
        ),
        (
            "role",
            "rights-changed",
            Box::new(|stage, _, _| {
                let permissions = json!({ "permissions": ["audit:read"] });
                stage.act("PUT", "/admin/roles/watcher", permissions);
            }),
        ),
        (
            "role-remove",
            "rights-changed",
            Box::new(|stage, _, _| {
                stage.act("POST", "/admin/roles/watcher/remove", json!({}));
            }),
        ),
    ]
}

#[test]
fn what_ends_or_changes_a_right_cuts_its_streams_at_once_and_by_a_hint_those_of_another_process() {
    let runtime = Runtime::new().unwrap();
    let redis = runtime.block_on(OwnServer::redis(&[]));
    let stage = Stage::new(runtime, &format!("redis_url = \"{}\"", redis.url()));
    let watcher = json!({ "role": "watcher", "permissions": ["all:read"] });
    stage.act("POST", "/admin/roles", watcher);
    let mut times = Vec::new();
    for (name, code, act) in cases() {
        let user = stage.create(name);
        if name.starts_with("role") {
            let all = json!({ "permissions": ["all:read"] });
            stage.act("PUT", "/admin/roles/watcher", all);
            stage.act("PUT", &format!("/admin/users/{user}/grants"), grants("watcher"));
        }
        let bearer = stage.sign_in(name);
        let streams = stage.streams(&bearer);
        times.push((name, stage.measure(streams, code, || act(&stage, &bearer, &user))));
        assert!(stage.is_out(&bearer), "{name}");
    }
    let key = json!({ "name": "bot", "owner": null, "until": null });
    let mut key = key.as_object().unwrap().clone();
    key.extend(grants("viewer").as_object().unwrap().clone());
    let made = stage.act("POST", "/admin/api-keys", key.into());
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let revoke = || drop(stage.act("POST", &format!("/admin/api-keys/{id}/revoke"), json!({})));
    let streams = stage.streams(secret);
    times.push(("key", stage.measure(streams, "session-ended", revoke)));
    assert!(stage.is_out(secret));
    for (name, times) in times {
        println!("{name}: same process {:?}, other {:?}", &times[..2], &times[2..]);
        assert!(times.iter().all(|time| *time < AT_ONCE), "{name}: {times:?}");
    }
}

#[test]
fn without_redis_the_streams_of_another_process_are_cut_within_its_look() {
    let stage = Stage::new(Runtime::new().unwrap(), "");
    let user = stage.create("victor");
    let bearer = stage.sign_in("victor");
    let ban = || drop(stage.act("POST", &format!("/admin/users/{user}/ban"), json!({})));
    let times = stage.measure(stage.streams(&bearer), "session-ended", ban);
    println!("same process {:?}, other {:?}", &times[..2], &times[2..]);
    assert!(times[..2].iter().all(|time| *time < AT_ONCE), "{times:?}");
}
