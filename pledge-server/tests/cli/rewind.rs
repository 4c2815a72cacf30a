//! Recovery of a chain that was halted by a reorg deeper than the held headers.

use pledge_core::primitives::Address;
use serde_json::json;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

/// A settled ledger, and then a fork above block 4 that is below every header held.
fn halted() -> (Node, Folder) {
    let node = Node::with_the_first_hour(NORMAL);
    node.mine(THREE_PM + 7_200, account(1), account(2), tokens(50));
    node.mine_empty(THREE_PM + 7_300, 100);
    let folder = Folder::with_config(&format!(
        "[chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\nretained_headers = 64\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ));
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    assert_eq!(folder.run(&["settle", "--until-settled"]).code, Some(0));
    node.chain.fork_at(4);
    node.mine(THREE_PM + 7_201, Address::ZERO, account(3), tokens(7));
    node.mine_empty(THREE_PM + 7_300, 120);
    let ended = folder.run(&["index", "--until-head"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("`pledge rewind`"), "{}{}", ended.stdout, ended.stderr);
    (node, folder)
}

#[test]
fn a_halted_chain_is_taken_back_resumed_and_right_again() {
    let (_node, folder) = halted();
    let status = folder.run(&["status"]).stdout;
    assert!(status.contains("`pledge rewind local --to BLOCK`"), "{status}");
    let rewound = folder.run(&["rewind", "local", "--to", "4", "--reason", "a deep fork"]);
    assert_eq!(rewound.code, Some(0), "{}", rewound.stderr);
    assert!(rewound.stdout.contains("2 changes undone"), "{}", rewound.stdout);
    let status = folder.run(&["status", "--json"]).json();
    let token = &status["chains"][0]["tokens"][0];
    assert_eq!((&token["reorgs"], &token["rewinds"]), (&json!(0), &json!(1)), "{status}");
    assert_eq!(folder.run(&["resume", "local"]).code, Some(0));
    for command in [&["index", "--until-head"][..], &["settle", "--until-settled"], &["verify"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, Some(0), "{command:?}: {}{}", ended.stdout, ended.stderr);
    }
    let status = folder.run(&["status", "--json"]).json();
    assert_eq!(status["chains"][0]["tokens"][0]["holders"], 2, "{status}");
}

#[test]
fn a_block_above_the_fork_is_refused_with_where_to_look() {
    let (_node, folder) = halted();
    let ended = folder.run(&["rewind", "local", "--to", "30"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert!(ended.stderr.contains("name one below 11"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("the store failed"), "{}", ended.stderr);
}

#[test]
fn a_block_that_is_not_below_the_ledger_is_a_wrong_argument() {
    let (_node, folder) = halted();
    for block in ["105", "99999"] {
        let ended = folder.run(&["rewind", "local", "--to", block]);
        assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
        let remedy = format!("--to {block}: nothing is above that block: name one below 105,");
        assert!(ended.stderr.contains(&remedy), "{}", ended.stderr);
    }
}

#[test]
fn a_name_that_two_chains_have_is_refused_with_their_ids() {
    let folder = Folder::new();
    for chain in [CHAIN, 5] {
        let node = Node::start_as(chain, NORMAL);
        let toml = format!(
            "[chains.local]\nchain_id = {chain}\nrpc_urls = [\"{}\"]\n\
             [chains.local.tokens.plg]\naddress = \"{}\"\n",
            node.url(),
            token()
        );
        std::fs::write(folder.path().join("pledge.toml"), toml).unwrap();
        let ended = folder.run(&["index", "--until-head"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    for command in [&["pause"][..], &["resume"], &["rewind", "--to", "1"]] {
        let ended = folder.run(&[command, &["local"]].concat());
        assert_eq!(ended.code, Some(2), "{command:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("local (5), local (31337)"), "{}", ended.stderr);
    }
    let reason = "moving the node";
    let paused = folder.run(&["pause", "5", "--reason", reason]);
    assert_eq!(paused.code, Some(0), "{}", paused.stderr);
    let status = folder.run(&["status"]).stdout;
    assert!(status.contains("local (5) paused: moving the node"), "{status}");
    let status = folder.run(&["status", "--json"]).json();
    assert_eq!(status["chains"][0]["reason"], reason, "{status}");
    assert_eq!(status["chains"][1]["status"], "live", "{status}");
}

#[test]
fn a_chain_that_is_followed_is_not_taken_back() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&format!(
        "[chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    ));
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    let ended = folder.run(&["rewind", "local", "--to", "1"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("`pledge pause local` first"), "{}", ended.stderr);
    assert_eq!(folder.run(&["pause", "local"]).code, Some(0));
    let rewound = folder.run(&["rewind", "local", "--to", "1", "--json"]);
    assert_eq!(rewound.json()["tokens"][0]["changes_removed"], 1, "{}", rewound.stdout);
    let ended = folder.run(&["rewind", "other", "--to", "1"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
