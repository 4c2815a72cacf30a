//! A chain on which much happens, and sometimes is undone.

use std::ops::Range;
use std::time::Duration;

use pledge_examples::Crowd;

use super::super::chains::Chain;
use super::pace::Pace;
use super::random::Random;

const ACCOUNTS: u64 = 96;
/// Blocks that no reorg reaches.
const FIRST_BLOCKS: u64 = 20;
const FIRST_GROWTH: u64 = 10;
/// Between two blocks while a process lives.
const PAUSE_MS: Range<u64> = 0..60;
const REORG_PERCENT: u64 = 8;
/// The ledger is six blocks below the head, so some forks reach it.
const REORG_DEPTH: Range<u64> = 1..16;

/// The token's chain and those who move it.
pub(super) struct Market {
    pub(super) chain: Chain,
    crowd: Crowd,
    random: Random,
    pub(super) reorgs: u32,
}

impl Market {
    pub(super) async fn open(random: &mut Random) -> Self {
        let chain = Chain::start(11_155_111).await;
        chain.anvil.mine(FIRST_BLOCKS, 12).await.unwrap();
        chain.anvil.set_automine(false).await.unwrap();
        let crowd = Crowd::of(&chain.token, ACCOUNTS, random.below(0..u64::MAX)).await.unwrap();
        let mut market = Self { chain, crowd, random: random.fork(), reorgs: 0 };
        for _ in 0..FIRST_GROWTH {
            market.mine().await;
        }
        market
    }

    /// Mines a block, and more as the ledger follows, until the process is dead.
    pub(super) async fn grow(&mut self, pace: &Pace) {
        pace.head.set(self.mine().await);
        loop {
            tokio::time::sleep(Duration::from_millis(self.random.below(PAUSE_MS))).await;
            if pace.is_over.get() {
                return;
            }
            if self.random.is(REORG_PERCENT) {
                self.reorg().await;
            }
            if !pace.is_ahead() {
                pace.head.set(self.mine().await);
            }
        }
    }

    /// Mines a block and returns its height.
    async fn mine(&mut self) -> u64 {
        let transfers = self.random.below(0..32);
        self.crowd.send(&self.chain.anvil, transfers).await.unwrap();
        let (head, time) = self.chain.anvil.head().await.unwrap();
        let next = time + self.step();
        self.chain.anvil.mine_at(next).await.unwrap();
        head + 1
    }

    pub(super) async fn reorg(&mut self) {
        let depth = self.random.below(REORG_DEPTH);
        self.chain.anvil.reorg(depth).await.unwrap();
        self.crowd.read().await.unwrap();
        self.reorgs += 1;
    }

    /// Seconds to the next block: none, a few, an hour or so, most of a day.
    const fn step(&mut self) -> u64 {
        let longest = match self.random.below(0..16) {
            0..2 => 1,
            2..6 => 600,
            6..15 => 7_200,
            _ => 80_000,
        };
        self.random.below(0..longest)
    }
}
