//! What right values become.

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_core::indexer::Finality;
use pledge_core::types::{ChainId, Timestamp};
use pledge_office::access::{Purpose, Registration, Secrets};
use pledge_server::config::{Config, LogBounds, LogProof, LogsConfig, OnUnreadable};

use crate::good::{GOOD, USDX, load, shown};

#[test]
fn a_good_file_becomes_domain_values() {
    let config = load(GOOD, &[]).unwrap();
    assert_eq!(config.storage.url.to_string(), "memory:");
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
fn a_listener_for_operations_is_there_only_if_it_is_written() {
    let of = |toml: &str| load(toml, &[]).unwrap().server.operations_listen;
    assert_eq!(of(GOOD), None);
    let written = GOOD.replace("[storage]", "operations_listen = \"127.0.0.1:0\"\n[storage]");
    assert_eq!(of(&written), Some("127.0.0.1:0".parse().unwrap()));
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
fn the_folder_and_the_bounds_of_log_files_are_keys() {
    let written = "[logs]\ndir = \"/var/log/pledge\"\nmegabytes = 5\nkept = 3\ndays = 2\n[storage]";
    let logs = load(&GOOD.replace("[storage]", written), &[]).unwrap().logs;
    let bounds = LogBounds { bytes: 5_000_000, kept: 3, age: Duration::from_secs(2 * 86_400) };
    assert_eq!(logs, LogsConfig { dir: Some("/var/log/pledge".into()), bounds });
    assert_eq!(load(GOOD, &[]).unwrap().logs.dir, None);
}

#[test]
fn proxies_and_sites_are_keys() {
    let written = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
                   allowed_origins = [\"https://app.example\"]\nlisten =";
    let server = load(&GOOD.replace("listen =", written), &[]).unwrap().server;
    let is_trusted = |text: &str| server.trusted_proxies.contains(text.parse().unwrap());
    assert!(["10.1.2.3", "::ffff:10.1.2.3", "::1"].into_iter().all(is_trusted));
    assert!(!["11.0.0.1", "::2"].into_iter().any(is_trusted));
    assert_eq!(server.allowed_origins[0].as_str(), "https://app.example");
    assert!(!load(GOOD, &[]).unwrap().server.trusted_proxies.contains([127, 0, 0, 1].into()));
}

#[test]
fn a_rate_of_zero_is_no_limit() {
    let of = |keys: &str| {
        let toml = GOOD.replace("[storage]", &format!("[limits]\n{keys}\n[storage]"));
        load(&toml, &[]).unwrap().limits.rate
    };
    assert_eq!(of("requests_per_second = 0"), None);
    let rate = of("requests_per_second = 5\nburst = 7").unwrap();
    assert_eq!((rate.per_second.get(), rate.burst.get()), (5, 7));
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
fn a_database_is_one_file_however_its_url_is_written() {
    for (url, file) in [
        ("sqlite:pledge.db", "pledge.db"),
        ("sqlite://pledge.db", "pledge.db"),
        ("sqlite:///var/pledge.db", "/var/pledge.db"),
    ] {
        let config = load(&GOOD.replace("memory:", url), &[]).unwrap();
        assert_eq!(config.storage.url.to_string(), format!("sqlite:{file}"), "{url}");
    }
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

const SECRET: &str = "s3cret and so on, for thirty-two bytes";

#[test]
fn no_one_signs_in_without_a_secret_key() {
    let access = load(GOOD, &[]).unwrap().access;
    assert!(access.sign_in.is_none());
    assert_eq!(access.registration, Registration::Closed);
    let domain_alone = GOOD.replace("[storage]", "[access]\ndomain = \"a.example\"\n[storage]");
    assert!(load(&domain_alone, &[]).unwrap().access.sign_in.is_none());
}

#[test]
fn the_key_of_sign_in_is_of_the_file_the_environment_or_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let named = format!("file:{}", file.display());
    let key = |config: Config| {
        let sign_in = config.access.sign_in.unwrap();
        assert_eq!(sign_in.domain.as_str(), "a.example");
        *sign_in.secrets.keys(Purpose::Nonce).first()
    };
    let expected = *Secrets::new(&[SECRET]).unwrap().keys(Purpose::Nonce).first();
    for secret in [SECRET, &named] {
        let written =
            format!("[access]\nsecret_key = {secret:?}\ndomain = \"a.example\"\n[storage]");
        assert_eq!(key(load(&GOOD.replace("[storage]", &written), &[]).unwrap()), expected);
        let variables =
            [("PLEDGE_ACCESS__SECRET_KEY", secret), ("PLEDGE_ACCESS__DOMAIN", "a.example")];
        assert_eq!(key(load(GOOD, &variables).unwrap()), expected);
    }
}

#[test]
fn the_key_of_sign_in_is_shown_nowhere() {
    let written = format!("[access]\nsecret_key = {SECRET:?}\ndomain = \"a.example\"\n[storage]");
    let toml = GOOD.replace("[storage]", &written);
    let effective = shown(&toml, &Vec::new());
    assert_eq!(effective["config"]["access"]["secret_key"][0], "***");
    let debugged = format!("{:?}", load(&toml, &[]).unwrap());
    assert!(!debugged.contains("s3cret") && !effective.to_string().contains("s3cret"));
}
