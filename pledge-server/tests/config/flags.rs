//! One chain and one token from the command line.

use std::time::Duration;

use pledge_core::indexer::Finality;
use pledge_core::types::ChainId;
use pledge_server::config::{Config, ConfigError, NodeUrl, Quick};

use crate::good::{USDX, environment};

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
fn the_environment_adds_to_the_chain_of_the_flags() {
    let variables = [
        ("PLEDGE_CHAINS__CHAIN_5__CONFIRMATIONS", "12"),
        ("PLEDGE_CHAINS__CHAIN_5__TOKENS__TOKEN__POINTS__WINDOW", "30m"),
    ];
    let chain = &quick(Some("0.05"), &variables).chains[0];
    assert_eq!(chain.indexer.finality, Finality::Depth(12));
    assert_eq!(chain.tokens[0].points.as_ref().unwrap().window.get(), 1_800);
}
