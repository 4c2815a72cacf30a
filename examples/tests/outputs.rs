//! Every example prints what `expected/` holds, and none is longer than a page.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alloy::primitives::U256;
use pledge_examples::{Anvil, Token};

/// The node's URL in `token_events` without `--rpc-url`.
const DEFAULT_URL: &str = "http://127.0.0.1:8545";
/// The examples that need a node.
const WITH_A_NODE: [&str; 2] = ["token_events", "follow_token"];
const LINES_MAX: usize = 79;
const BLESS: &str = "if that is meant: `PLEDGE_BLESS=1 cargo test -p pledge-examples`";

#[test]
fn examples_without_a_node_print_what_is_expected() {
    let names = names().into_iter().filter(|name| !WITH_A_NODE.contains(&name.as_str()));
    let wrong: Vec<_> = names.filter_map(|name| compare(&name, &run(&name, &[])).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn token_events_prints_what_is_expected_over_a_fresh_node() {
    let anvil = Anvil::start(31_337, &[]).await.unwrap();
    let printed = run("token_events", &["--rpc-url", anvil.url()]);
    let compared = compare("token_events", &printed.replace(anvil.url(), DEFAULT_URL));
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

#[tokio::test]
async fn follow_token_prints_what_a_holder_earns_as_long_as_it_runs() {
    let anvil = Anvil::start(31_337, &[]).await.unwrap();
    let owner = anvil.accounts().await.unwrap()[0];
    let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX").await.unwrap();
    token.mint(owner, U256::from(100)).await.unwrap();
    anvil.mine(7, 3_600).await.unwrap();
    let own = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary("follow_token"));
    let variables = [("TOKEN", token.address().to_string()), ("HOLDER", owner.to_string())];
    command.envs(variables).env("RPC_URL", anvil.url()).current_dir(own.path());
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let printed: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(
        printed.iter().all(|line| line.starts_with("Some(\"0.0000000000000000")),
        "{printed:?}"
    );
}

#[test]
fn the_shortest_program_has_at_most_25_lines_of_code() {
    let text = fs::read_to_string(folder().join("follow_token.rs")).unwrap();
    let is_code =
        |line: &&str| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#!");
    let lines = text.lines().map(str::trim).filter(is_code).count();
    assert!(lines <= 25, "{lines} lines");
}

#[test]
fn every_source_and_every_expected_output_is_of_an_example_of_the_manifest() {
    let names = names();
    let found = files(folder(), "rs").into_iter().chain(files(&folder().join("expected"), "txt"));
    for file in found {
        let stem = file.file_stem().unwrap();
        assert!(
            names.iter().any(|name| stem == name.as_str()),
            "no [[example]] for {}",
            file.display()
        );
    }
}

#[test]
fn no_file_of_an_example_is_longer_than_a_page() {
    let own = names().into_iter().map(|name| folder().join(name)).filter(|own| own.is_dir());
    let parts = own.flat_map(|own| files(&own, "rs"));
    for file in files(folder(), "rs").into_iter().chain(parts) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, not <= {LINES_MAX}", file.display());
    }
}

/// The example's binary.
fn binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.ancestors().nth(2).expect("a test runs in <profile>/deps");
    profile.join(format!("examples/{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The output of the example's binary, which `cargo test` builds together with this one.
fn run(name: &str, arguments: &[&str]) -> String {
    let binary = binary(name);
    let output = Command::new(&binary).args(arguments).output().unwrap_or_else(|error| {
        panic!(
            "cannot run {}: {error}; `cargo test -p pledge-examples` builds it",
            binary.display()
        )
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed with {}:\n{complaint}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Compares with the expected output, byte for byte; with `PLEDGE_BLESS`, replaces it.
fn compare(name: &str, printed: &str) -> Result<(), String> {
    let path = folder().join(format!("expected/{name}.txt"));
    if std::env::var_os("PLEDGE_BLESS").is_some() {
        fs::write(path, printed).unwrap();
        return Ok(());
    }
    let Ok(expected) = fs::read_to_string(&path) else {
        return Err(format!("{} is missing; {BLESS}", path.display()));
    };
    if printed == expected {
        return Ok(());
    }
    let same = printed.lines().zip(expected.lines()).take_while(|(is, should)| is == should);
    let line = same.count() + 1;
    Err(format!(
        "{name} differs in line {line}; {BLESS}\n--- expected\n{expected}--- printed\n{printed}---"
    ))
}

/// The examples of the manifest.
fn names() -> Vec<String> {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let entries = manifest.split("[[example]]\nname = \"").skip(1);
    let names: Vec<_> =
        entries.map(|entry| entry.split('"').next().unwrap_or_default().to_owned()).collect();
    assert!(!names.is_empty(), "the manifest lists no [[example]]");
    names
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
