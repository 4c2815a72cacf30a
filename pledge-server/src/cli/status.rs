//! `pledge status`: where chains and tokens stand.

use std::fmt;

use pledge_core::ledger::{TokenState, TokenStatus};
use pledge_core::ports::ChainState;
use pledge_core::types::{BlockNumber, Timestamp};
use serde::Serialize;

use super::{Context, Verdict};
use crate::stores::{self, Stores};

#[derive(Debug, Serialize)]
struct Status {
    chains: Vec<ChainRow>,
}

/// A chain's figures are the lowest of its active tokens.
#[derive(Debug, Serialize)]
struct ChainRow {
    chain_id: u64,
    name: String,
    status: &'static str,
    reason: Option<String>,
    head: Option<u64>,
    processed: Option<u64>,
    confirmed: Option<u64>,
    confirmed_time: Option<u64>,
    /// Blocks between the ledger and the head.
    lag: Option<u64>,
    settled: Option<u64>,
    tokens: Vec<TokenRow>,
}

#[derive(Debug, Serialize)]
struct TokenRow {
    token: String,
    symbol: String,
    start_block: u64,
    status: &'static str,
    reason: Option<String>,
    confirmed: Option<u64>,
    confirmed_time: Option<u64>,
    holders: u64,
    settled: Option<u64>,
    reorgs: u64,
}

pub(super) async fn execute(context: Context) -> anyhow::Result<Verdict> {
    let stores = stores::open_existing(&context.config()?.storage).await?;
    let mut status = Status { chains: Vec::new() };
    for chain in stores.balances.chains().await? {
        status.chains.push(chain_row(&stores, chain).await?);
    }
    stores.close().await;
    context.output.print(&status)?;
    Ok(Verdict::Fine)
}

async fn chain_row(stores: &Stores, chain: ChainState) -> anyhow::Result<ChainRow> {
    let mut tokens = Vec::new();
    for token in stores.balances.tokens(chain.chain).await? {
        tokens.push(token_row(stores, token).await?);
    }
    let active = || tokens.iter().filter(|token| token.reason.is_none());
    // A token that stands nowhere yet makes the chain stand nowhere.
    let confirmed = active().map(|token| token.confirmed).min().flatten();
    let confirmed_time = active().map(|token| token.confirmed_time).min().flatten();
    let settled = active().map(|token| token.settled).min().flatten();
    let head = chain.head.map(BlockNumber::get);
    Ok(ChainRow {
        chain_id: chain.chain.get(),
        name: chain.name,
        status: chain.status.name(),
        reason: chain.status.reason().map(str::to_owned),
        head,
        processed: chain.processed.map(BlockNumber::get),
        confirmed,
        confirmed_time,
        lag: head.zip(confirmed).map(|(head, at)| head.saturating_sub(at)),
        settled,
        tokens,
    })
}

async fn token_row(stores: &Stores, token: TokenState) -> anyhow::Result<TokenRow> {
    let programmes = stores.points.programmes(token.spec.id).await?;
    let settled = programmes.iter().map(|programme| programme.settled()).min();
    let (status, reason) = match token.status {
        TokenStatus::Active => ("active", None),
        TokenStatus::Halted(reason) => ("halted", Some(reason)),
    };
    Ok(TokenRow {
        token: token.spec.id.address.to_string(),
        symbol: token.spec.metadata.symbol,
        start_block: token.spec.start_block.get(),
        status,
        reason,
        confirmed: token.cursor.map(|cursor| cursor.number.get()),
        confirmed_time: token.cursor.map(|cursor| cursor.time.get()),
        holders: token.totals.holders,
        settled: settled.flatten().map(Timestamp::get),
        reorgs: token.epoch.get(),
    })
}

/// A figure, or a dash.
fn figure(figure: Option<u64>) -> String {
    figure.map_or("-".to_owned(), |figure| figure.to_string())
}

fn instant(seconds: Option<u64>) -> String {
    let time = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let time = time.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map_or("-".to_owned(), |time| time.format("%FT%TZ").to_string())
}

fn because(reason: Option<&String>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chains.is_empty() {
            return f.write_str("no chain is known yet");
        }
        for chain in &self.chains {
            let (name, id, status) = (&chain.name, chain.chain_id, chain.status);
            writeln!(f, "{name} ({id}) {status}{}", because(chain.reason.as_ref()))?;
            writeln!(
                f,
                "  head {}, processed {}, confirmed {} at {}, {} blocks behind, settled to {}",
                figure(chain.head),
                figure(chain.processed),
                figure(chain.confirmed),
                instant(chain.confirmed_time),
                figure(chain.lag),
                instant(chain.settled)
            )?;
            for token in &chain.tokens {
                writeln!(f, "{token}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (symbol, token, status) = (&self.symbol, &self.token, self.status);
        writeln!(f, "  {symbol} {token} {status}{}", because(self.reason.as_ref()))?;
        write!(
            f,
            "    confirmed {}, settled to {}, {} holders, {} reorgs",
            figure(self.confirmed),
            instant(self.settled),
            self.holders,
            self.reorgs
        )
    }
}
