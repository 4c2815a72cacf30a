//! The pages of docs/operations: their commands are run, and print what the pages show.
//!
//! A block of the kind `console` has commands after `$ ` and what they print below. `…` is any text in a line, and on a
//! line of its own any number of lines. `PLEDGE_BLESS=1` writes what was printed where a page shows something else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pledge_core::primitives::Address;
use pledge_testing::MySqlPlace;
use tokio::runtime::Runtime;

use crate::node::{NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations").join(name)
}

/// A command of a page, and the lines that follow it.
struct Shown {
    command: String,
    output: Vec<String>,
}

/// The commands below a heading, up to the next one.
fn commands(text: &str, heading: &str) -> Vec<Shown> {
    let section =
        text.split_once(&format!("\n## {heading}\n")).expect("the page has the heading").1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let mut shown: Vec<Shown> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split_once("```").expect("a block ends").0.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    shown.push(Shown { command: command.to_owned(), output: Vec::new() })
                }
                None => shown.last_mut().expect("a command first").output.push(line.to_owned()),
            }
        }
    }
    shown
}

/// Whether a line is what a page shows of it.
fn is_line(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// Whether lines are what a page shows of them.
fn are_lines(shown: &[String], lines: &[&str]) -> bool {
    match (shown, lines) {
        ([], lines) => lines.is_empty(),
        ([any, shown @ ..], lines) if any == "…" => {
            (0..=lines.len()).any(|skipped| are_lines(shown, &lines[skipped..]))
        }
        ([first, shown @ ..], [line, lines @ ..]) => {
            is_line(first, line) && are_lines(shown, lines)
        }
        _ => false,
    }
}

/// Runs the commands below a heading of a page, in a folder, and compares what they print.
fn replay(name: &str, heading: &str, folder: &Folder, variables: &[(&str, &str)]) {
    let text = fs::read_to_string(page(name)).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_pledge")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let (mut blessed, mut wrong) = (text.clone(), String::new());
    let begin = text.find(&format!("\n## {heading}\n")).expect("the page has the heading");
    let shown = commands(&text, heading);
    assert!(!shown.is_empty(), "{name}: {heading} has no commands");
    for Shown { command, output } in shown {
        let ran = folder
            .clean(Command::new("bash"))
            .args(["-o", "pipefail", "-c", &format!("{{ {command}\n}} 2>&1")])
            .env("PATH", &path)
            // Blocks of the scripted node have no bloom, which is a warning.
            .env("RUST_LOG", "error")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
        if !are_lines(&output, &lines) {
            let block = |lines: &[String]| {
                lines.iter().fold(format!("$ {command}\n"), |text, line| format!("{text}{line}\n"))
            };
            let printed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let section = blessed.split_off(begin);
            blessed += &section.replacen(&block(&output), &block(&printed), 1);
            write!(wrong, "{}", block(&printed)).unwrap();
        }
    }
    if std::env::var_os("PLEDGE_BLESS").is_some() {
        fs::write(page(name), blessed).unwrap();
    } else {
        assert_eq!(wrong, "", "docs/operations/{name}, {heading}");
    }
}

fn config(node: &Node, storage: &str, more: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[storage]\nurl = \"{storage}\"\n\
         [chains.bsc]\nchain_id = 31337\nrpc_urls = [\"{}\"]\nretained_headers = 64\n{more}\
         [chains.bsc.tokens.plg]\naddress = \"{}\"\n\
         [chains.bsc.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    )
}

/// A settled ledger, and a second configuration for an empty store.
fn settled(node: &Node) -> Folder {
    let folder = Folder::with_config(&config(node, "sqlite:pledge.db", ""));
    fs::write(folder.path().join("restored.toml"), config(node, "sqlite:restored.db", "")).unwrap();
    for command in [&["index", "--until-head"][..], &["settle", "--until-settled"]] {
        assert_eq!(folder.run(command).code, Some(0), "{command:?}");
    }
    folder
}

#[test]
fn a_backup_by_export_is_restored_as_the_page_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    replay("backup.md", "By pledge, from any database into any", &settled(&node), &[]);
}

#[test]
fn a_copy_of_a_sqlite_file_is_restored_as_the_page_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    replay("backup.md", "Of SQLite", &settled(&node), &[]);
}

#[test]
fn a_dump_of_mariadb_is_restored_as_the_page_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    let runtime = Runtime::new().unwrap();
    let [old, new] = [(); 2].map(|()| runtime.block_on(MySqlPlace::new()));
    let folder = Folder::with_config(&config(&node, &old.url(), ""));
    fs::write(folder.path().join("restored.toml"), config(&node, &new.url(), "")).unwrap();
    for command in [&["index", "--until-head"][..], &["settle", "--until-settled"]] {
        assert_eq!(folder.run(command).code, Some(0), "{command:?}");
    }
    let url = old.url();
    let server = url.split_once('@').unwrap().1.split('/').next().unwrap();
    let (host, port) = server.split_once(':').unwrap();
    let variables = [
        ("DB", old.name()),
        ("RESTORED", new.name()),
        ("DB_HOST", host),
        ("DB_PORT", port),
        ("DB_USER", "root"),
    ];
    replay("backup.md", "Of MySQL and MariaDB", &folder, &variables);
}

#[test]
fn an_upgrade_goes_as_the_page_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    replay("production.md", "Upgrade", &settled(&node), &[]);
}

#[test]
fn a_halted_chain_goes_on_as_the_runbook_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    node.mine(THREE_PM + 7_200, account(1), account(2), tokens(50));
    node.mine_empty(THREE_PM + 7_300, 100);
    let folder = settled(&node);
    node.chain.fork_at(4);
    node.mine(THREE_PM + 7_201, Address::ZERO, account(3), tokens(7));
    node.mine_empty(THREE_PM + 7_300, 120);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(1));
    replay("runbook.md", "A chain is halted", &folder, &[]);
}

#[test]
fn a_node_that_is_down_is_found_as_the_runbook_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    let away = config(&node, "sqlite:pledge.db", "").replace(&node.url(), "http://127.0.0.1:9/key");
    fs::write(folder.path().join("pledge.toml"), away).unwrap();
    replay("runbook.md", "A node is down", &folder, &[]);
}

#[test]
fn a_database_that_is_down_is_found_as_the_runbook_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder =
        Folder::with_config(&config(&node, "mysql://pledge:secret@127.0.0.1:9/pledge", ""));
    replay("runbook.md", "The database is down", &folder, &[]);
}

#[test]
fn settlements_are_looked_at_as_the_runbook_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    replay("runbook.md", "A settlement failed", &settled(&node), &[]);
}

#[test]
fn a_restored_ledger_is_verified_as_the_runbook_shows() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    assert_eq!(folder.run(&["export", "--to", "backup"]).code, Some(0));
    replay("runbook.md", "Restore", &folder, &[]);
}

#[test]
fn shown_lines_may_leave_text_and_lines_out() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(are_lines(&shown(&["a … c", "…", "end"]), &["a b c", "x", "y", "end"]));
    assert!(are_lines(&shown(&["…"]), &[]));
    for (page, lines) in
        [(&["a … c"][..], &["a b d"][..]), (&["a"], &["ab"]), (&["a"], &[]), (&[], &["a"])]
    {
        assert!(!are_lines(&shown(page), lines), "{page:?} is not {lines:?}");
    }
}
