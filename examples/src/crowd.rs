//! Accounts that mint, burn and transfer at random, the same for the same seed.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::sol_types::SolCall;
use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::token::Preset;
use crate::{Anvil, Token, Traffic};

const REQUESTS_PER_BATCH: usize = 500;

/// Accounts of a token and what they hold, followed action by action.
#[derive(Debug)]
pub struct Crowd {
    token: Token,
    accounts: Vec<Address>,
    balances: BTreeMap<Address, U256>,
    random: Random,
}

/// One random transaction of the crowd.
enum Action {
    Mint(Address, U256),
    Burn(Address, U256),
    Transfer(Address, Address, U256),
}

impl Crowd {
    /// The first `accounts` of [`Traffic::account`], with what they hold now.
    pub async fn of(token: &Token, accounts: u64, seed: u64) -> Result<Self> {
        let accounts = (0..accounts).map(Traffic::account).collect();
        let (token, balances) = (token.clone(), BTreeMap::new());
        let mut crowd = Self { token, accounts, balances, random: Random(seed) };
        crowd.read().await?;
        Ok(crowd)
    }

    /// Reads the balances from the contract again: a reorg changes them.
    pub async fn read(&mut self) -> Result<()> {
        let held = self.token.balances_of(&self.accounts).await?;
        self.balances = self.accounts.iter().copied().zip(held).collect();
        Ok(())
    }

    /// Sends `count` transactions to a node that mines only on request, for its next block.
    pub async fn send(&mut self, anvil: &Anvil, count: u64) -> Result<()> {
        let transactions: Vec<_> = (0..count).map(|_| self.next_transaction()).collect();
        for chunk in transactions.chunks(REQUESTS_PER_BATCH) {
            let mut batch = BatchRequest::new(anvil.provider().client());
            let mut answers = Vec::with_capacity(chunk.len());
            for transaction in chunk {
                answers.push(batch.add_call::<_, Value>("eth_sendTransaction", transaction)?);
            }
            batch.send().await?;
            try_join_all(answers).await?;
        }
        Ok(())
    }

    /// A number below `bound`.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// Compares with the contract, which reveals a transaction that was lost or reverted.
    pub async fn check(&self) -> Result<()> {
        let found = self.token.balances_of(&self.accounts).await?;
        for (account, found) in self.accounts.iter().zip(found) {
            let expected = self.balances[account];
            ensure!(found == expected, "{account} holds {found}, not {expected}");
        }
        Ok(())
    }

    pub(crate) fn into_balances(self) -> BTreeMap<Address, U256> {
        self.balances
    }

    fn next_transaction(&mut self) -> Value {
        let action = self.next_action();
        let (from, input) = match action {
            Action::Mint(to, amount) => {
                (self.token.owner(), Preset::mintCall { to, amount }.abi_encode())
            }
            Action::Burn(from, amount) => (from, Preset::burnCall { amount }.abi_encode()),
            Action::Transfer(from, to, amount) => {
                (from, Preset::transferCall { to, amount }.abi_encode())
            }
        };
        json!([{
            "from": from,
            "to": self.token.address(),
            "gas": "0x30d40",
            "gasPrice": "0x0",
            "input": Bytes::from(input),
        }])
    }

    fn next_action(&mut self) -> Action {
        let (from, to) = (self.someone(), self.someone());
        let held = self.balances[&from];
        let part = held * U256::from(self.random.below(101)) / U256::from(100);
        match self.random.below(100) {
            0..20 => self.mint(to),
            20..30 => {
                self.debit(from, part);
                Action::Burn(from, part)
            }
            30..35 => Action::Transfer(from, from, part),
            35..40 => Action::Transfer(from, to, U256::ZERO),
            _ => {
                self.debit(from, part);
                self.credit(to, part);
                Action::Transfer(from, to, part)
            }
        }
    }

    fn mint(&mut self, to: Address) -> Action {
        let whole = U256::from(10).pow(U256::from(18));
        let amount = U256::from(self.random.below(1_000)) * whole
            + U256::from(self.random.below(1_000_000_007));
        self.credit(to, amount);
        Action::Mint(to, amount)
    }

    fn someone(&mut self) -> Address {
        let count = self.accounts.len() as u64;
        let index = usize::try_from(self.random.below(count)).expect("an index of a list");
        self.accounts[index]
    }

    fn credit(&mut self, account: Address, amount: U256) {
        *self.balances.entry(account).or_default() += amount;
    }

    fn debit(&mut self, account: Address, amount: U256) {
        *self.balances.entry(account).or_default() -= amount;
    }
}

/// `SplitMix64`: small, and the same on every platform.
#[derive(Debug)]
struct Random(u64);

impl Random {
    const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
