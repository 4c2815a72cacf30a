//! `pledge demo`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::Folder;

#[test]
fn the_demo_serves_the_worked_case_within_ten_seconds() {
    let started = Instant::now();
    let demo = Folder::new().start(&["demo", "--listen", "127.0.0.1:0"]);
    let chains = demo.get("chains");
    let tokens = demo.get("chains/31337/tokens");
    let token = tokens["items"][0]["address"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let board = demo.get(&format!("chains/31337/tokens/{token}/accounts?sort=points"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(board["items"][0]["points"], "6.666666666666666666", "{board}");
    let account = board["items"][0]["account"].as_str().unwrap();
    let view = demo.get(&format!("chains/31337/tokens/{token}/accounts/{account}"));
    // raw / scale is 20/3: 24e43 / 36e42.
    assert_eq!(view["points_raw"], format!("24{}", "0".repeat(43)));
    assert_eq!(view["points_scale"], format!("36{}", "0".repeat(42)));
    assert!(chains.to_string().contains("market"), "{chains}");
}

#[test]
fn the_demos_addresses_are_short_and_lead_to_the_long_ones() {
    let demo = Folder::new().begin(&["demo", "--listen", "127.0.0.1:0"]);
    let mut asked = 0;
    for path in ["/hour", "/hour/changes", "/market"] {
        let line = demo.wait_for(path, |line| line.ends_with(path));
        let url = line.trim_start_matches("Open").trim();
        assert!(url.len() <= 40, "{url}");
        let server = url.trim_start_matches("http://").trim_end_matches(path);
        let mut stream = TcpStream::connect(server).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 307"), "{answer}");
        assert!(answer.contains("location: /api/v1/chains/3133"), "{answer}");
        asked += 1;
    }
    assert_eq!(asked, 3);
}

#[test]
fn the_demo_stops_on_sigterm() {
    let demo = Folder::new().start(&["demo", "--listen", "127.0.0.1:0"]);
    let (status, took) = demo.terminate();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_request_half_sent_does_not_hold_up_the_end() {
    let demo = Folder::new().start(&["demo", "--listen", "127.0.0.1:0"]);
    let mut half = TcpStream::connect(&demo.server).unwrap();
    half.write_all(b"GET /api/v1/chains HTTP/1.1\r\nhost:").unwrap();
    let (status, took) = demo.terminate();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn the_demo_lives_on_and_its_answers_change() {
    let demo = Folder::new().start(&["demo", "--listen", "127.0.0.1:0", "--speed", "36000"]);
    let market = |chains: &Value| chains["items"][1].clone();
    let before = market(&demo.get("chains"));
    demo.get_until("chains", |chains| {
        let now = market(chains);
        let grew = |key: &str| now[key].as_u64() > before[key].as_u64();
        grew("head_block") && grew("last_confirmed_block") && grew("last_calculated_time")
    });
}

#[test]
fn the_demo_prints_plain_lines_without_a_terminal_and_one_at_its_end() {
    let demo = Folder::new().start(&["demo", "--listen", "127.0.0.1:0", "--speed", "1"]);
    let first = demo.wait_for("market at 2026-01-03T00:00:00Z: head 576", |_| true);
    let (status, rest) = demo.interrupt();
    assert!(status.success());
    let last = rest.last().unwrap_or_else(|| panic!("no line after {first}"));
    assert!(last.contains("market at") && last.contains("behind"), "{last}");
    assert!(!rest.iter().chain([&first]).any(|line| line.contains('\x1b')), "{first}{rest:?}");
}

#[test]
fn the_demo_as_json_prints_its_story_and_nothing_else() {
    let demo = Folder::new().start(&["demo", "--json", "--listen", "127.0.0.1:0"]);
    demo.get_until("chains", |chains| chains["items"][1]["head_block"].as_u64() > Some(576));
    let (status, rest) = demo.interrupt();
    assert!(status.success());
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn a_seed_names_one_market() {
    let story = |seed| {
        let ended = Folder::new().run(&["demo", "--once", "--json", "--seed", seed]);
        ended.json()["market"].clone()
    };
    let (seven, again, eight) = (story("7"), story("7"), story("8"));
    assert_eq!(seven, again);
    assert_ne!(seven["leaders"], eight["leaders"]);
}

#[test]
fn a_speed_of_zero_is_refused_with_an_example() {
    let ended = Folder::new().run(&["demo", "--speed", "0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("such as 600"), "{}", ended.stderr);
}

#[test]
fn the_demo_played_once_prints_its_story_as_json() {
    let ended = Folder::new().run(&["demo", "--once", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let story = ended.json();
    assert_eq!(story["hour"]["earned"]["exact"], "20/3");
    assert!(story["market"]["fork"]["statements_reversed"].as_u64() > Some(0));
    assert_eq!(story["market"]["audit"]["verdict"], "ok");
}

#[test]
fn a_busy_port_is_named_with_a_way_out() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap();
    let ended = Folder::new().run(&["demo", "--listen", &address.to_string()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&address.port().to_string()), "{}", ended.stderr);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}
