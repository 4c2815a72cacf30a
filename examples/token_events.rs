//! Deploys a token on a development node and makes events for pledge to follow.
//!
//! ```text
//! anvil &
//! cargo run -p pledge-examples --example token_events -- --rpc-url http://127.0.0.1:8545
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use alloy::primitives::utils::Unit;
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use clap::Parser;
use pledge_examples::Token;

/// Deploys an ERC-20 token and mints, transfers and burns some of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// A node with unlocked accounts, such as anvil; any node with `--private-key`.
    #[arg(long, default_value = "http://127.0.0.1:8545")]
    rpc_url: String,
    /// Key of a funded account that deploys and mints.
    #[arg(long, env = "PLEDGE_EXAMPLE_KEY", hide_env_values = true)]
    private_key: Option<PrivateKeySigner>,
    /// How often to mint, transfer and burn.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (provider, owner) = connect(&arguments).await?;
    let token = Token::deploy(&provider, owner, "Example Dollar", "USDX").await?;
    println!("token {} in block {}", token.address(), token.start_block());
    for round in 1..=arguments.rounds {
        play(&token, round).await?;
    }
    println!(
        "\nfollow it with:\n  pledge run --rpc-url {} --token {} --start-block {} --rate 0.05",
        arguments.rpc_url,
        token.address(),
        token.start_block()
    );
    Ok(())
}

async fn connect(arguments: &Arguments) -> Result<(DynProvider, Address)> {
    let url = arguments.rpc_url.parse().context("--rpc-url is no url")?;
    let (provider, owner) = if let Some(key) = &arguments.private_key {
        (ProviderBuilder::new().wallet(key.clone()).connect_http(url).erased(), key.address())
    } else {
        let provider = ProviderBuilder::new().connect_http(url).erased();
        let owner = provider.get_accounts().await?.first().copied();
        (provider, owner.context("the node has no unlocked account: give --private-key")?)
    };
    provider.client().set_poll_interval(Duration::from_millis(200));
    Ok((provider, owner))
}

/// Mints 100 for the owner, sends 30 of them away and burns 5.
async fn play(token: &Token, round: u64) -> Result<()> {
    let owner = token.owner();
    let receiver = Address::left_padding_from(&(0xbeef_0000 + round).to_be_bytes());
    let whole = |tokens: u64| U256::from(tokens) * Unit::ETHER.wei();
    let receipts = [
        (token.mint(owner, whole(100)).await?, format!("mint     100 to {owner}")),
        (token.transfer(owner, receiver, whole(30)).await?, format!("transfer  30 to {receiver}")),
        (token.burn(owner, whole(5)).await?, format!("burn       5 of {owner}")),
    ];
    for (receipt, event) in receipts {
        let block = receipt.block_number.context("the receipt has no block")?;
        println!("block {block:>6}  {event}  ({})", receipt.transaction_hash);
    }
    Ok(())
}
