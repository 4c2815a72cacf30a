//! Who did what, from the command line and the configuration to `pledge audit`.

use serde_json::{Value, json};

use crate::node::{NORMAL, Node, token};
use crate::process::{Ended, Folder};

/// A folder whose one token earns, indexed.
fn indexed(node: &Node) -> Folder {
    let folder = Folder::with_config(&format!(
        "[chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ));
    fine(&folder.run(&["index", "--until-head"]));
    folder
}

fn fine(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

fn by(folder: &Folder, user: &str, args: &[&str]) -> Ended {
    let ended = folder.run_with(&[("SUDO_USER", ""), ("USER", user)], args);
    fine(&ended);
    ended
}

fn records(folder: &Folder, args: &[&str]) -> Vec<Value> {
    let listing = folder.run(&[&["audit", "--json"], args].concat());
    fine(&listing);
    listing.json()["records"].as_array().expect("a list").clone()
}

#[test]
fn what_the_configuration_and_persons_did_is_listed_newest_first() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = indexed(&node);
    let plg = token().to_string();
    by(&folder, "olivia", &["pause", "local", "--reason", "moving the node"]);
    by(&folder, "oscar", &["resume", "local"]);
    let paused = by(&folder, "olivia", &["pause", "local", "--token", &plg, "--json"]);
    assert_eq!(paused.json()["status"], "paused", "{}", paused.stdout);
    let status = folder.run(&["status"]).stdout;
    let line = status.lines().find(|line| line.contains(&plg));
    assert!(line.is_some_and(|line| line.contains(" paused")), "{status}");
    let resumed = by(&folder, "oscar", &["resume", "local", "--token", &plg, "--reason", "done"]);
    assert!(resumed.stdout.contains("active (was paused)"), "{}", resumed.stdout);
    let records = records(&folder, &[]);
    let listed: Vec<_> = records
        .iter()
        .map(|record| {
            let actor = &record["by"]["actor"];
            (record["action"].clone(), actor["kind"].clone(), actor["name"].clone())
        })
        .collect();
    let expected = [
        ("resume_token", "command_line", "oscar"),
        ("pause_token", "command_line", "olivia"),
        ("resume_chain", "command_line", "oscar"),
        ("pause_chain", "command_line", "olivia"),
        ("add_programme", "configuration", "chains.local.tokens.plg.points"),
    ];
    let expected = expected.map(|(action, kind, name)| (json!(action), json!(kind), json!(name)));
    assert_eq!(listed, expected);
    assert_eq!(records[3]["by"]["reason"], "moving the node");
    assert_eq!(records[3]["after"], json!({ "status": "paused", "reason": "moving the node" }));
    assert_eq!(records[2]["before"], records[3]["after"]);
}

#[test]
fn a_list_of_acts_is_filtered_and_continued() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = indexed(&node);
    for _ in 0..2 {
        by(&folder, "olivia", &["pause", "local"]);
        by(&folder, "oscar", &["resume", "local"]);
    }
    assert_eq!(records(&folder, &["--actor", "command_line:olivia"]).len(), 2);
    assert_eq!(records(&folder, &["--action", "resume_chain"]).len(), 2);
    assert_eq!(records(&folder, &["--object", "chain:31337"]).len(), 4);
    assert_eq!(records(&folder, &["--object", "chain:1"]).len(), 0);
    let first = folder.run(&["audit", "--limit", "3"]);
    let below = first.stdout.lines().last().and_then(|line| line.split("--below ").nth(1));
    let below = below.expect("the last line gives the next number").trim();
    let rest = records(&folder, &["--below", below]);
    assert_eq!(rest.len(), 2, "{}", first.stdout);
    assert!(first.stdout.contains("command_line:oscar  resume_chain chain:31337"));
    assert!(!folder.run(&["audit"]).stdout.contains("--below"));
}

#[test]
fn a_start_with_the_same_configuration_is_no_act() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = indexed(&node);
    let before = records(&folder, &[]);
    fine(&folder.run(&["index", "--until-head"]));
    assert_eq!(records(&folder, &[]), before);
}

#[test]
fn what_cannot_be_recorded_is_wrong_usage_and_does_nothing() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = indexed(&node);
    let before = records(&folder, &[]);
    for wrong in [
        &["pause", "local", "--reason", ""][..],
        &["pause", "local", "--reason", "two\nlines"],
        &["audit", "--actor", "olivia"],
        &["audit", "--actor", "robot:olivia"],
        &["audit", "--object", "chain"],
        &["audit", "--limit", "0"],
    ] {
        assert_eq!(folder.run(wrong).code, Some(2), "{wrong:?}");
    }
    let nobody = folder.run_with(&[("SUDO_USER", ""), ("USER", "a\tb")], &["pause", "local"]);
    assert_eq!(nobody.code, Some(2), "{}", nobody.stderr);
    assert!(nobody.stderr.contains("USER"), "{}", nobody.stderr);
    assert_eq!(records(&folder, &[]), before);
}
