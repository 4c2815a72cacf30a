//! Two days of a busy token, with a fork across settled windows.

use std::ops::RangeInclusive;

use anyhow::Context;
use pledge_core::primitives::U256;
use pledge_core::types::{Amount, ChainId, RateSchedule, Scale, Step};

use super::at;
use super::blocks::{BLOCK_MINUTES, BLOCKS_PER_HOUR, CONFIRMATIONS};
use super::player::{Player, Scene};
use super::story::{Earned, Leader, MarketStory};
use super::tally::Tally;
use super::traffic::{Move, Traffic};
use crate::progress::Progress;
use crate::stores::Stores;

const ACCOUNTS: usize = 50;
const TRANSFERS: RangeInclusive<u64> = 0..=2;
const HOURS: u64 = 48;
/// The fork comes after this hour and drops the blocks of more than two settled windows.
const FORK_HOUR: u64 = 30;
const FORK_BLOCKS: u64 = 33;
const LEADERS: usize = 3;

/// A busy token: its chain, the moves of its accounts, and the state of its ledger.
#[derive(Debug)]
pub struct Market {
    pub(super) player: Player,
    pub(super) traffic: Traffic,
    pub(super) tally: Tally,
    /// Statements published so far.
    pub(super) statements: u64,
    pub(super) seed: u64,
}

impl Market {
    async fn open(stores: &Stores, progress: &Progress, seed: u64) -> anyhow::Result<Self> {
        let doubled = Step { from: at(24, 0, 0), value: "0.5".parse()? };
        let scene = Scene {
            chain: ChainId::new(31_338),
            name: "market",
            symbol: "USDP",
            decimals: 6,
            rates: RateSchedule::new("0.25".parse()?, vec![doubled])?,
            confirmations: CONFIRMATIONS,
            genesis: at(0, 0, 0),
        };
        let player = Player::open(scene, stores, progress).await?;
        let tally = Tally::new(player.token.chain);
        let traffic = Traffic::new(seed, ACCOUNTS, TRANSFERS);
        Ok(Self { player, traffic, tally, statements: 0, seed })
    }

    /// Height of the newest block.
    pub(super) fn height(&self) -> u64 {
        self.player.chain.head().number.get()
    }

    /// Mines the next block, at the time of its height.
    pub(super) fn mine(&self, block: &[Move]) {
        let transfer = |m: &Move| self.player.transfer(m.from, m.to, self.amount(m.cents));
        let transfers: Vec<_> = block.iter().map(transfer).collect();
        let height = self.height() + 1;
        self.player.chain.mine(at(0, height * BLOCK_MINUTES, 0), &transfers);
    }

    /// Drops the newest blocks.
    pub(super) fn drop_blocks(&self, blocks: u64) {
        self.player.chain.fork_at(self.height().saturating_sub(blocks));
    }

    /// Indexes, settles and counts everything that the chain has.
    pub(super) async fn catch_up(&mut self) -> anyhow::Result<()> {
        self.statements += self.player.catch_up().await?.statements;
        Ok(self.tally.read(&self.player.stores.events).await?)
    }

    /// Plays up to the end of an hour, and catches up at the end of each.
    async fn play_to(&mut self, hour: u64) -> anyhow::Result<()> {
        while self.height() < hour * BLOCKS_PER_HOUR {
            let block = self.traffic.block();
            self.mine(&block);
            if self.height().is_multiple_of(BLOCKS_PER_HOUR) {
                self.catch_up().await?;
            }
        }
        Ok(())
    }

    fn amount(&self, cents: u64) -> Amount {
        let unit = self.player.tokens(1).get() / U256::from(100);
        Amount::new(unit * U256::from(cents))
    }

    async fn tell(&self) -> anyhow::Result<MarketStory> {
        let Player { token, programme, stores, chain, .. } = &self.player;
        let state = stores.balances.token(*token).await?;
        let state = state.context("the token was registered")?;
        let scale = Scale::of(state.spec.metadata.decimals);
        let standings = stores.points.standings(&programme.id, None, LEADERS).await?;
        let programmes = stores.points.programmes(*token).await?;
        // Settled points, not accrued ones: they stay the same until the next hour is settled.
        let settled = programmes.first().and_then(|state| state.settled());
        let leaders = standings.value.into_iter().map(|standing| Leader {
            account: standing.account,
            earned: Earned::new(standing.raw, scale),
        });
        Ok(MarketStory {
            chain_id: token.chain.get(),
            token: token.address,
            seed: self.seed,
            hours: HOURS,
            blocks: self.height(),
            transfers: chain.transfers().len(),
            accounts: self.traffic.accounts(),
            holders: state.totals.holders,
            settled: settled.context("two days are settled")?.get(),
            fork: self.tally.last_reorg.context("the fork left no record")?,
            leaders: leaders.collect(),
            audit: self.player.verify().await?,
        })
    }
}

/// Plays two days; after thirty hours the last blocks turn out to be those of a losing branch.
pub(super) async fn play(
    stores: &Stores,
    progress: &Progress,
    seed: u64,
) -> anyhow::Result<(Market, MarketStory)> {
    let mut market = Market::open(stores, progress, seed).await?;
    market.play_to(FORK_HOUR).await?;
    let dropped = market.traffic.undo(FORK_BLOCKS);
    market.drop_blocks(dropped);
    market.play_to(HOURS).await?;
    let story = market.tell().await?;
    Ok((market, story))
}
