//! Configurations, right and wrong: what is wrong is named by its full key, with a remedy.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use pledge_chain_evm::LogProof;
use pledge_core::indexer::Finality;
use pledge_core::types::{ChainId, Timestamp};
use pledge_server::config::{
    Config, ConfigError, Environment, NodeUrl, OnUnreadable, Quick, StorageUrl,
};
use serde_json::Value;

const USDX: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

const GOOD: &str = r#"
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

fn load(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("pledge.toml");
    std::fs::write(&file, toml).unwrap();
    Config::load(Some(&file), &environment(variables))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}

/// The one problem that a change of the good configuration makes.
fn problem(from: &str, to: &str) -> (String, String) {
    assert!(GOOD.contains(from), "{from} is not in the good configuration");
    let error = load(&GOOD.replace(from, to), &[]).unwrap_err();
    let [problem] = error.problems() else {
        panic!("one problem expected for {to}: {error}");
    };
    (problem.key.clone(), problem.what.clone())
}

#[test]
fn a_good_file_becomes_domain_values() {
    let config = load(GOOD, &[]).unwrap();
    assert_eq!(config.storage.url, StorageUrl::Memory);
    let [chain] = &config.chains[..] else { panic!("one chain") };
    assert_eq!(chain.id, ChainId::new(11_155_111));
    assert_eq!(chain.indexer.finality, Finality::Depth(3));
    assert_eq!(chain.poll_interval, Duration::from_millis(500));
    assert_eq!(chain.request_timeout, Duration::from_secs(25));
    assert_eq!(chain.indexer.clock_slack, Some(Duration::from_secs(1_200)));
    assert_eq!(chain.rpc_urls.len(), 2);
    assert_eq!(chain.log_proof, LogProof::Receipts);
    assert_eq!(chain.requests_per_second, NonZeroU32::new(25));
    assert!(chain.cross_check);
    assert_eq!(chain.ws_url.as_ref().unwrap().expose().as_str(), "wss://one.example/key");
    let token = &chain.tokens[0];
    assert_eq!(token.address.to_string(), USDX);
    assert_eq!(token.on_unreadable, OnUnreadable::Halt);
    let points = token.points.as_ref().unwrap();
    assert_eq!(points.window.get(), 1_800);
    let new_year = Timestamp::new(1_767_225_600).unwrap();
    assert_eq!(points.rates.at(Timestamp::ZERO).to_string(), "0.05");
    assert_eq!(points.rates.at(new_year).to_string(), "0.1");
}

#[test]
fn every_key_is_reached_by_the_environment() {
    let config = load(
        "",
        &[
            ("PLEDGE_SERVER__LISTEN", "127.0.0.1:9"),
            ("PLEDGE_STORAGE__URL", "sqlite:x.db"),
            ("PLEDGE_CHAINS__SEPOLIA__CHAIN_ID", "11155111"),
            ("PLEDGE_CHAINS__SEPOLIA__RPC_URLS", "https://a.example, https://b.example"),
            ("PLEDGE_CHAINS__SEPOLIA__WS_URL", "ws://a.example"),
            ("PLEDGE_CHAINS__SEPOLIA__LOG_PROOF", "receipts"),
            ("PLEDGE_CHAINS__SEPOLIA__REQUESTS_PER_SECOND", "25"),
            ("PLEDGE_CHAINS__SEPOLIA__CROSS_CHECK", "true"),
            ("PLEDGE_CHAINS__SEPOLIA__FINALITY", "finalized"),
            ("PLEDGE_CHAINS__SEPOLIA__POLL_INTERVAL", "3s"),
            ("PLEDGE_CHAINS__SEPOLIA__REQUEST_TIMEOUT", "10s"),
            ("PLEDGE_CHAINS__SEPOLIA__CLOCK_SLACK", "unlimited"),
            ("PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__ADDRESS", USDX),
            ("PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__START_BLOCK", "7"),
            ("PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__ON_UNREADABLE", "halt"),
            ("PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__POINTS__RATE", "0.05"),
            ("PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__POINTS__WINDOW", "1h"),
            (
                "PLEDGE_CHAINS__SEPOLIA__TOKENS__USDX__POINTS__SCHEDULE",
                "2026-01-01T00:00:00Z=0.10,2026-02-01T00:00:00Z=0.20",
            ),
        ],
    )
    .unwrap();
    let chain = &config.chains[0];
    assert_eq!(config.server.listen.port(), 9);
    assert_eq!(chain.rpc_urls.len(), 2);
    assert!(chain.ws_url.is_some() && chain.cross_check);
    assert_eq!(chain.log_proof, LogProof::Receipts);
    assert_eq!(chain.requests_per_second, NonZeroU32::new(25));
    assert_eq!(chain.indexer.finality, Finality::Finalized);
    assert_eq!(chain.request_timeout, Duration::from_secs(10));
    assert_eq!(chain.indexer.clock_slack, None);
    assert_eq!(chain.tokens[0].on_unreadable, OnUnreadable::Halt);
    let rates = &chain.tokens[0].points.as_ref().unwrap().rates;
    assert_eq!(rates.at(Timestamp::MAX).to_string(), "0.2");
}

