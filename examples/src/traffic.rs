//! A busy history for a token, the same for the same seed.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256, keccak256};
use anyhow::Result;

use crate::crowd::Crowd;
use crate::{Anvil, Token};

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

/// The outcome, counted independently of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Balances at the end, of everyone who took part.
    pub balances: BTreeMap<Address, U256>,
    /// The sum of all balances.
    pub supply: U256,
    /// The number of `Transfer` logs.
    pub transfers: u64,
    /// The first block that was mined.
    pub first_block: u64,
    /// The last block that was mined.
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

impl Traffic {
    /// An account that takes part, by its index. Spread over all addresses, as real ones are.
    pub fn account(index: u64) -> Address {
        Address::from_word(keccak256(index.to_be_bytes()))
    }

    /// Plays it on a token whose owner is an account of the node. Balances from before count.
    ///
    /// Leaves the node mining a block per transaction.
    pub async fn play(&self, anvil: &Anvil, token: &Token) -> Result<Played> {
        let mut crowd = Crowd::of(token, self.accounts, self.seed).await?;
        anvil.set_automine(false).await?;
        let (before, mut time) = anvil.head().await?;
        for _ in 0..self.blocks {
            crowd.send(anvil, self.transfers_per_block).await?;
            time += crowd.below(self.block_seconds_max + 1);
            anvil.mine_at(time).await?;
        }
        anvil.set_automine(true).await?;
        crowd.check().await?;
        let balances = crowd.into_balances();
        Ok(Played {
            supply: balances.values().sum(),
            balances,
            transfers: self.blocks * self.transfers_per_block,
            first_block: before + 1,
            last_block: before + self.blocks,
        })
    }
}
