//! Metadata, balances and the deployment, from contracts and nodes of all kinds.

use crate::fake_node::{FakeNode, Reply, Script, bytes, word};
use alloy::primitives::Address;
use alloy::sol_types::SolValue;
use pledge_chain_evm::{StartQuery, TokenQuery};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::TokenMetadata;
use pledge_core::ports::ChainSourceExt;
use pledge_core::types::{Account, Amount, BlockNumber, Decimals};
use serde_json::json;

const TOKEN: Address = Address::repeat_byte(0x33);

async fn metadata(change: impl FnOnce(&mut Script)) -> Result<TokenMetadata, ChainError> {
    let node = FakeNode::start().await;
    change(&mut node.script());
    node.connect().await.token_metadata(TOKEN).await
}

/// The text of a `Persistent` error.
fn persistent<T: std::fmt::Debug>(result: Result<T, ChainError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent, "{error}");
    error.to_string()
}

fn reverted() -> Reply {
    Err((3, "execution reverted".to_owned()))
}

fn accounts(count: u8) -> Vec<Account> {
    (1..=count).map(|byte| Account::new(Address::repeat_byte(byte)).unwrap()).collect()
}

#[tokio::test]
async fn symbol_and_decimals_are_read() {
    let metadata = metadata(|script| {
        script.symbol = Ok(bytes(&"USDX".to_owned().abi_encode()));
        script.decimals = Ok(word(6));
    });
    let metadata = metadata.await.unwrap();
    assert_eq!((metadata.symbol.as_str(), metadata.decimals.get()), ("USDX", 6));
}

#[tokio::test]
async fn a_bytes32_symbol_is_read() {
    let mut symbol = [0; 32];
    symbol[..3].copy_from_slice(b"MKR");
    let metadata = metadata(|script| script.symbol = Ok(bytes(&symbol))).await;
    assert_eq!(metadata.unwrap().symbol, "MKR");
}

#[tokio::test]
async fn a_contract_without_a_symbol_has_an_empty_one() {
    let metadata = metadata(|script| script.symbol = reverted()).await;
    assert_eq!(metadata.unwrap().symbol, "");
}

#[tokio::test]
async fn decimals_from_77_down_are_taken() {
    let metadata = metadata(|script| script.decimals = Ok(word(77))).await;
    assert_eq!(metadata.unwrap().decimals.get(), 77);
}

#[tokio::test]
async fn decimals_above_77_are_persistent() {
    let text = persistent(metadata(|script| script.decimals = Ok(word(78))).await);
    assert!(text.contains("decimals() is 78"), "{text}");
}

#[tokio::test]
async fn decimals_beyond_any_width_are_persistent() {
    let text = persistent(metadata(|script| script.decimals = Ok(word(u64::MAX))).await);
    assert!(text.contains("decimals()"), "{text}");
}

#[tokio::test]
async fn a_contract_without_decimals_has_those_that_are_assumed_and_another_its_own() {
    for (answer, expected) in [(Ok(json!("0x")), 6), (reverted(), 6), (Ok(word(9)), 9)] {
        let node = FakeNode::start().await;
        node.script().decimals = answer;
        let decimals = Decimals::new(6).ok();
        let query = TokenQuery { address: TOKEN, start: StartQuery::Skip, decimals };
        let found = node.connect().await.discover_tokens(&[query]).await.remove(0);
        assert_eq!(found.metadata.unwrap().decimals.get(), expected);
    }
}

#[tokio::test]
async fn missing_decimals_are_persistent() {
    let missing = metadata(|script| script.decimals = Ok(json!("0x"))).await;
    assert!(persistent(missing).contains("decimals() is missing"));
    let reverting = metadata(|script| script.decimals = reverted()).await;
    assert!(persistent(reverting).contains("decimals() reverts"));
}

#[tokio::test]
async fn an_address_without_code_is_persistent_and_named() {
    let text = persistent(metadata(|script| script.code_since = u64::MAX).await);
    assert!(text.contains(&format!("no contract code at {TOKEN}")), "{text}");
}

#[tokio::test]
async fn a_node_that_is_unwell_is_not_a_bad_token() {
    let unwell = || Err((-32_603, "internal error".to_owned()));
    let decimals = metadata(|script| script.decimals = unwell()).await;
    assert_eq!(decimals.unwrap_err().kind(), ChainErrorKind::Transient);
    let symbol = metadata(|script| script.symbol = unwell()).await;
    assert_eq!(symbol.unwrap_err().kind(), ChainErrorKind::Transient);
}

#[tokio::test]
async fn balances_come_for_every_account_asked() {
    let node = FakeNode::start().await;
    let at = node.script().block(500);
    let chain = node.connect().await;
    let balances = chain.balances(TOKEN, &accounts(250), at).await.unwrap();
    assert_eq!(balances, vec![Amount::from(7); 250]);
}

#[tokio::test]
async fn a_node_without_block_hashes_in_calls_is_asked_by_number() {
    let node = FakeNode::start().await;
    node.script().takes_block_hashes = false;
    let at = node.script().block(500);
    let chain = node.connect().await;
    assert_eq!(chain.total_supply(TOKEN, at).await.unwrap(), Amount::from(7));
}

#[tokio::test]
async fn balances_at_a_replaced_block_are_block_gone() {
    let node = FakeNode::start().await;
    let at = node.script().block(500);
    let chain = node.connect().await;
    node.script().fork_after = 400;
    let error = chain.balances(TOKEN, &accounts(1), at).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_balance_that_reverts_is_persistent() {
    let node = FakeNode::start().await;
    node.script().balance = reverted();
    let at = node.script().block(500);
    let chain = node.connect().await;
    let text = persistent(chain.balances(TOKEN, &accounts(1), at).await);
    assert!(text.contains("balanceOf()") && text.contains("reverted"), "{text}");
}

#[tokio::test]
async fn an_empty_answer_is_no_balance_of_zero() {
    let node = FakeNode::start().await;
    node.script().balance = Ok(json!("0x"));
    let at = node.script().block(500);
    let chain = node.connect().await;
    persistent(chain.total_supply(TOKEN, at).await);
}

#[tokio::test]
async fn the_block_of_the_deployment_is_found() {
    for deployed in [0, 1, 499, 1_000] {
        let node = FakeNode::start().await;
        node.script().code_since = deployed;
        let found = node.connect().await.find_deployment_block(TOKEN).await;
        assert_eq!(found.unwrap(), BlockNumber::new(deployed));
    }
}

#[tokio::test]
async fn a_node_without_history_asks_for_a_start_block() {
    let node = FakeNode::start().await;
    node.script().history_since = 900;
    let found = node.connect().await.find_deployment_block(TOKEN).await;
    let text = persistent(found);
    assert!(text.contains("set start_block"), "{text}");
}

#[tokio::test]
async fn a_contract_that_is_not_there_has_no_deployment() {
    let node = FakeNode::start().await;
    node.script().code_since = u64::MAX;
    let found = node.connect().await.find_deployment_block(TOKEN).await;
    assert!(persistent(found).contains("no contract code"));
}