/// The configuration that the README documents, its placeholders filled in.
fn documented() -> String {
    let readme = include_str!("../../README.md");
    let begin = readme.find("```toml\n").unwrap() + "```toml\n".len();
    let block = &readme[begin..][..readme[begin..].find("```").unwrap()];
    block.replace("\"0x…\"", &format!("{USDX:?}")).replace("://…", "://node.example")
}

/// Every key with its value in the form of the environment.
fn as_variables(table: &toml::Table, above: &str, variables: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let name = format!("{above}__{}", name.to_uppercase());
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Table(step) => {
                format!("{}={}", step["from"].as_str().unwrap(), step["rate"].as_str().unwrap())
            }
            other => other.to_string(),
        };
        match value {
            toml::Value::Table(below) => as_variables(below, &name, variables),
            toml::Value::Array(list) => {
                let texts: Vec<String> = list.iter().map(text).collect();
                variables.push((name, texts.join(",")));
            }
            value => variables.push((name, text(value))),
        }
    }
}

fn shown(toml: &str, variables: &Environment) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pledge.toml");
    std::fs::write(&file, toml).unwrap();
    serde_json::to_value(Config::effective(Some(&file), variables).unwrap()).unwrap()
}

#[test]
fn every_documented_key_is_set_by_the_environment_alone() {
    let toml = documented();
    let mut variables = Vec::new();
    as_variables(&toml.parse().unwrap(), "PLEDGE", &mut variables);
    for (name, _) in &mut variables {
        *name = name.replacen("PLEDGE__", "PLEDGE_", 1);
    }
    assert_eq!(variables.len(), 27, "{variables:?}");
    let (by_file, by_environment) = (shown(&toml, &Vec::new()), shown("", &variables));
    assert_eq!(by_environment["config"], by_file["config"]);
    let origins = by_environment["origins"].as_object().unwrap();
    assert!(origins.values().all(|origin| origin == "environment"), "{origins:?}");
}

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
fn the_bounds_of_a_settlement_are_keys() {
    let written =
        "[settlement]\ninterval = \"10s\"\nbatch_accounts = 7\nbatch_changes = 70\n[storage]";
    let settlement = load(&GOOD.replace("[storage]", written), &[]).unwrap().settlement;
    assert_eq!(settlement.interval, Duration::from_secs(10));
    let settler = settlement.settler;
    assert_eq!((settler.batch_accounts_max, settler.batch_changes_max), (7, 70));
}

