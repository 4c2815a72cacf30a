//! The good configuration that the tests change, and how it is read.

use std::path::PathBuf;

use pledge_server::config::{Config, ConfigError, Environment};
use serde_json::Value;

pub(crate) const USDX: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

pub(crate) const GOOD: &str = r#"
[server]
listen = "127.0.0.1:0"
[storage]
url = "memory:"
[chains.sepolia]
chain_id = 11155111
rpc_urls = ["https://one.example/key", "http://two.example:8545"]
ws_url = "wss://one.example/key"
log_proof = "receipts"
requests_per_second = 25
cross_check = true
confirmations = 3
poll_interval = "500ms"
request_timeout = "25s"
clock_slack = "20m"
[chains.sepolia.tokens.usdx]
address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
start_block = 5
on_unreadable = "halt"
[chains.sepolia.tokens.usdx.points]
rate = "0.05"
window = "30m"
schedule = [{ from = "2026-01-01T00:00:00Z", rate = "0.10" }]
"#;

pub(crate) fn load(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("pledge.toml");
    std::fs::write(&file, toml).unwrap();
    Config::load(Some(&file), &environment(variables))
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}

pub(crate) fn shown(toml: &str, variables: &Environment) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pledge.toml");
    std::fs::write(&file, toml).unwrap();
    serde_json::to_value(Config::effective(Some(&file), variables).unwrap()).unwrap()
}
