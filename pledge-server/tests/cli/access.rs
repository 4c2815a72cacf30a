//! Who may do what, from the first admin to the last request of a banned user, over the whole binary.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::node::{NORMAL, Node, token};
use crate::process::{Folder, Running};

const PASSWORD: &str = "correct horse battery";

fn config(node: &Node) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         [access]\nsecret_key = \"a secret of thirty-two bytes: 123456\"\ndomain = \"localhost\"\n\
         [storage]\nurl = \"sqlite:pledge.db\"\n\
         [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    )
}

/// The answer to a request below the API: its status and its document.
fn send(
    server: &Running,
    token: Option<&str>,
    (method, path): (&str, &str),
    key: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(&server.server).unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let bearer = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    let request = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{bearer}\
         content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn create(folder: &Folder, name: &str) -> String {
    let made = folder.run_with_input(PASSWORD, &[], &["admin", "create", name, "--json"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn sign_in(server: &Running, name: &str) -> String {
    let body = json!({ "name": name, "password": PASSWORD });
    let (status, tokens) = send(server, None, ("POST", "/auth/password"), "", Some(body));
    assert_eq!((status, &tokens["role"]), (200, &json!("admin")), "{tokens}");
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_pause_over_http_is_done_once_and_a_banned_admin_is_out_at_once() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node));
    let (_, victor) = (create(&folder, "anna"), create(&folder, "victor"));
    let server = folder.start(&["run"]);
    let (anna, theirs) = (sign_in(&server, "anna"), sign_in(&server, "victor"));
    let because = || Some(json!({ "reason": "moving the node" }));
    let pause = ("POST", "/chains/31337/pause");
    let first = send(&server, Some(&theirs), pause, "pause-0001", because());
    assert_eq!((first.0, &first.1["status"]), (200, &json!("paused")), "{}", first.1);
    assert_eq!(send(&server, Some(&theirs), pause, "pause-0001", because()), first);
    let audit = folder.run(&["audit", "--json", "--action", "pause_chain"]).json();
    let records = audit["records"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{audit}");
    let by = &records[0]["by"];
    assert_eq!(by["actor"], json!({ "kind": "person", "name": "victor" }));
    assert_eq!((&by["reason"], &by["address"]), (&json!("moving the node"), &json!("127.0.0.1")));
    assert!(by["request"].as_str().is_some_and(|id| id.len() == 32), "{by}");
    let me = ("GET", "/auth/me");
    assert_eq!(send(&server, Some(&theirs), me, "", None).0, 200);
    let ban = format!("/admin/users/{victor}/ban");
    let (status, banned) = send(&server, Some(&anna), ("POST", &ban), "ban-00001", because());
    assert_eq!(status, 200, "{banned}");
    let (status, problem) = send(&server, Some(&theirs), me, "", None);
    assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")));
    assert!(!server.printed().contains(PASSWORD) && !server.printed().contains(&anna));
}

#[test]
fn a_rewind_over_http_asks_the_configured_node() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node));
    create(&folder, "anna");
    let server = folder.start(&["run"]);
    let token = sign_in(&server, "anna");
    server.get_until("chains/31337", |chain| chain["last_confirmed_block"].as_u64() >= Some(4));
    let because = || Some(json!({ "reason": "a deep fork" }));
    send(&server, Some(&token), ("POST", "/chains/31337/pause"), "pause-0001", because());
    let (status, plan) =
        send(&server, Some(&token), ("GET", "/chains/31337/rewind?to_block=1"), "", None);
    assert_eq!(status, 200, "{plan}");
    let body = json!({ "to_block": 1, "digest": plan["digest"], "reason": "a deep fork" });
    let rewind = ("POST", "/chains/31337/rewind");
    let (status, done) = send(&server, Some(&token), rewind, "rewind-001", Some(body));
    assert_eq!((status, &done["changes_removed"]), (200, &json!(1)), "{done}");
}

#[test]
fn where_reading_is_not_public_a_token_opens_it() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = config(&node).replace("[server]\n", "[server]\npublic_reads = false\n");
    let folder = Folder::with_config(&toml);
    create(&folder, "anna");
    let server = folder.start(&["run"]);
    assert_eq!(send(&server, None, ("GET", "/chains"), "", None).0, 401);
    let token = sign_in(&server, "anna");
    assert_eq!(send(&server, Some(&token), ("GET", "/chains"), "", None).0, 200);
}

#[test]
fn one_address_signs_in_only_so_often() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config(&node));
    let server = folder.start(&["run"]);
    let statuses: Vec<u16> =
        (0..60).map(|_| send(&server, None, ("POST", "/auth/nonce"), "", None).0).collect();
    assert_eq!(statuses[0], 200);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(send(&server, None, ("GET", "/chains"), "", None).0, 200, "readers are not slowed");
}
