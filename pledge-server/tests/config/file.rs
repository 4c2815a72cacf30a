//! Files that cannot be read.

use std::path::PathBuf;

use pledge_server::config::Config;

use crate::good::load;

#[test]
fn a_file_that_is_no_toml_is_named_with_the_place() {
    let error = load("# one\n[chains", &[]).unwrap_err().to_string();
    assert!(error.contains("pledge.toml"), "{error}");
    assert!(error.contains("line 2, column 8"), "{error}");
}

#[test]
fn a_file_that_is_no_toml_shows_no_api_key() {
    let broken = [
        "rpc_urls = [\"https://one.example/s3cret",
        "rpc_urls = [\"https://one.example/s3cret\" \"x\"]",
        "rpc_urls = https://one.example/s3cret",
        "rpc_urls = [\"https://one.example/s3cret\"]\nrpc_urls = [\"https://one.example/s3cret\"]",
    ];
    for line in broken {
        let error = load(&format!("[chains.sepolia]\n{line}\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("is not TOML: line"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = PathBuf::from("nowhere/pledge.toml");
    let error = Config::load(Some(&missing), &Vec::new()).unwrap_err();
    assert!(error.to_string().contains("nowhere/pledge.toml"), "{error}");
}
