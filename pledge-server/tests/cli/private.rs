//! `memory:`: a private file that goes with the process.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::node::{CHAIN, NORMAL, Node, token};
use crate::process::{Folder, Running};

/// A folder with a configuration over `memory:`, and one for the temporary files of its commands.
fn folders(node: &Node) -> (Folder, Folder) {
    let config = format!(
        "[storage]\nurl = \"memory:\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    );
    (Folder::with_config(&config), Folder::new())
}

fn temporary(folder: &Folder) -> [(&str, &str); 1] {
    [("TMPDIR", folder.path().to_str().unwrap())]
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Waits until the chain is settled, so that there was much to write.
fn until_settled(server: &Running) {
    let board = format!("chains/{CHAIN}/tokens/{}/accounts?sort=points", token());
    server.get_until(&board, |answer| answer["items"][0]["points"] == "6.666666666666666666");
}

#[test]
fn a_server_over_memory_keeps_one_private_file_and_removes_it_at_the_end() {
    let node = Node::with_the_first_hour(NORMAL);
    let (own, temporaries) = folders(&node);
    for ends_by_interrupt in [true, false] {
        let server = own.start_with(&temporary(&temporaries), &["run"]);
        until_settled(&server);
        let [folder] = &entries(temporaries.path())[..] else { panic!("one private folder") };
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder), 0o700);
        let files = entries(folder);
        assert!(files.iter().any(|file| file.ends_with("pledge.db")), "{files:?}");
        assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
        let status = if ends_by_interrupt { server.interrupt().0 } else { server.terminate().0 };
        assert!(status.success());
        assert_eq!(entries(temporaries.path()), [] as [PathBuf; 0]);
    }
    assert_eq!(entries(own.path()).len(), 1, "its configuration alone");
}

#[test]
fn a_command_that_ends_or_is_refused_leaves_no_private_file() {
    let node = Node::with_the_first_hour(NORMAL);
    let (own, temporaries) = folders(&node);
    let codes = [
        (&["index", "--until-head"][..], 0),
        (&["config", "check"], 0),
        (&["status"], 2),
        (&["verify"], 2),
        (&["settle"], 2),
        (&["migrate"], 2),
        (&["export", "--to", "backup"], 2),
        (&["import", "--from", "backup"], 2),
    ];
    for (command, code) in codes {
        let ended = own.run_with(&temporary(&temporaries), command);
        assert_eq!(ended.code, Some(code), "{command:?}: {}{}", ended.stdout, ended.stderr);
        assert!(code == 0 || ended.stderr.contains("`memory:`"), "{command:?}: {}", ended.stderr);
        assert_eq!(entries(temporaries.path()), [] as [PathBuf; 0], "{command:?}");
    }
}

#[test]
fn a_second_signal_removes_the_private_file_too() {
    let node = Node::with_the_first_hour(NORMAL);
    let (own, temporaries) = folders(&node);
    let server = own.start_with(&temporary(&temporaries), &["run"]);
    until_settled(&server);
    // A request half sent keeps the server from ending by itself for a while.
    let mut half = TcpStream::connect(&server.server).unwrap();
    half.write_all(b"GET /api/v1/chains HTTP/1.1\r\nhost:").unwrap();
    server.signal();
    server.wait_for("a second signal ends the process at once", |_| true);
    server.signal();
    server.ends();
    assert_eq!(entries(temporaries.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_folder_for_temporary_files_that_is_not_there_is_named() {
    let node = Node::with_the_first_hour(NORMAL);
    let (own, _) = folders(&node);
    let ended = own.run_with(&[("TMPDIR", "/nowhere")], &["index", "--until-head"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("/nowhere: name a folder in TMPDIR"), "{}", ended.stderr);
}

#[test]
fn a_demo_leaves_no_file() {
    let temporaries = Folder::new();
    let demo = &["demo", "--listen", "127.0.0.1:0"];
    let running = Folder::new().start_with(&temporary(&temporaries), demo);
    assert!(running.interrupt().0.success());
    assert_eq!(entries(temporaries.path()), [] as [PathBuf; 0]);
}
