//! The result of the demo, in a few lines.

use std::fmt;
use std::net::SocketAddr;

use pledge_core::primitives::{Address, U512};
use pledge_core::types::{Account, Amount, Rate, RawPoints, Scale};
use serde::Serialize;

use crate::output::as_text;
use crate::verify::{TokenReport, Verdict};

#[derive(Debug, Serialize)]
pub struct Story {
    /// One account, one hour.
    pub hour: HourStory,
    /// Two days of a busy token.
    pub market: MarketStory,
}

/// Points as a decimal, as an exact fraction, and as stored.
#[derive(Debug, Serialize)]
pub struct Earned {
    points: String,
    exact: String,
    raw: RawPoints,
    scale: Scale,
}

/// The result of the worked case.
#[derive(Debug, Serialize)]
pub struct HourStory {
    pub(super) chain_id: u64,
    #[serde(serialize_with = "as_text")]
    pub(super) token: Address,
    #[serde(serialize_with = "as_text")]
    pub(super) account: Account,
    pub(super) balance: Amount,
    pub(super) rate: Rate,
    pub(super) window_start: u64,
    pub(super) settled: u64,
    pub(super) earned: Earned,
    pub(super) audit: TokenReport,
}

/// The result of the busy token.
#[derive(Debug, Serialize)]
pub struct MarketStory {
    pub(super) chain_id: u64,
    #[serde(serialize_with = "as_text")]
    pub(super) token: Address,
    pub(super) seed: u64,
    pub(super) hours: u64,
    pub(super) blocks: u64,
    pub(super) transfers: usize,
    pub(super) accounts: usize,
    pub(super) holders: u64,
    pub(super) settled: u64,
    pub(super) fork: ForkStory,
    pub(super) leaders: Vec<Leader>,
    pub(super) audit: TokenReport,
}

/// A fork that reached the ledger.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ForkStory {
    pub(super) from_block: u64,
    pub(super) to_block: u64,
    pub(super) changes_removed: u64,
    pub(super) statements_reversed: u64,
}

/// An account at the top of the leaderboard.
#[derive(Debug, Serialize)]
pub struct Leader {
    #[serde(serialize_with = "as_text")]
    pub(super) account: Account,
    pub(super) earned: Earned,
}

/// The story, and the urls that show it.
#[derive(Debug, Serialize)]
pub struct FinishedStory {
    #[serde(flatten)]
    story: Story,
    /// Urls to open; empty if nothing is served.
    urls: Vec<String>,
}

impl Earned {
    pub(super) fn new(raw: RawPoints, scale: Scale) -> Self {
        let divisor = raw.get().gcd(scale.get()).max(U512::from(1));
        let (numerator, denominator) = (raw.get() / divisor, scale.get() / divisor);
        Self { points: scale.points(raw), exact: format!("{numerator}/{denominator}"), raw, scale }
    }
}

impl Story {
    /// Whether both verifications agree.
    pub fn is_fine(&self) -> bool {
        let reports = [&self.hour.audit, &self.market.audit];
        reports.iter().all(|report| report.verdict == Verdict::Ok)
    }

    /// Adds the urls at which a server shows it.
    pub fn finished(self, server: Option<SocketAddr>) -> FinishedStory {
        let urls = server.map_or(Vec::new(), |server| self.urls(server));
        FinishedStory { story: self, urls }
    }

    /// Short paths, which a terminal shows in one line each, and what they lead to.
    pub fn paths(&self) -> [(&'static str, String); 3] {
        let token = |chain: u64, token: Address| format!("chains/{chain}/tokens/{token}");
        let hour = token(self.hour.chain_id, self.hour.token);
        let market = token(self.market.chain_id, self.market.token);
        let account = self.hour.account;
        [
            ("/hour", format!("{hour}/accounts/{account}")),
            ("/hour/changes", format!("{hour}/accounts/{account}/changes")),
            ("/market", format!("{market}/accounts?sort=points")),
        ]
    }

    fn urls(&self, server: SocketAddr) -> Vec<String> {
        let [hour, changes, market] = self.paths().map(|(path, _)| path);
        let paths = ["/api/v1/chains", hour, changes, market, "/api/v1/settlements"];
        paths.iter().map(|path| format!("http://{server}{path}")).collect()
    }
}

impl fmt::Display for FinishedStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.story.hour, self.story.market)?;
        if let Some((first, rest)) = self.urls.split_first() {
            writeln!(f, "\nOpen {first}")?;
            for url in rest {
                writeln!(f, "     {url}")?;
            }
            writeln!(f, "The market lives on, and the answers change. Ctrl-C ends it.")?;
        }
        Ok(())
    }
}

impl fmt::Display for HourStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, token, account, rate, earned, .. } = self;
        writeln!(f, "One hour (chain {chain_id}, PLG {token})")?;
        writeln!(f, "  {account} held 0 PLG at 15:00, 100 at 15:10 and 200 at 15:30,")?;
        writeln!(f, "  at {rate} points per token and hour. The block of 16:00 settled the hour:")?;
        writeln!(f, "  {} points, exactly {}.", earned.points, earned.exact)?;
        write!(f, "  verification: {}", self.audit)
    }
}

impl fmt::Display for MarketStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, token, seed, hours, blocks, transfers, accounts, fork, .. } = self;
        writeln!(f, "{hours} hours of a market (chain {chain_id}, USDP {token}, seed {seed})")?;
        writeln!(f, "  {blocks} blocks, {transfers} transfers among {accounts} accounts;")?;
        writeln!(
            f,
            "  a fork took the ledger back from block {} to {}: {} changes were undone,",
            fork.from_block, fork.to_block, fork.changes_removed
        )?;
        writeln!(
            f,
            "  {} published statements taken back by added rows, and the other branch settled.",
            fork.statements_reversed
        )?;
        for (place, Leader { account, earned }) in (1..).zip(&self.leaders) {
            writeln!(f, "  {place}. {account}  {} points", earned.points)?;
        }
        write!(f, "  verification: {}", self.audit)
    }
}