#[test]
fn short_windows_are_for_those_who_ask_for_them() {
    let refused = |toml: &str| {
        let config = load(toml, &[]).unwrap();
        let points = config.chains[0].tokens[0].points.clone().unwrap();
        points.refuse_new().map(|error| error.to_string())
    };
    let short = GOOD.replace("\"30m\"", "\"59s\"");
    let why = refused(&short).unwrap();
    assert!(why.contains("points.window") && why.contains("allow_short_windows = true"), "{why}");
    let asked = short.replace("window =", "allow_short_windows = true\nwindow =");
    for toml in [asked.as_str(), &GOOD.replace("\"30m\"", "\"60s\"")] {
        assert_eq!(refused(toml), None);
    }
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
fn the_environment_wins_over_the_file() {
    let config = load(GOOD, &[("PLEDGE_CHAINS__SEPOLIA__CONFIRMATIONS", "12")]).unwrap();
    assert_eq!(config.chains[0].indexer.finality, Finality::Depth(12));
}

#[test]
fn a_wrong_variable_is_named() {
    let error = load(GOOD, &[("PLEDGE_CHAINS__SEPOLIA__CONFIRMATIONS", "six")]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("chains.sepolia.confirmations"), "{text}");
    assert!(text.contains("PLEDGE_CHAINS__SEPOLIA__CONFIRMATIONS"), "{text}");
}

#[test]
fn a_variable_that_is_no_key_is_named() {
    let error = load(GOOD, &[("PLEDGE_SERVER__PORT", "80")]).unwrap_err();
    assert!(error.to_string().contains("server.port"), "{error}");
}

/// What is replaced, by what, the key that is named, and a part of the remedy.
const WRONG_VALUES: &[(&str, &str, &str, &str)] = &[
    ("listen =", "port = 1\nlisten =", "server.port", "unknown field"),
    ("chain_id = 11155111", "chain_id = -1", "chains.sepolia.chain_id", "not negative"),
    ("chain_id = 11155111", "", "chains.sepolia.chain_id", "is missing"),
    (
        "[storage]",
        "[settlement]\nbatch_changes = 0\n[storage]",
        "settlement.batch_changes",
        "1 to 1000000",
    ),
    (
        "[storage]",
        "[settlement]\nbatch_accounts = 1000001\n[storage]",
        "settlement.batch_accounts",
        "1 to 1000000",
    ),
    (
        "[storage]",
        "[settlement]\ninterval = \"1ms\"\n[storage]",
        "settlement.interval",
        "from 50ms to 1h",
    ),
    ("poll_interval", "pol_interval", "chains.sepolia.pol_interval", "unknown field"),
    ("500ms", "soon", "chains.sepolia.poll_interval", "such as \"2s\""),
    ("500ms", "0s", "chains.sepolia.poll_interval", "out of range"),
    ("\"25s\"", "\"500ms\"", "chains.sepolia.request_timeout", "from 1s to 10m"),
    ("\"25s\"", "\"11m\"", "chains.sepolia.request_timeout", "from 1s to 10m"),
    ("\"25s\"", "25", "chains.sepolia.request_timeout", "string"),
    ("\"20m\"", "\"0s\"", "chains.sepolia.clock_slack", "or \"unlimited\""),
    ("\"20m\"", "\"2d\"", "chains.sepolia.clock_slack", "from 1s to 1d"),
    ("\"20m\"", "\"none\"", "chains.sepolia.clock_slack", "or \"unlimited\""),
    ("confirmations = 3", "confirmations = 3.5", "chains.sepolia.confirmations", "whole number"),
    (
        "confirmations = 3",
        "confirmations = 3\nfinality = \"finalized\"",
        "chains.sepolia.finality",
        "remove one",
    ),
    ("confirmations = 3", "finality = \"safe\"", "chains.sepolia.finality", "finalized"),
    (
        "confirmations = 3",
        "confirmations = 100\nretained_headers = 100",
        "chains.sepolia.retained_headers",
        "raise it",
    ),
    (
        "confirmations = 3",
        "confirmations = 3\nretained_headers = 63",
        "chains.sepolia.retained_headers",
        "from 64 to 100000",
    ),
    (
        "confirmations = 3",
        "finality = \"finalized\"\nretained_headers = 100001",
        "chains.sepolia.retained_headers",
        "from 64 to 100000",
    ),
    ("\"receipts\"", "\"all\"", "chains.sepolia.log_proof", "write \"bloom\""),
    ("= 25", "= 0", "chains.sepolia.requests_per_second", "from 1 to"),
    ("cross_check = true", "cross_check = \"yes\"", "chains.sepolia.cross_check", "true or false"),
    ("cross_check =", "audit =", "chains.sepolia.audit", "write cross_check"),
    ("log_proof =", "verify =", "chains.sepolia.verify", "write log_proof"),
    (
        ", \"http://two.example:8545\"]",
        "]",
        "chains.sepolia.cross_check",
        "name one more in rpc_urls, or remove cross_check",
    ),
    (
        "http://two.example:8545",
        "https://one.example/key",
        "chains.sepolia.rpc_urls[1]",
        "named twice",
    ),
    ("http://two", "ws://two", "chains.sepolia.rpc_urls[1]", "use http or https"),
    ("wss://one", "https://one", "chains.sepolia.ws_url", "use ws or wss"),
    ("wss://one.example", "one.example", "chains.sepolia.ws_url", "write wss://"),
    (
        "[\"https://one.example/key\", \"http://two.example:8545\"]",
        "[]",
        "chains.sepolia.rpc_urls",
        "at least one node",
    ),
    ("eB48", "eb48", "chains.sepolia.tokens.usdx.address", "checksum"),
    ("eB48", "eB4", "chains.sepolia.tokens.usdx.address", "40 hex digits"),
    ("0xA0", "A0", "chains.sepolia.tokens.usdx.address", "0x"),
    (
        USDX,
        "0x0000000000000000000000000000000000000000",
        "chains.sepolia.tokens.usdx.address",
        "zero",
    ),
    (
        "start_block = 5",
        "start_block = \"5x\"",
        "chains.sepolia.tokens.usdx.start_block",
        "whole number",
    ),
    (
        "\"halt\"",
        "\"skip\"",
        "chains.sepolia.tokens.usdx.on_unreadable",
        "write \"mark\", which is the default, or \"halt\"",
    ),
    ("\"0.05\"", "0.05", "chains.sepolia.tokens.usdx.points.rate", "write \"0.05\" in quotes"),
    ("\"0.05\"", "5", "chains.sepolia.tokens.usdx.points.rate", "write \"5\" in quotes"),
    ("\"0.05\"", "\"-0.05\"", "chains.sepolia.tokens.usdx.points.rate", "negative"),
    (
        "\"0.05\"",
        "\"0.0000000000000000001\"",
        "chains.sepolia.tokens.usdx.points.rate",
        "more than 18 decimals",
    ),
    ("\"0.05\"", "\"five\"", "chains.sepolia.tokens.usdx.points.rate", "such as 0.05"),
    ("rate = \"0.05\"", "", "chains.sepolia.tokens.usdx.points.rate", "is missing"),
    ("30m", "half an hour", "chains.sepolia.tokens.usdx.points.window", "such as \"1h\""),
    ("30m", "0s", "chains.sepolia.tokens.usdx.points.window", "1 second"),
    (
        "rate = \"0.10\"",
        "rate = 0.10",
        "chains.sepolia.tokens.usdx.points.schedule[0].rate",
        "in quotes",
    ),
    (
        "2026-01-01T00:00:00Z",
        "2026-01-01",
        "chains.sepolia.tokens.usdx.points.schedule[0].from",
        "RFC 3339",
    ),
    (
        "}]",
        "}, { from = \"2025-12-01T00:00:00Z\", rate = \"1\" }]",
        "chains.sepolia.tokens.usdx.points.schedule[1].from",
        "sort the steps",
    ),
    ("memory:", "sqlite:", "storage.url", "sqlite:pledge.db"),
    ("memory:", "sqlite://", "storage.url", "sqlite:pledge.db"),
    ("memory:", "sqlite:pledge.db?mode=ro", "storage.url", "remove `?`"),
    ("memory:", "mysql://root:hunter2@host", "storage.url", "names no database"),
    ("memory:", "mysql://root:hunter2@/db", "storage.url", "mysql://pledge@127.0.0.1:3306/pledge"),
    ("memory:", "postgres://root:hunter2@host/db", "storage.url", "no kind of storage"),
    (
        "[chains.sepolia]",
        "redis_url = \"redis:hunter2\"\n[chains.sepolia]",
        "storage.redis_url",
        "write redis://127.0.0.1:6379",
    ),
    (
        "[chains.sepolia]",
        "redis_prefix = \"mine\"\n[chains.sepolia]",
        "storage.redis_prefix",
        "needs a server",
    ),
    (
        "[chains.sepolia]",
        "redis_url = \"redis://host\"\nredis_prefix = \"{mine}\"\n[chains.sepolia]",
        "storage.redis_prefix",
        "letters, digits",
    ),
    (
        "[chains.sepolia]",
        "events_kept = 999\n[chains.sepolia]",
        "storage.events_kept",
        "a whole number from 1000 up",
    ),
    ("127.0.0.1:0", "localhost", "server.listen", "IP:PORT"),
];

#[test]
fn a_wrong_value_is_named_by_its_key_with_a_remedy() {
    for &(from, to, key, remedy) in WRONG_VALUES {
        let (named, what) = problem(from, to);
        assert_eq!(named, key, "{to}: {what}");
        assert!(what.contains(remedy), "{to}: {what}");
        assert!(!what.contains("hunter2"), "{what}");
    }
}

#[test]
fn every_wrong_key_is_named_at_once() {
    let toml = GOOD.replace("0.05", "-1").replace("eB48", "eb48").replace("500ms", "x");
    let error = load(&toml, &[]).unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

#[test]
fn one_chain_id_under_two_names_is_refused() {
    let toml = GOOD.to_owned() + &GOOD[GOOD.find("[chains").unwrap()..].replace("sepolia", "twin");
    let error = load(&toml, &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.twin.chain_id", "{error}");
}

#[test]
fn one_token_under_two_names_is_refused() {
    let twin = format!("[chains.sepolia.tokens.twin]\naddress = \"{}\"", USDX.to_lowercase());
    let error = load(&(GOOD.to_owned() + &twin), &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.sepolia.tokens.usdx.address", "{error}");
}

#[test]
fn a_chain_without_tokens_is_refused() {
    let toml = &GOOD[..GOOD.find("[chains.sepolia.tokens").unwrap()];
    let error = load(toml, &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.sepolia.tokens", "{error}");
}

#[test]
fn a_name_that_the_environment_cannot_reach_is_refused() {
    for name in ["Sepolia", "se-polia", "se__polia", "_sepolia", "sepolia_"] {
        let error = load(&GOOD.replace("sepolia", name), &[]).unwrap_err();
        assert_eq!(error.problems()[0].key, format!("chains.{name}"), "{error}");
    }
}

#[test]
fn a_name_of_digits_alone_is_refused_since_it_may_be_the_id_of_another_chain() {
    let error = load(&GOOD.replace("sepolia", "31337"), &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.31337", "{error}");
}

#[test]
fn a_database_is_one_file_however_its_url_is_written() {
    for (url, file) in [
        ("sqlite:pledge.db", "pledge.db"),
        ("sqlite://pledge.db", "pledge.db"),
        ("sqlite:///var/pledge.db", "/var/pledge.db"),
    ] {
        let config = load(&GOOD.replace("memory:", url), &[]).unwrap();
        assert_eq!(config.storage.url, StorageUrl::Sqlite(file.to_owned()), "{url}");
    }
}

fn flags() -> Quick {
    Quick {
        rpc_url: NodeUrl::parse("http://node.example").unwrap(),
        token: USDX.to_owned(),
        start_block: None,
        rate: None,
        clock_slack: None,
    }
}

fn quick(rate: Option<&str>, variables: &[(&str, &str)]) -> Config {
    let quick = Quick { rate: rate.map(str::to_owned), ..flags() };
    Config::quick(&quick, ChainId::new(5), &environment(variables)).unwrap()
}

#[test]
fn the_chain_of_the_flags_has_a_name_that_gives_way() {
    let chain = &quick(None, &[]).chains[0];
    assert_eq!(chain.name, "chain_5");
    assert!(!chain.is_named);
}

#[test]
fn the_clock_slack_of_the_flags_wins_over_the_environment_and_is_checked() {
    let slack = |flag: Option<&str>, chain: u64| {
        let quick = Quick { clock_slack: flag.map(str::to_owned), ..flags() };
        quick.check()?;
        let name = format!("PLEDGE_CHAINS__CHAIN_{chain}__CLOCK_SLACK");
        let environment = vec![(name, "20m".to_owned())];
        let config = Config::quick(&quick, ChainId::new(chain), &environment)?;
        Ok::<_, ConfigError>(config.chains[0].indexer.clock_slack)
    };
    let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
    assert_eq!(slack(None, 5), Ok(minutes(20)));
    assert_eq!(slack(Some("1h"), 5), Ok(minutes(60)));
    assert_eq!(slack(Some("unlimited"), 5), Ok(None));
    let error = slack(Some("never"), 5).unwrap_err();
    assert_eq!(error.problems()[0].key, "--clock-slack");
}

#[test]
fn a_clock_slack_is_fifteen_minutes_except_on_the_chains_of_local_nodes() {
    let of_chain = |id: &str| {
        let toml = GOOD.replace("11155111", id).replace("clock_slack = \"20m\"", "");
        let config = load(&toml, &[]).unwrap();
        config.chains[0].indexer.clock_slack
    };
    assert_eq!(of_chain("11155111"), Some(Duration::from_secs(900)));
    assert_eq!([of_chain("1337"), of_chain("31337")], [None, None]);
    let toml = GOOD.replace("11155111", "1337").replace("20m", "5m");
    let set = load(&toml, &[]).unwrap().chains[0].indexer.clock_slack;
    assert_eq!(set, Some(Duration::from_secs(300)));
}

#[test]
fn the_environment_adds_to_the_chain_of_the_flags() {
    let variables = [
        ("PLEDGE_CHAINS__CHAIN_5__CONFIRMATIONS", "12"),
        ("PLEDGE_CHAINS__CHAIN_5__TOKENS__TOKEN__POINTS__WINDOW", "30m"),
    ];
    let chain = &quick(Some("0.05"), &variables).chains[0];
    assert_eq!(chain.indexer.finality, Finality::Depth(12));
    assert_eq!(chain.tokens[0].points.as_ref().unwrap().window.get(), 1_800);
}

#[cfg(unix)]
#[test]
fn a_pledge_variable_that_is_no_text_is_refused_and_others_are_left_alone() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let broken = |name: &str| (OsString::from(name), OsString::from_vec(vec![0xff]));
    let error = Config::environment([broken("PLEDGE_STORAGE__URL")].into_iter()).unwrap_err();
    assert_eq!(error.problems()[0].key, "PLEDGE_STORAGE__URL", "{error}");
    assert_eq!(Config::environment([broken("LESSOPEN")].into_iter()), Ok(Vec::new()));
}

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

#[test]
fn a_configuration_shows_no_api_key() {
    let toml = GOOD.replace("/key", "/s3cret");
    let shown = format!("{:?}", load(&toml, &[]).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}
