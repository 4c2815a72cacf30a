//! Contracts whose logs are kept.

use pledge_core::primitives::{B256, keccak256};
use pledge_core::types::{BlockNumber, ChainId, ContractId};
use pledge_server::config::{ConfigError, ContractConfig};

use crate::good::{GOOD, USDX, load, shown};

const SIGNATURE: &str = "StateChange(uint256,uint256,uint256)";
const TOPIC: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const EVENTS: &str = "chains.sepolia.contracts.pool.events";

/// The good configuration with a contract that has these keys.
fn with_contract(keys: &str) -> String {
    format!("{GOOD}[chains.sepolia.contracts.pool]\naddress = \"{USDX}\"\n{keys}")
}

fn contract(toml: &str, variables: &[(&str, &str)]) -> Result<ContractConfig, ConfigError> {
    Ok(load(toml, variables)?.chains.remove(0).contracts.remove(0))
}

fn topic0s(events: &[&str]) -> Option<Vec<B256>> {
    let kept = contract(&with_contract(&format!("events = {events:?}")), &[]).unwrap().kept;
    kept.topic0s().map(<[_]>::to_vec)
}

/// The one problem of a contract that has these keys.
fn problem(keys: &str) -> (String, String) {
    let error = load(&with_contract(keys), &[]).unwrap_err();
    let [problem] = error.problems() else { panic!("one problem expected for {keys}: {error}") };
    (problem.key.clone(), problem.what.clone())
}

#[test]
fn a_contract_has_a_name_an_address_and_a_first_block() {
    let contract = contract(&with_contract("start_block = 7"), &[]).unwrap();
    assert_eq!(contract.id, ContractId::new(ChainId::new(11_155_111), "pool").unwrap());
    assert_eq!(contract.address.to_string(), USDX);
    assert_eq!(contract.start_block, Some(BlockNumber::new(7)));
}

#[test]
fn a_contract_without_events_keeps_every_log_from_its_deployment_on() {
    let contract = contract(&with_contract(""), &[]).unwrap();
    assert_eq!((contract.kept.topic0s(), contract.start_block), (None, None));
}

#[test]
fn an_event_is_a_signature_or_its_topic() {
    let mut expected = vec![keccak256(SIGNATURE), TOPIC.parse().unwrap()];
    expected.sort_unstable();
    let written = "event StateChange(uint256 indexed pid, uint256 before, uint256 after)";
    assert_eq!(topic0s(&[written, TOPIC]), Some(expected));
}

#[test]
fn an_event_is_named_where_the_configuration_has_its_signature() {
    let keys = format!("events = [{SIGNATURE:?}, {TOPIC:?}]");
    let contract = contract(&with_contract(&keys), &[]).unwrap();
    assert_eq!(contract.signature(&keccak256(SIGNATURE)), Some(SIGNATURE));
    assert_eq!(contract.signature(&TOPIC.parse().unwrap()), None);
}

#[test]
fn the_environment_separates_events_by_commas_outside_parentheses() {
    let variables = [
        ("PLEDGE_CHAINS__SEPOLIA__CONTRACTS__POOL__ADDRESS", USDX),
        ("PLEDGE_CHAINS__SEPOLIA__CONTRACTS__POOL__START_BLOCK", "7"),
        (
            "PLEDGE_CHAINS__SEPOLIA__CONTRACTS__POOL__EVENTS",
            "StateChange(uint256,uint256,uint256), Filled((address,uint256)[],bytes32)",
        ),
    ];
    let contract = contract(GOOD, &variables).unwrap();
    let written: Vec<_> = contract.events.iter().map(|event| event.written.as_str()).collect();
    assert_eq!(written, [SIGNATURE, "Filled((address,uint256)[],bytes32)"]);
    assert_eq!(contract.start_block, Some(BlockNumber::new(7)));
}

#[test]
fn a_chain_may_have_contracts_alone() {
    let tokens = GOOD.find("[chains.sepolia.tokens").unwrap();
    let toml = with_contract("").replace(&GOOD[tokens..], "");
    let chain = load(&toml, &[]).unwrap().chains.remove(0);
    assert_eq!((chain.tokens.len(), chain.contracts.len()), (0, 1));
}

#[test]
fn a_contract_and_a_token_may_have_one_address_and_one_name() {
    let toml = with_contract("").replace("contracts.pool", "contracts.usdx");
    assert!(load(&toml, &[]).is_ok());
}

#[test]
fn a_wrong_event_is_named_by_its_place_with_a_right_one() {
    for wrong in ["StateChange", "StateChange(uin256)", "StateChange(Pool.State)"] {
        let (key, what) = problem(&format!("events = [{TOPIC:?}, {wrong:?}]"));
        assert_eq!(key, format!("{EVENTS}[1]"));
        assert!(what.contains(wrong) && what.contains(SIGNATURE), "{what}");
    }
}

#[test]
fn what_is_wrong_with_events_is_named_with_a_remedy() {
    let twice = format!("[{TOPIC:?}, \"Transfer(address,address,uint256)\"]");
    for (events, key, remedy) in [
        ("[]", EVENTS.to_owned(), "leave them out to keep all"),
        ("[\"0xddf252ad\"]", format!("{EVENTS}[0]"), "64 hex digits"),
        (&twice, format!("{EVENTS}[1]"), "remove one of the two"),
        ("[\"E(uint8) anonymous\"]", format!("{EVENTS}[0]"), "leave `events` out"),
        ("3", EVENTS.to_owned(), "a list of texts"),
    ] {
        let (named, what) = problem(&format!("events = {events}"));
        assert_eq!(named, key, "{events}: {what}");
        assert!(what.contains(remedy), "{events}: {what}");
    }
}

#[test]
fn a_wrong_address_of_a_contract_is_named() {
    let toml = with_contract("").replace(&format!("pool]\naddress = \"{USDX}\""), "pool]");
    let error = load(&toml, &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.sepolia.contracts.pool.address", "{error}");
}

#[test]
fn a_name_of_a_contract_that_no_store_takes_is_refused() {
    for name in ["Pool", "po-ol", "7", &"p".repeat(33)] {
        let toml = with_contract("").replace("contracts.pool", &format!("contracts.{name}"));
        let error = load(&toml, &[]).unwrap_err();
        assert_eq!(error.problems()[0].key, format!("chains.sepolia.contracts.{name}"), "{error}");
    }
}

#[test]
fn a_contract_is_shown_as_it_is_written() {
    let toml = with_contract(&format!("start_block = 7\nevents = [{SIGNATURE:?}, {TOPIC:?}]"));
    let shown = &shown(&toml, &Vec::new())["config"]["chains"]["sepolia"]["contracts"]["pool"];
    assert_eq!(shown["address"], USDX);
    assert_eq!(shown["start_block"], 7);
    assert_eq!(shown["events"], serde_json::json!([SIGNATURE, TOPIC]));
}
