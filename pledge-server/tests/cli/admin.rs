//! The first user, made on the machine.

use serde_json::{Value, json};

use crate::process::{Ended, Folder};

const PASSWORD: &str = "correct horse battery";

fn folder() -> Folder {
    Folder::with_config("[storage]\nurl = \"sqlite:pledge.db\"\n")
}

fn create(folder: &Folder, input: &str, more: &[&str]) -> Ended {
    folder.run_with_input(input, &[], &[&["admin", "create", "olivia"], more].concat())
}

fn refused(ended: &Ended, code: i32, remedy: &str) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
}

#[test]
fn an_admin_is_made_in_a_database_that_was_not_there_and_its_maker_is_audited() {
    let folder = folder();
    let made = create(&folder, &format!("{PASSWORD}\n"), &["--json", "--reason", "the first"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert_eq!((&made.json()["name"], &made.json()["role"]), (&json!("olivia"), &json!("admin")));
    assert!(!made.stdout.contains(PASSWORD) && !made.stderr.contains(PASSWORD));
    let audit = folder.run(&["audit", "--json"]).json();
    let [record] = &audit["records"].as_array().unwrap()[..] else { panic!("{audit}") };
    assert_eq!(record["action"], "create_user");
    assert_eq!(record["by"]["actor"]["kind"], "command_line");
    assert_eq!(record["by"]["reason"], "the first");
    assert_eq!(record["after"]["grants"], json!([{"role": "admin"}]));
    assert_eq!(record["before"], Value::Null);
}

#[test]
fn a_name_is_of_one_user() {
    let folder = folder();
    assert_eq!(create(&folder, PASSWORD, &[]).code, Some(0));
    refused(&create(&folder, PASSWORD, &[]), 1, "the name is taken");
}

#[test]
fn a_password_is_one_long_line_without_the_name() {
    let folder = folder();
    for (input, remedy) in [
        ("", "fewer than 12 characters"),
        ("short\n", "fewer than 12 characters"),
        ("i am olivia, hello\n", "contains the name"),
        ("correct horse battery\nand more\n", "more than one line"),
        (&"x1".repeat(300), "more than 512 bytes"),
    ] {
        refused(&create(&folder, input, &[]), 2, remedy);
    }
    assert!(!folder.path().join("pledge.db").exists(), "nothing is opened for it");
}

#[test]
fn a_name_is_a_plain_word() {
    let ended = folder().run_with_input(PASSWORD, &[], &["admin", "create", "Olivia Ünal"]);
    refused(&ended, 2, "1 to 64 characters of a-z");
}

#[test]
fn what_keeps_nothing_has_no_admin() {
    let folder = Folder::with_config("[storage]\nurl = \"memory:\"\n");
    refused(&create(&folder, PASSWORD, &[]), 2, "storage.url");
}

/// At a terminal the password is asked for twice, and does not appear there.
#[cfg(target_os = "linux")]
mod at_a_terminal {
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs the command at a pseudo-terminal of Python, which types these lines when it is asked.
    fn typed(folder: &Folder, lines: &[&str]) -> (String, bool) {
        let script = "
import os, pty, sys
lines = sys.argv[2].split('|')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], 'admin', 'create', 'olivia'])
shown = b''
for prompt, line in zip([b'Password: ', b'Again: '], lines):
    while prompt not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, line.encode() + b'\\n')
try:
    while chunk := os.read(terminal, 1000):
        shown += chunk
except OSError:
    pass
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
        let binary = env!("CARGO_BIN_EXE_pledge");
        let mut python = folder.clean(Command::new("python3"));
        let python = python.args(["-c", script, binary, &lines.join("|")]).stdin(Stdio::null());
        let output = python.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.success())
    }

    #[test]
    fn the_password_is_typed_twice_and_not_shown() {
        let (shown, is_fine) = typed(&folder(), &[PASSWORD, PASSWORD]);
        assert!(is_fine && shown.contains("made olivia"), "{shown}");
        assert!(!shown.contains(PASSWORD), "{shown}");
    }

    #[test]
    fn two_passwords_that_differ_make_no_user() {
        let (shown, is_fine) = typed(&folder(), &[PASSWORD, "correct horse batter"]);
        assert!(!is_fine && shown.contains("the two passwords differ"), "{shown}");
    }
}
