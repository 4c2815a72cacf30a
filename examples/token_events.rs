//! Deploys a token on a development node and makes events for pledge to follow.
//!
//! ```text
//! anvil &
//! cargo run -p pledge-examples --example token_events -- --rpc-url http://127.0.0.1:8545
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::primitives::utils::parse_ether;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionReceipt;
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
        "\nfollow it with:\n  pledge run --rpc-url {} --token {} --start-block {}",
        arguments.rpc_url,
        token.address(),
        token.start_block()
    );
    Ok(())
}

async fn connect(arguments: &Arguments) -> Result<(DynProvider, Address)> {
    let url = arguments.rpc_url.parse().context("--rpc-url is no url")?;
    let (provider, owner) = match &arguments.private_key {
        Some(key) => {
            let wallet = EthereumWallet::from(key.clone());
            let provider = ProviderBuilder::new().wallet(wallet).connect_http(url);
            (provider.erased(), key.address())
        }
        None => {
            let provider = ProviderBuilder::new().connect_http(url).erased();
            let accounts = provider.get_accounts().await?;
            let owner = accounts.first().copied();
            (provider, owner.context("the node has no unlocked account: give --private-key")?)
        }
    };
    provider.client().set_poll_interval(Duration::from_millis(200));
    Ok((provider, owner))
}

/// Mints 100 for the owner, sends 30 of them away and burns 5.
async fn play(token: &Token, round: u64) -> Result<()> {
    let owner = token.owner();
    let receiver = Address::left_padding_from(&(0xbeef_0000 + round).to_be_bytes());
    // The token has as many decimals as ether.
    let receipt = token.mint(owner, parse_ether("100")?).await?;
    report(&receipt, &format!("mint     100 to {owner}"));
    let receipt = token.transfer(owner, receiver, parse_ether("30")?);
    report(&receipt.await?, &format!("transfer  30 to {receiver}"));
    let receipt = token.burn(owner, parse_ether("5")?).await?;
    report(&receipt, &format!("burn       5 of {owner}"));
    Ok(())
}

fn report(receipt: &TransactionReceipt, event: &str) {
    let block = receipt.block_number.unwrap_or_default();
    println!("block {block:>6}  {event}  ({})", receipt.transaction_hash);
}
