//! What the server bounds and writes down, and how it stops under load.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pledge_testing::OwnServer;
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token};
use crate::process::{Folder, Running};

const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];

/// A configuration with these sections before that of its chain.
fn config(node: &Node, sections: &str) -> String {
    format!(
        "{sections}\n[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\n\
         poll_interval = \"50ms\"\n[chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    )
}

/// The longest answer about an account: its points in hundreds of buckets.
fn dear_path() -> String {
    let account = account(1);
    format!(
        "/api/v1/chains/{CHAIN}/tokens/{}/accounts/{account}/points?from={THREE_PM}&bucket=5s&limit=1000",
        token()
    )
}

fn until_live(server: &Running) {
    server.get_until(&format!("chains/{CHAIN}"), |chain| chain["status"] == "live");
}

/// Status, head and body of an answer; `None` if it does not come whole.
fn fetch(stream: &mut TcpStream, path: &str, lines: &str) -> Option<(u16, String, String)> {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (length.parse() == Ok(body.len())).then(|| (status, head.to_owned(), body.to_owned()))
}

/// Waits for a state that the server comes to by itself.
fn until(is: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn get(server: &str, path: &str, lines: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server).unwrap();
    fetch(&mut stream, path, lines).expect("a whole answer")
}

#[test]
fn readers_beyond_their_turns_are_busy_and_nothing_else_suffers() {
    let node = Node::with_the_first_hour(NORMAL);
    let limits = "[limits]\nreads_concurrent = 1\nreads_waiting = 0\nrequests_per_second = 0";
    let folder = Folder::with_config(&config(&node, limits));
    let server = folder.start(&LISTEN);
    until_live(&server);
    let path = dear_path();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| (0..10).map(|_| get(&server.server, &path, "").0).collect()))
            .collect();
        server.get_until("/readyz", |ready| ready["status"] == "ready");
        let all = readers.into_iter().map(|reader| reader.join().unwrap());
        all.flat_map(|statuses: Vec<u16>| statuses).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert!(count(200) > 0 && count(503) > 0, "{statuses:?}");
    assert_eq!(count(200) + count(503), statuses.len(), "{statuses:?}");
    server.get_until("/readyz", |ready| ready["status"] == "ready");
}

#[test]
fn a_request_is_one_line_in_the_access_log_with_the_id_of_its_answer() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node, "[logs]\ndir = \"logs\""));
    let server = folder.start(&LISTEN);
    let (status, head, _) = get(&server.server, "/api/v1/nothing?key=s3cret", "");
    assert_eq!(status, 404);
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let line = server.wait_for("pledge::access", |line| line.contains(id));
    assert!(line.contains("/api/v1/nothing") && line.contains("status=404"), "{line}");
    assert!(server.terminate().0.success());
    let read = |name| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
    assert!(read("access.log").contains(id) && !read("access.log").contains("s3cret"));
    assert!(!read("app.log").contains(id), "{}", read("app.log"));
}

#[test]
fn instances_count_a_client_together_and_each_alone_without_redis() {
    const BURST: usize = 20;
    let runtime = Runtime::new().unwrap();
    let mut redis = runtime.block_on(OwnServer::redis(&[]));
    let node = Node::with_the_first_hour(NORMAL);
    let sections = format!(
        "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [limits]\nrequests_per_second = 1\nburst = {BURST}\n\
         [storage]\nredis_url = \"{}\"",
        redis.url()
    );
    let folder = Folder::with_config(&config(&node, &sections));
    let servers = [folder.start(&LISTEN), folder.start(&LISTEN)];
    let allowed = |client: &str| {
        let line = format!("x-forwarded-for: {client}\r\n");
        let statuses: Vec<u16> = (0..BURST)
            .flat_map(|_| servers.each_ref().map(|server| get(&server.server, "/", &line).0))
            .collect();
        let refused = statuses.iter().filter(|status| **status == 429).count();
        assert!(statuses.iter().all(|status| [404, 429].contains(status)), "{statuses:?}");
        statuses.len() - refused
    };
    let begun = Instant::now();
    let together = allowed("203.0.113.1");
    let passed = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!((BURST..=BURST + passed).contains(&together), "{together} in {passed} s");
    redis.kill();
    let begun = Instant::now();
    let apart = allowed("203.0.113.2");
    let passed = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!((2 * BURST..=2 * (BURST + passed)).contains(&apart), "{apart} in {passed} s");
}

