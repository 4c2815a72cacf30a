//! A busy life for a token, the same for the same seed.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::sol_types::SolCall;
use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::token::Preset;
use crate::{Anvil, Token};

const REQUESTS_PER_BATCH: usize = 500;

/// What to play.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// Decides everything else.
    pub seed: u64,
    /// How many accounts take part.
    pub accounts: u64,
    /// How many blocks are mined.
    pub blocks: u64,
    /// Transfers in each block.
    pub transfers_per_block: u64,
    /// Longest time between two blocks, in seconds. Some follow within the same second.
    pub block_seconds_max: u64,
}

/// What came of it, counted apart from the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Balances at the end, of everyone who took part.
    pub balances: BTreeMap<Address, U256>,
    /// Their sum.
    pub supply: U256,
    /// `Transfer` logs.
    pub transfers: u64,
    /// First block of it.
    pub first_block: u64,
    /// Last block of it.
    pub last_block: u64,
}

impl Default for Traffic {
    /// 5,000 transfers among 200 accounts in 250 blocks over about four hours.
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 200,
            blocks: 250,
            transfers_per_block: 20,
            block_seconds_max: 120,
        }
    }
}

/// One transaction.
enum Action {
    Mint(Address, U256),
    Burn(Address, U256),
    Transfer(Address, Address, U256),
}

impl Traffic {
    /// An account that takes part, by its index. Spread over all addresses, as real ones are.
    pub fn account(index: u64) -> Address {
        Address::from_word(keccak256(index.to_be_bytes()))
    }

    /// Plays it on a token whose owner is an account of the node. Balances from before count.
    ///
    /// Leaves the node mining a block per transaction.
    pub async fn play(&self, anvil: &Anvil, token: &Token) -> Result<Played> {
        let mut life = Life {
            random: Random(self.seed),
            accounts: (0..self.accounts).map(Self::account).collect(),
            balances: BTreeMap::new(),
        };
        for account in life.accounts.clone() {
            life.balances.insert(account, U256::ZERO);
        }
        for (account, balance) in &mut life.balances {
            *balance = token.balance_of(*account).await?;
        }
        anvil.set_automine(false).await?;
        let (before, mut time) = anvil.head().await?;
        for _ in 0..self.blocks {
            let actions = (0..self.transfers_per_block).map(|_| life.next_action());
            let transactions: Vec<Value> =
                actions.map(|action| transaction(token, &action)).collect();
            send(anvil, &transactions).await?;
            time += life.random.below(self.block_seconds_max + 1);
            anvil.mine_at(time).await?;
        }
        anvil.set_automine(true).await?;
        let played = Played {
            supply: life.balances.values().sum(),
            balances: life.balances,
            transfers: self.blocks * self.transfers_per_block,
            first_block: before + 1,
            last_block: before + self.blocks,
        };
        check(token, &played).await?;
        Ok(played)
    }
}

/// The balances as they must be, followed action by action.
struct Life {
    random: Random,
    accounts: Vec<Address>,
    balances: BTreeMap<Address, U256>,
}

impl Life {
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

fn transaction(token: &Token, action: &Action) -> Value {
    let (from, input) = match *action {
        Action::Mint(to, amount) => (token.owner(), Preset::mintCall { to, amount }.abi_encode()),
        Action::Burn(from, amount) => (from, Preset::burnCall { amount }.abi_encode()),
        Action::Transfer(from, to, amount) => {
            (from, Preset::transferCall { to, amount }.abi_encode())
        }
    };
    json!([{
        "from": from,
        "to": token.address(),
        "gas": "0x30d40",
        "gasPrice": "0x0",
        "input": alloy::primitives::Bytes::from(input),
    }])
}

async fn send(anvil: &Anvil, transactions: &[Value]) -> Result<()> {
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

/// A transaction that was lost or reverted shows here.
async fn check(token: &Token, played: &Played) -> Result<()> {
    for (account, balance) in &played.balances {
        let found = token.balance_of(*account).await?;
        ensure!(found == *balance, "{account} holds {found}, not {balance}");
    }
    Ok(())
}

/// `SplitMix64`: small, and the same on every platform.
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
