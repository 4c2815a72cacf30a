//! Keys that are set by the environment.

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_core::indexer::Finality;
use pledge_core::types::Timestamp;
use pledge_server::config::{Config, LogProof, OnUnreadable};

use crate::good::{GOOD, USDX, load};

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