#[test]
fn rates_have_a_connection_to_redis_of_their_own() {
    let redis = Runtime::new().unwrap().block_on(OwnServer::redis(&[]));
    let node = Node::with_the_first_hour(NORMAL);
    let sections = format!("[storage]\nredis_url = \"{}\"", redis.url());
    let folder = Folder::with_config(&config(&node, &sections));
    let server = folder.start(&LISTEN);
    until_live(&server);
    let mut own = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let listed: String = redis::cmd("CLIENT").arg("LIST").query(&mut own).unwrap();
    // A call that is too slow gives its connection up: for a request it must not be that of the leases.
    assert_eq!(listed.lines().count(), 4, "three, one of hints, and that of this test:\n{listed}");
}

/// What became of the requests of one client.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    /// When each connection was made whose request had no whole answer.
    lost: std::sync::Mutex<Vec<Instant>>,
}

impl Load {
    /// One request a connection, until nothing listens.
    fn run(&self, server: &str, path: &str) {
        while let Ok(mut stream) = TcpStream::connect(server) {
            let connected = Instant::now();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            match fetch(&mut stream, path, "") {
                Some((200, ..)) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                _ => self.lost.lock().unwrap().push(connected),
            }
        }
    }
}

#[test]
fn a_stop_under_load_answers_what_was_accepted_and_ends_in_time() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node, "[limits]\nrequests_per_second = 0"));
    let server = folder.start(&LISTEN);
    until_live(&server);
    let (address, path) = (server.server.clone(), format!("/api/v1/chains/{CHAIN}"));
    let load = Load::default();
    let (begun, took) = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| load.run(&address, &path));
        }
        while load.answered.load(Ordering::SeqCst) < 300 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let begun = Instant::now();
        let (status, took) = server.terminate();
        assert!(status.success());
        (begun, took)
    });
    let lost = load.lost.into_inner().unwrap();
    // Who connected while the server closed its port cannot know whether it was accepted.
    let accepted = lost.iter().filter(|connected| **connected < begun).count();
    assert_eq!(accepted, 0, "{} answered", load.answered.into_inner());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_hang_up_reads_the_level_of_the_log_again() {
    let node = Node::with_the_first_hour(NORMAL);
    // The burst shows that the file was read, also where nothing is logged of that.
    let written = |level, burst| {
        config(&node, &format!("[logs]\nlevel = \"{level}\"\n[limits]\nburst = {burst}"))
    };
    let folder = Folder::with_config(&written("warn", 201));
    let file = folder.path().join("pledge.toml");
    let server = folder.start(&LISTEN);
    for (level, burst, lines) in [("info", 202, 1), ("error", 203, 1), ("info", 204, 2)] {
        std::fs::write(&file, written(level, burst)).unwrap();
        server.hang_up();
        let policy = format!("ratelimit-policy: \"client\";q={burst};");
        until(|| get(&server.server, "/api/v1/chains", "").1.contains(&policy));
        if level == "info" {
            server.wait_for("read again: ", |line| line.contains("logs.level"));
        }
        let printed = server.printed();
        assert_eq!(printed.matches("read again: ").count(), lines, "{level}: {printed}");
        assert!(!printed.contains("listening on"), "{printed}");
    }
    assert!(server.terminate().0.success());
}

#[test]
fn a_hang_up_reads_rates_and_origins_again_and_names_what_it_cannot() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node, ""));
    let file = folder.path().join("pledge.toml");
    let server = folder.start(&LISTEN);
    let origin = "origin: https://app.example\r\n";
    let may_read = || {
        let (_, head, _) = get(&server.server, "/api/v1/chains", origin);
        head.contains("access-control-allow-origin: https://app.example")
    };
    assert!(!may_read());
    let sections = "[server]\nallowed_origins = [\"https://app.example\"]\n\
                    [limits]\nbody_bytes = 7\nburst = 201";
    std::fs::write(&file, config(&node, sections)).unwrap();
    server.hang_up();
    server.wait_for("read again: server.allowed_origins", |_| true);
    server.wait_for("only a start reads them: limits.body_bytes", |_| true);
    assert!(may_read());
    let (_, head, _) = get(&server.server, "/api/v1/chains", "");
    assert!(head.contains("ratelimit-policy: \"client\";q=201;"), "{head}");
    std::fs::write(&file, config(&node, "[server]\nallowed_origins = [\"*\"]")).unwrap();
    server.hang_up();
    server.wait_for("the old one stays", |line| line.contains("server.allowed_origins[0]"));
    assert!(may_read());
    assert!(server.terminate().0.success());
}
