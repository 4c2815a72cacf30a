//! Who did what, from the command line and the configuration to `pledge audit`.

use std::process::Command;

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

/// The login name of who runs these tests.
fn login() -> String {
    let id = Command::new("id").args(["-u", "-n", "-r"]).output().expect("every unix has it");
    String::from_utf8(id.stdout).expect("a name").trim().to_owned()
}

/// Runs a command for which the environment has a name in each of the usual variables.
fn with_names(folder: &Folder, name: &str, sudo_user: &str, args: &[&str]) -> Ended {
    let names = [("SUDO_USER", sudo_user), ("USER", name), ("LOGNAME", name)];
    let ended = folder.run_with(&names, args);
    fine(&ended);
    ended
}

fn run(folder: &Folder, args: &[&str]) -> Ended {
    with_names(folder, "olivia", "", args)
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
    run(&folder, &["pause", "local", "--reason", "moving the node"]);
    run(&folder, &["resume", "local"]);
    let paused = run(&folder, &["pause", "local", "--token", &plg, "--json"]);
    assert_eq!(paused.json()["status"], "paused", "{}", paused.stdout);
    let status = folder.run(&["status"]).stdout;
    let line = status.lines().find(|line| line.contains(&plg));
    assert!(line.is_some_and(|line| line.contains(" paused")), "{status}");
    let resumed = run(&folder, &["resume", "local", "--token", &plg, "--reason", "done"]);
    assert!(resumed.stdout.contains("active (was paused)"), "{}", resumed.stdout);
    let records = records(&folder, &[]);
    let listed: Vec<_> = records
        .iter()
        .map(|record| {
            let actor = &record["by"]["actor"];
            (record["action"].clone(), actor["kind"].clone(), actor["name"].clone())
        })
        .collect();
    let me = login();
    let expected = [
        ("resume_token", "command_line", &*me),
        ("pause_token", "command_line", &me),
        ("resume_chain", "command_line", &me),
        ("pause_chain", "command_line", &me),
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
        run(&folder, &["pause", "local"]);
        run(&folder, &["resume", "local"]);
    }
    let me = format!("command_line:{}", login());
    assert_eq!(records(&folder, &["--actor", &me]).len(), 4);
    assert_eq!(records(&folder, &["--actor", "command_line:nobody else"]).len(), 0);
    assert_eq!(records(&folder, &["--action", "resume_chain"]).len(), 2);
    assert_eq!(records(&folder, &["--object", "chain:31337"]).len(), 4);
    assert_eq!(records(&folder, &["--object", "chain:1"]).len(), 0);
    let first = folder.run(&["audit", "--limit", "3"]);
    let below = first.stdout.lines().last().and_then(|line| line.split("--below ").nth(1));
    let below = below.expect("the last line gives the next number").trim();
    let rest = records(&folder, &["--below", below]);
    assert_eq!(rest.len(), 2, "{}", first.stdout);
    assert!(first.stdout.contains(&format!("{me}  resume_chain chain:31337")));
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
    assert_eq!(records(&folder, &[]), before);
}

/// `sudo` names its caller to root; what anyone writes into a variable is no name.
#[test]
fn only_root_acts_for_whom_a_variable_names() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = indexed(&node);
    with_names(&folder, "oscar", "olivia", &["pause", "local"]);
    let me = login();
    let named = if me == "root" { "olivia" } else { &*me };
    assert_eq!(records(&folder, &[])[0]["by"]["actor"]["name"], named);
}
