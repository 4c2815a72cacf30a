//! A ledger on a `MySQL` or MariaDB server.

use pledge_core::primitives::Address;
use pledge_testing::{MySqlPlace, OwnServer};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

/// A server that does not exist.
const NOBODY: &str = "mysql://pledge:hunter2@127.0.0.1:9/pledge";

fn folder(node: &Node, storage: &str, more: &str) -> Folder {
    Folder::with_config(&format!(
        "[storage]\nurl = \"{storage}\"\n\
         [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\npoll_interval = \"100ms\"\n{more}\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ))
}

fn place() -> MySqlPlace {
    Runtime::new().unwrap().block_on(MySqlPlace::new())
}

/// The incident of indexing, if there is one.
fn indexing(ready: &Value) -> Option<&Value> {
    ready["incidents"].as_array().unwrap().iter().find(|incident| incident["work"] == "indexing")
}

#[test]
fn the_worked_case_comes_out_of_a_database_server() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let folder = folder(&node, &place.url(), "");
    for command in [&["index", "--until-head"][..], &["settle", "--until-settled"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.stderr);
    }
    let listing = folder.run(&["settlements", "--json"]).json();
    assert_eq!(listing["settlements"][0]["points"], "6.666666666666666666");
    let verified = folder.run(&["verify", "--json"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    let status = folder.run(&["status", "--json"]).json();
    assert_eq!(status["chains"][0]["tokens"][0]["holders"], 1);
}

#[test]
fn an_empty_database_is_distinguished_from_one_in_use_and_left_empty() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let folder = folder(&node, &place.url(), "");
    let status = folder.run(&["status"]);
    assert_eq!(status.code, Some(1));
    assert!(status.stderr.contains("is empty: set it up with `pledge run`"), "{}", status.stderr);
    let check = folder.run(&["config", "check"]);
    assert!(check.stdout.contains("empty: its tables will be created"), "{}", check.stdout);
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    let check = folder.run(&["config", "check"]);
    assert!(check.stdout.contains(&format!("{}: schema version", place.url())), "{}", check.stdout);
}

#[test]
fn a_refused_configuration_makes_no_tables() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let wrong = folder(&node, &place.url(), "finality = \"finalized\"\n");
    let ended = wrong.run(&["index", "--until-head"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let check = folder(&node, &place.url(), "").run(&["config", "check"]);
    assert!(check.stdout.contains("empty: its tables will be created"), "{}", check.stdout);
}

#[test]
fn a_database_that_is_not_there_is_a_wrong_key_with_what_to_do() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let ended = folder(&node, &format!("{}_not", place.url()), "").run(&["migrate"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("storage.url: there is no database"), "{}", ended.stderr);
    assert!(ended.stderr.contains("CREATE DATABASE"), "{}", ended.stderr);
}

#[test]
fn a_database_that_takes_no_writes_is_reported_while_it_lasts_and_answers_go_on() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(OwnServer::mariadb(&[]));
    let place = runtime.block_on(MySqlPlace::on(&server.url()));
    let mut admin = runtime.block_on(place.outsider());
    let mut admin = |sql: String| runtime.block_on(admin.execute(AssertSqlSafe(sql))).unwrap();
    admin(format!("GRANT ALL ON {}.* TO pledge@'%' IDENTIFIED BY 'hunter2'", place.name()));
    let node = Node::with_the_first_hour(NORMAL);
    let url = place.url().replace("root@", "pledge:hunter2@");
    let folder = folder(&node, &url, "");
    let running = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    let board = format!("chains/{CHAIN}/tokens/{}/accounts?sort=balance", token());
    let holds =
        |whole| move |board: &Value| board["items"][0]["balance"] == tokens(whole).to_string();
    running.get_until(&board, holds(200));
    admin("SET GLOBAL read_only = 1".to_owned());
    node.mine(THREE_PM + 7_200, Address::ZERO, account(1), tokens(50));
    node.mine_empty(THREE_PM + 7_300, 8);
    let ready = running.get_until("/readyz", |ready| indexing(ready).is_some());
    let incident = indexing(&ready).unwrap();
    assert_eq!(incident["chain"], "local", "{ready}");
    assert_eq!(incident.get("reason"), None, "{ready}");
    running.wait_for("takes no writes", |line| line.contains("indexing"));
    assert!(!ready.to_string().contains("hunter2"), "{ready}");
    running.get_until(&board, holds(200));
    admin("SET GLOBAL read_only = 0".to_owned());
    running.get_until(&board, holds(250));
    running.get_until("/readyz", |ready| ready["incidents"] == json!([]));
}

/// A newer release may be started while this one runs.
#[test]
fn a_schema_that_a_newer_release_changes_ends_the_process_with_the_reason() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let folder = folder(&node, &place.url(), "");
    let running = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    let board = format!("chains/{CHAIN}/tokens/{}/accounts?sort=balance", token());
    running.get_until(&board, |board| board["items"][0]["balance"] == tokens(200).to_string());
    let newer = "INSERT INTO schema_migration VALUES ('engine', 9999, 'later', REPEAT('x', 32), 0)";
    let record = async { place.outsider().await.execute(newer).await.map(drop) };
    Runtime::new().unwrap().block_on(record).unwrap();
    node.mine_empty(THREE_PM + 7_200, 8);
    let (status, lines) = running.ends();
    let lines = lines.join("\n");
    assert_eq!(status.code(), Some(1), "{lines}");
    assert!(lines.contains("9999") && lines.contains("start that release"), "{lines}");
}

#[test]
fn a_server_that_is_away_fails_the_command_and_shows_no_password() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, NOBODY, "");
    for command in [&["run"][..], &["migrate"], &["status"], &["config", "show"]] {
        let ended = folder.run(command);
        let said = ended.stdout + &ended.stderr;
        let expected = if command[0] == "config" { 0 } else { 1 };
        assert_eq!(ended.code, Some(expected), "{command:?}: {said}");
        assert!(!said.contains("hunter2"), "{command:?}: {said}");
    }
}

