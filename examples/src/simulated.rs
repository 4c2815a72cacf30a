//! A token whose history is a script: no node, no clock.

use anyhow::{Context, Result};
use pledge_core::engine::{FollowedChain, FollowedToken};
use pledge_core::indexer::{Finality, IndexerConfig};
use pledge_core::ledger::TokenMetadata;
use pledge_core::primitives::{Address, U256};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    Amount, BlockNumber, BlockRef, ChainId, Decimals, RateSchedule, Timestamp, TokenId,
};

use crate::GENESIS_TIME;

/// Where tokens come from and go to.
pub const NOBODY: Address = Address::ZERO;
/// A first holder for scripts.
pub const ALICE: Address = Address::repeat_byte(0xa1);
/// A second holder for scripts.
pub const BOB: Address = Address::repeat_byte(0xb0);

/// A token of 18 decimals on a chain in memory, on the first of January 2026.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The chain, for forks.
    pub chain: ScriptedChain,
    /// The token's chain and address.
    pub token: TokenId,
}

impl Simulated {
    /// A chain with nothing but a genesis at midnight.
    pub fn new() -> Result<Self> {
        let token = TokenId { chain: ChainId::new(31_337), address: Address::repeat_byte(0x70) };
        let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals: Decimals::new(18)? };
        let chain = ScriptedChain::new(token.chain, instant("00:00")?);
        Ok(Self { chain: chain.with_token(token.address, metadata), token })
    }

    /// Mines a block at a time of the day, with transfers of whole tokens: from, to, how many.
    pub fn mine(&self, clock: &str, transfers: &[(Address, Address, u64)]) -> Result<BlockRef> {
        let scripted = transfers.iter().map(|(from, to, whole)| {
            let amount = Amount::new(U256::from(*whole) * U256::from(10).pow(U256::from(18)));
            ScriptedTransfer { token: self.token.address, from: *from, to: *to, amount }
        });
        Ok(self.chain.mine(instant(clock)?, &scripted.collect::<Vec<_>>()))
    }

    /// For an engine: the token from its first block on, each block committed alone once two more
    /// blocks follow it.
    pub fn followed(&self, rates: RateSchedule) -> FollowedChain {
        let token = FollowedToken::new(self.token.address, BlockNumber::new(1)).earning_by(rates);
        let config = IndexerConfig {
            finality: Finality::Depth(2),
            slice_blocks_max: 1,
            ..IndexerConfig::default()
        };
        FollowedChain::new("simulated", self.chain.clone()).bounded_by(config).token(token)
    }
}

/// The instant of a time of the day, `hh:mm`.
pub fn instant(clock: &str) -> Result<Timestamp> {
    let (hours, minutes) = clock.split_once(':').with_context(|| format!("{clock} is no hh:mm"))?;
    let seconds = hours.parse::<u64>()? * 3_600 + minutes.parse::<u64>()? * 60;
    Ok(Timestamp::new(GENESIS_TIME + seconds)?)
}

/// The time of the day of an instant, `hh:mm`.
pub fn clock(time: Timestamp) -> String {
    let minutes = time.get() % 86_400 / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
