//! The market after its story: it continues, forks now and then, and is verified after each deep
//! fork.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, ensure};
use pledge_core::types::{ProgrammeId, RawPoints, Scale};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::blocks::{BLOCK_MINUTES, BLOCKS_PER_HOUR};
use super::market::Market;
use super::speed::Speed;
use super::summary::{AuditSeen, ForkSeen, ReorgSeen, Snapshot};
use crate::progress::Progress;
use crate::stores::Stores;
use crate::verify::Verdict;

/// The accounts that trade from the start; others join later.
const ACCOUNTS: usize = 300;
const TRANSFERS: RangeInclusive<u64> = 4..=12;
/// A market lasts two weeks of chain time. Ledger, statements and blocks stay in memory: less than
/// 200 MB.
const HOURS_MAX: u64 = 14 * 24;
const STANDINGS_PAGE: usize = 1_000;

/// A market that continues after its story.
#[derive(Debug)]
pub struct Life {
    market: Market,
    speed: Speed,
    /// It ends at this height.
    height_max: u64,
    began: Instant,
    written_before: u64,
    fork: Option<(u64, Instant)>,
    reorg: Option<(u64, Instant)>,
    audit: Option<(Audited, Instant)>,
}

/// What a successful verification covered.
#[derive(Debug, Clone, Copy)]
struct Audited {
    at_block: u64,
    accounts: u64,
}

impl Life {
    /// Continues where the story ends.
    pub fn new(mut market: Market, speed: Speed) -> Self {
        market.traffic = market.traffic.grown(ACCOUNTS, TRANSFERS);
        market.player.hush();
        Self {
            speed,
            height_max: market.height() + HOURS_MAX * BLOCKS_PER_HOUR,
            began: Instant::now(),
            written_before: market.tally.changes_written,
            fork: None,
            reorg: None,
            audit: None,
            market,
        }
    }

    /// Runs until `stop`, or until the market has reached its greatest age. A verification that
    /// finds a fault is an error.
    pub async fn live(mut self, progress: Progress, stop: CancellationToken) -> anyhow::Result<()> {
        let board = progress.board();
        let mut redraw = interval(board.interval());
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut block = interval(self.speed.real(Duration::from_secs(BLOCK_MINUTES * 60)));
        // A step that takes longer than a block must not be followed by a burst of them.
        block.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.market.height() < self.height_max {
            tokio::select! {
                // In this order: at a high speed a block is always due, and a stop must not wait
                // for its turn.
                biased;
                () = stop.cancelled() => break,
                _ = redraw.tick() => {
                    let now = self.snapshot().await?;
                    board.show(|| now.to_string(), || now.line());
                }
                _ = block.tick() => self.step().await?,
            }
        }
        let last = self.snapshot().await?;
        board.ends(|| last.line());
        stop.cancel();
        Ok(())
    }

    /// Adds one block, on this branch or on another.
    async fn step(&mut self) -> anyhow::Result<()> {
        let market = &mut self.market;
        let tick = market.traffic.tick();
        if tick.dropped > 0 {
            market.drop_blocks(tick.dropped);
            self.fork = Some((tick.dropped, Instant::now()));
        }
        tick.blocks.iter().for_each(|block| market.mine(block));
        let reorgs = market.tally.reorgs;
        market.catch_up().await?;
        if market.tally.reorgs > reorgs {
            self.reorg = self.fork;
            self.verify().await?;
        }
        Ok(())
    }

    async fn verify(&mut self) -> anyhow::Result<()> {
        let report = self.market.player.verify().await?;
        ensure!(
            report.verdict == Verdict::Ok,
            "verification found a fault in the ledger: {report}"
        );
        let at_block = report.at_block.context("a verification that agrees has a block")?;
        self.audit = Some((Audited { at_block, accounts: report.accounts }, Instant::now()));
        Ok(())
    }

    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let Market { player, tally, statements, seed, .. } = &self.market;
        // Figures of the chain and of the store: between two polls the head may be ahead of the
        // ledger.
        let head = player.chain.head();
        let token = player.stores.balances.token(player.token).await?;
        let token = token.context("the token was registered")?;
        let programmes = player.stores.points.programmes(player.token).await?;
        Ok(Snapshot {
            name: player.name,
            chain: player.token.chain,
            seed: *seed,
            speed: self.speed,
            time: head.time,
            head: head.number.get(),
            confirmed: token.cursor.map_or(0, |cursor| cursor.number.get()),
            changes: tally.changes_written - tally.changes_removed,
            written: tally.changes_written - self.written_before,
            lives: self.began.elapsed(),
            holders: token.totals.holders,
            points: points_issued(&player.stores, &player.programme.id).await?,
            scale: Scale::of(token.spec.metadata.decimals),
            settled: programmes.first().and_then(|state| state.settled()),
            statements: *statements,
            statements_reversed: tally.statements_reversed,
            fork: self.fork.map(|(blocks, at)| ForkSeen { blocks, ago: at.elapsed() }),
            reorg: self.reorg.zip(tally.last_reorg).map(|((blocks, at), ledger)| ReorgSeen {
                blocks,
                ledger,
                ago: at.elapsed(),
            }),
            audit: self.audit.map(|(Audited { at_block, accounts }, at)| AuditSeen {
                at_block,
                accounts,
                ago: at.elapsed(),
            }),
        })
    }
}

/// The settled points of every account, exactly.
async fn points_issued(stores: &Stores, programme: &ProgrammeId) -> anyhow::Result<RawPoints> {
    let (mut sum, mut after) = (RawPoints::ZERO, None);
    loop {
        let page = stores.points.standings(programme, after, STANDINGS_PAGE).await?.value;
        for standing in &page {
            sum = sum.try_add(standing.raw)?;
        }
        match page.last() {
            Some(last) if page.len() == STANDINGS_PAGE => after = Some((last.raw, last.account)),
            _ => return Ok(sum),
        }
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