/// Commands that read need none of them, and make none.
#[test]
fn a_database_without_the_tables_of_the_office_is_read() {
    let (node, place) = (Node::with_the_first_hour(NORMAL), place());
    let folder = folder(&node, &place.url(), "");
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    let runtime = Runtime::new().unwrap();
    let mut admin = runtime.block_on(place.outsider());
    for undo in [
        "DROP TABLE claim, claim_fence, outbox_message, outbox_attempt, \
         access_lock, access_user, access_wallet, access_grant, access_role, \
         access_session, access_token, access_key, access_invitation, access_nonce, \
         access_ticket, access_failure, access_request",
        "DELETE FROM schema_migration WHERE migration_set = 'office'",
    ] {
        runtime.block_on(admin.execute(undo)).unwrap();
    }
    let tables = runtime.block_on(admin.fetch_all("SHOW TABLES")).unwrap().len();
    for command in [
        &["status"][..],
        &["settlements"],
        &["audit"],
        &["verify"],
        &["export", "--to", "."],
        &["config", "check"],
    ] {
        let ended = folder.run(command);
        assert_eq!(ended.code, Some(0), "{command:?}: {}{}", ended.stdout, ended.stderr);
    }
    let check = folder.run(&["config", "check"]).stdout;
    assert!(check.contains("version 0 of the office: `pledge migrate` brings it"), "{check}");
    let left = runtime.block_on(admin.fetch_all("SHOW TABLES")).unwrap().len();
    assert_eq!(left, tables);
}

/// Migrating, running and reading may use three database users.
#[test]
fn each_command_needs_the_rights_for_what_it_does_and_no_more() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(OwnServer::mariadb(&[]));
    let place = runtime.block_on(MySqlPlace::on(&server.url()));
    let mut admin = runtime.block_on(place.outsider());
    for (user, rights) in [("worker", "SELECT, INSERT, UPDATE, DELETE"), ("reader", "SELECT")] {
        let grant = format!("GRANT {rights} ON {}.* TO {user}@'%' IDENTIFIED BY 'x'", place.name());
        runtime.block_on(admin.execute(AssertSqlSafe(grant))).unwrap();
    }
    let node = Node::with_the_first_hour(NORMAL);
    let as_user = |user| folder(&node, &place.url().replace("root@", &format!("{user}:x@")), "");
    let (worker, reader) = (as_user("worker"), as_user("reader"));
    let refused = worker.run(&["index", "--until-head"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("run `pledge migrate` once"), "{}", refused.stderr);
    assert_eq!(folder(&node, &place.url(), "").run(&["migrate"]).code, Some(0));
    for command in [&["migrate"][..], &["index", "--until-head"], &["settle", "--until-settled"]] {
        let ended = worker.run(command);
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.stderr);
    }
    for command in [
        &["status"][..],
        &["settlements"],
        &["verify"],
        &["export", "--to", "."],
        &["config", "check"],
    ] {
        let ended = reader.run(command);
        assert_eq!(ended.code, Some(0), "{command:?}: {}{}", ended.stdout, ended.stderr);
    }
    // As a release that kept its versions elsewhere left it.
    let older = "CREATE TABLE _sqlx_migrations AS SELECT 7 AS version, TRUE AS success";
    for change in [older, "DROP TABLE schema_migration"] {
        runtime.block_on(admin.execute(change)).unwrap();
    }
    let ended = reader.run(&["status"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("run `pledge migrate`"), "{}", ended.stderr);
}
