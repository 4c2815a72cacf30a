//! A token to mint, move and burn.

use alloy::contract::CallBuilder;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::client::BatchRequest;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::node_module;

sol! {
    #[sol(rpc)]
    interface Preset {
        function mint(address to, uint256 amount) external;
        function burn(uint256 amount) external;
        function transfer(address to, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function totalSupply() external view returns (uint256);
    }
}

const ARTIFACT: &str = "@openzeppelin/contracts/build/contracts/ERC20PresetMinterPauser.json";

/// A deployed `ERC20PresetMinterPauser` with 18 decimals.
#[derive(Debug, Clone)]
pub struct Token {
    provider: DynProvider,
    address: Address,
    owner: Address,
    start_block: u64,
}

impl Token {
    /// Deploys a token that `owner` may mint. The provider, or its node, signs for `owner`.
    pub async fn deploy(
        provider: &DynProvider,
        owner: Address,
        name: &str,
        symbol: &str,
    ) -> Result<Self> {
        let mut code = creation_code()?;
        code.extend((name, symbol).abi_encode_params());
        let deployment = TransactionRequest::default().with_from(owner).with_deploy_code(code);
        let pending = provider.send_transaction(deployment).await?;
        let receipt = succeeded(pending.get_receipt().await?)?;
        Ok(Self {
            provider: provider.clone(),
            address: receipt.contract_address.context("no contract was created")?,
            owner,
            start_block: receipt.block_number.context("the deployment has no block")?,
        })
    }

    /// The address of its contract.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Who may mint.
    pub const fn owner(&self) -> Address {
        self.owner
    }

    /// The block of its deployment.
    pub const fn start_block(&self) -> u64 {
        self.start_block
    }

    /// Mints for `to` and waits for the block.
    pub async fn mint(&self, to: Address, amount: U256) -> Result<TransactionReceipt> {
        let contract = Preset::new(self.address, &self.provider);
        send(contract.mint(to, amount).from(self.owner)).await
    }

    /// Burns what `from` holds and waits for the block.
    pub async fn burn(&self, from: Address, amount: U256) -> Result<TransactionReceipt> {
        let contract = Preset::new(self.address, &self.provider);
        send(contract.burn(amount).from(from)).await
    }

    /// Transfers and waits for the block.
    pub async fn transfer(
        &self,
        from: Address,
        to: Address,
        amount: U256,
    ) -> Result<TransactionReceipt> {
        let contract = Preset::new(self.address, &self.provider);
        send(contract.transfer(to, amount).from(from)).await
    }

    /// The contract's own balance of an account now.
    pub async fn balance_of(&self, account: Address) -> Result<U256> {
        let contract = Preset::new(self.address, &self.provider);
        Ok(contract.balanceOf(account).call().await?)
    }

    /// The same for many accounts, in their order.
    pub async fn balances_of(&self, accounts: &[Address]) -> Result<Vec<U256>> {
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::with_capacity(accounts.len());
        for account in accounts {
            let input = Bytes::from(Preset::balanceOfCall { account: *account }.abi_encode());
            let call = json!([{ "to": self.address, "input": input }, "latest"]);
            answers.push(batch.add_call::<_, U256>("eth_call", &call)?);
        }
        batch.send().await?;
        Ok(try_join_all(answers).await?)
    }

    /// The contract's own total supply now.
    pub async fn total_supply(&self) -> Result<U256> {
        let contract = Preset::new(self.address, &self.provider);
        Ok(contract.totalSupply().call().await?)
    }
}

async fn send<P: Provider, C: SolCall>(
    call: CallBuilder<P, std::marker::PhantomData<C>>,
) -> Result<TransactionReceipt> {
    succeeded(call.send().await?.get_receipt().await?)
}

fn succeeded(receipt: TransactionReceipt) -> Result<TransactionReceipt> {
    let hash = receipt.transaction_hash;
    ensure!(receipt.status(), "transaction {hash} reverted");
    Ok(receipt)
}

fn creation_code() -> Result<Vec<u8>> {
    let path = node_module(ARTIFACT);
    let text = std::fs::read(&path).with_context(|| {
        let path = path.display();
        format!("cannot read {path}: run `npm ci` in the workspace's root")
    })?;
    let artifact: Value = serde_json::from_slice(&text)?;
    let code = artifact["bytecode"].as_str().context("the artifact has no bytecode")?;
    Ok(code.parse::<Bytes>()?.into())
}
