//! `pledge export` and `pledge import`: a backup, and the way from one kind of store into another.

use std::fs;
use std::path::{Path, PathBuf};

use pledge_core::primitives::Address;
use pledge_testing::MySqlPlace;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::node::{NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::{Ended, Folder};

fn folder(node: &Node, storage: &str) -> Folder {
    Folder::with_config(&format!(
        "[storage]\nurl = \"{storage}\"\n\
         [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ))
}

fn fine(folder: &Folder, arguments: &[&str]) -> Ended {
    let ended = folder.run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    ended
}

/// A settled ledger in a file, and its archive.
fn exported(node: &Node) -> (Folder, PathBuf, Value) {
    let folder = folder(node, "sqlite:pledge.db");
    fine(&folder, &["index", "--until-head"]);
    fine(&folder, &["settle", "--until-settled"]);
    let report = fine(&folder, &["export", "--to", "backup", "--json"]).json();
    let archive = folder.path().join("backup/ledger.jsonl");
    assert!(archive.exists());
    (folder, archive, report)
}

fn import(into: &Folder, archive: &Path) -> Ended {
    let from = archive.parent().unwrap().to_str().unwrap();
    into.run(&["import", "--from", from, "--json"])
}

#[test]
fn a_ledger_moves_from_a_file_to_a_server_and_back_and_goes_on_there() {
    let node = Node::with_the_first_hour(NORMAL);
    let (file, archive, report) = exported(&node);
    let place = Runtime::new().unwrap().block_on(MySqlPlace::new());
    let server = folder(&node, &place.url());
    let imported = import(&server, &archive);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    assert_eq!(imported.json()["digest"], report["digest"]);
    let back = folder(&node, "sqlite:other.db");
    let again = fine(&server, &["export", "--to", "again", "--json"]).json();
    let acts = |report: &Value| report["counts"]["audit"].as_u64();
    assert_eq!(acts(&again), acts(&report).map(|acts| acts + 1), "that of the import");
    let taken_over = lines_of(&server.path().join("again/ledger.jsonl"));
    assert_eq!(taken_over, lines_of(&archive));
    assert_eq!(import(&back, &server.path().join("again/ledger.jsonl")).code, Some(0));

    node.mine(THREE_PM + 7_200, Address::ZERO, account(1), tokens(50));
    node.mine_empty(THREE_PM + 7_300, 8);
    let later = |folder: &Folder| {
        fine(folder, &["index", "--until-head"]);
        fine(folder, &["settle", "--until-settled"]);
        fine(folder, &["verify"]);
        fine(folder, &["export", "--to", "later"]);
        lines_of(&folder.path().join("later/ledger.jsonl"))
    };
    let [file, server, back] = [&file, &server, &back].map(later);
    assert_ne!(file, taken_over);
    assert_eq!(server, file);
    assert_eq!(back, file);
}

/// The records of an archive but for those of imports, which a copy has more than its original.
fn lines_of(archive: &Path) -> Vec<String> {
    let text = fs::read_to_string(archive).unwrap();
    let is_of_store =
        |line: &&str| line.starts_with(r#"{"record":"#) && !line.contains("import_archive");
    text.lines().filter(is_of_store).map(str::to_owned).collect()
}

#[test]
fn an_import_is_found_by_the_digest_of_its_archive_with_who_made_it_and_why() {
    let node = Node::with_the_first_hour(NORMAL);
    let (_file, archive, report) = exported(&node);
    let into = folder(&node, "sqlite:pledge.db");
    let from = archive.parent().unwrap().to_str().unwrap();
    fine(&into, &["import", "--from", from, "--reason", "a new server"]);
    let object = format!("archive:{}", report["digest"].as_str().unwrap());
    let found = fine(&into, &["audit", "--object", &object, "--json"]).json();
    let [record] = &found["records"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(record["action"], "import_archive");
    assert_eq!(record["by"]["reason"], "a new server");
    assert_eq!(record["after"]["counts"], report["counts"]);
}

#[test]
fn an_archive_is_not_written_over_and_a_store_in_use_takes_none() {
    let node = Node::with_the_first_hour(NORMAL);
    let (file, archive, _) = exported(&node);
    let again = file.run(&["export", "--to", "backup"]);
    assert_eq!(again.code, Some(1), "{}", again.stdout);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let ended = import(&file, &archive);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("empty"), "{}", ended.stderr);
}

#[test]
fn an_archive_that_was_altered_or_cut_short_is_refused_by_its_line_and_leaves_nothing() {
    let node = Node::with_the_first_hour(NORMAL);
    let (_file, archive, _) = exported(&node);
    let whole = fs::read_to_string(&archive).unwrap();
    let into = folder(&node, "sqlite:pledge.db");
    for wrong in [whole.replacen("200000000000000000000", "200000000000000000001", 1), {
        let (cut, _) = whole.split_at(whole.len() / 2);
        cut.to_owned()
    }] {
        fs::write(&archive, wrong).unwrap();
        let ended = import(&into, &archive);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(
            ended.stderr.contains("line ") || ended.stderr.contains("does not"),
            "{}",
            ended.stderr
        );
    }
    fs::write(&archive, whole).unwrap();
    assert_eq!(import(&into, &archive).code, Some(0), "nothing was left behind");
}

#[test]
fn what_is_no_archive_or_no_place_for_one_is_named() {
    let node = Node::with_the_first_hour(NORMAL);
    let into = folder(&node, "sqlite:pledge.db");
    let ended = into.run(&["import", "--from", "nowhere"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("there is no archive `nowhere/ledger.jsonl`"),
        "{}",
        ended.stderr
    );
    assert!(!into.path().join("pledge.db").exists());
    let ended = into.run(&["export", "--to", "backup"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("there is no database"), "{}", ended.stderr);
    let memory = folder(&node, "memory:");
    assert_eq!(memory.run(&["import", "--from", "nowhere"]).code, Some(2));
}
