//! What is shown of a configuration: every value, its origin, no secret.

use pledge_server::config::Config;

use crate::good::{GOOD, environment, load, shown};

#[test]
fn what_is_shown_is_the_configuration_it_was_made_from() {
    let toml = GOOD.replace("/key", "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pledge.toml");
    std::fs::write(&file, &toml).unwrap();
    let effective = Config::effective(Some(&file), &Vec::new()).unwrap();
    let again = shown(&effective.to_string(), &Vec::new());
    assert_eq!(again["config"], shown(&toml, &Vec::new())["config"]);
}

#[test]
fn what_is_shown_names_where_each_value_comes_from() {
    let variables = environment(&[("PLEDGE_CHAINS__SEPOLIA__CONFIRMATIONS", "12")]);
    let shown = shown(GOOD, &variables);
    let chain = "chains.sepolia";
    assert_eq!(shown["origins"][format!("{chain}.confirmations")], "environment");
    assert_eq!(shown["origins"][format!("{chain}.poll_interval")], "file");
    assert_eq!(shown["origins"][format!("{chain}.retained_headers")], "default");
    assert_eq!(shown["config"]["chains"]["sepolia"]["confirmations"], 12);
}

#[test]
fn what_is_shown_has_no_secret() {
    let toml =
        GOOD.replace("https://one.example/key", "https://u:hunter2@one.example/v2/key?k=v#f");
    let shown = shown(&toml, &Vec::new());
    let urls = &shown["config"]["chains"]["sepolia"]["rpc_urls"];
    assert_eq!(urls[0], "https://one.example/***");
    assert_eq!(urls[1], "http://two.example:8545");
    assert!(!shown.to_string().contains("hunter2"));
}

#[test]
fn a_configuration_shows_no_api_key() {
    let toml = GOOD.replace("/key", "/s3cret");
    let shown = format!("{:?}", load(&toml, &[]).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}
