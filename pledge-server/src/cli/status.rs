//! `pledge status`: how far chains, tokens and contracts are.

use std::fmt;
use std::time::SystemTime;

use pledge_core::ledger::TokenState;
use pledge_core::ports::{ChainState, ProgrammeState};
use pledge_core::types::{BlockNumber, Timestamp};
use serde::Serialize;

use super::{Context, Verdict};
use crate::output::counted;
use crate::stores::{self, Stores};
use crate::views::{Age, ChainView, ContractView, Eip55, Marks, after_a_halt, figure};

#[derive(Debug, Serialize)]
struct Status {
    chains: Vec<ChainRow>,
}

#[derive(Debug, Serialize)]
struct ChainRow {
    #[serde(flatten)]
    chain: ChainView,
    /// Blocks between the ledger and the head.
    lag: Option<u64>,
    tokens: Vec<TokenRow>,
    contracts: Vec<ContractView>,
}

#[derive(Debug, Serialize)]
struct TokenRow {
    address: Eip55,
    symbol: String,
    start_block: BlockNumber,
    status: &'static str,
    reason: Option<String>,
    #[serde(flatten)]
    marks: Marks,
    last_confirmed_block: Option<BlockNumber>,
    last_confirmed_time: Option<Timestamp>,
    last_calculated_time: Option<Timestamp>,
    holders: u64,
    reorgs: u64,
    /// Rewinds by an operator, which are not reorgs.
    rewinds: u64,
}

pub(super) async fn execute(context: Context) -> anyhow::Result<Verdict> {
    let stores = stores::open_to_read(&context.config()?.storage).await?;
    let mut status = Status { chains: Vec::new() };
    for chain in stores.balances.chains().await? {
        status.chains.push(chain_row(&stores, chain).await?);
    }
    stores.close().await;
    context.output.print(&status)?;
    Ok(Verdict::Fine)
}

async fn chain_row(stores: &Stores, state: ChainState) -> anyhow::Result<ChainRow> {
    let mut tokens = Vec::new();
    for token in stores.balances.tokens(state.chain).await? {
        tokens.push(token_row(stores, token).await?);
    }
    let chain = ChainView::read(&stores.queries(), state, SystemTime::now()).await?;
    let confirmed = chain.figures.last_confirmed_block;
    let lag = chain.head_block.zip(confirmed);
    let lag = lag.map(|(head, at)| head.get().saturating_sub(at.get()));
    let contracts = stores.logs.contracts(chain.chain_id).await?;
    let contracts = contracts.iter().map(ContractView::of).collect();
    Ok(ChainRow { chain, lag, tokens, contracts })
}

async fn token_row(stores: &Stores, token: TokenState) -> anyhow::Result<TokenRow> {
    let programmes = stores.points.programmes(token.spec.id).await?;
    let settled = programmes.iter().map(ProgrammeState::settled).min();
    let (marks, reorgs) = (Marks::of(&token), token.reorgs());
    Ok(TokenRow {
        address: Eip55(token.spec.id.address),
        symbol: token.spec.metadata.symbol,
        start_block: token.spec.start_block,
        status: token.status.name(),
        reason: token.status.reason().map(str::to_owned),
        marks,
        last_confirmed_block: token.cursor.map(|cursor| cursor.number),
        last_confirmed_time: token.cursor.map(|cursor| cursor.time),
        last_calculated_time: settled.flatten(),
        holders: token.totals.holders,
        reorgs,
        rewinds: token.rewinds_by_operator,
    })
}

fn in_brackets(age: Option<Age>) -> String {
    age.map_or(String::new(), |age| format!(" ({age})"))
}

fn because(reason: Option<&String>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chains.is_empty() {
            return f
                .write_str("the database has no chain yet: start `pledge run` or `pledge index`");
        }
        for ChainRow { chain, lag, tokens, contracts } in &self.chains {
            let (name, id, status) = (&chain.name, chain.chain_id, chain.status);
            writeln!(f, "{name} ({id}) {status}{}", because(chain.reason.as_ref()))?;
            // The remedy comes before the figures: a stopped chain is what the reader looks for.
            if let Some(way_on) = &chain.way_on {
                writeln!(f, "  {way_on}")?;
            }
            writeln!(
                f,
                "  head {}{}, processed {}, confirmed {} at {}{}, {} behind, settled to {}",
                figure(chain.head_block),
                in_brackets(chain.head_age_seconds),
                figure(chain.last_processed_block),
                figure(chain.figures.last_confirmed_block),
                figure(chain.figures.last_confirmed_time),
                in_brackets(chain.last_confirmed_age_seconds),
                lag.map_or("-".to_owned(), |lag| counted(lag, "block")),
                figure(chain.figures.last_calculated_time)
            )?;
            for token in tokens {
                writeln!(f, "{token}")?;
                if token.reason.is_some() {
                    writeln!(f, "    {}", after_a_halt(name, token.address.0))?;
                }
            }
            for contract in contracts {
                writeln!(f, "  {contract}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (symbol, address, status) = (&self.symbol, &self.address, self.status);
        writeln!(f, "  {symbol} {address} {status}{}", because(self.reason.as_ref()))?;
        for mark in self.marks.said() {
            writeln!(f, "    warning: {mark}")?;
        }
        write!(
            f,
            "    confirmed {}, settled to {}, {}, {}",
            figure(self.last_confirmed_block),
            figure(self.last_calculated_time),
            counted(self.holders, "holder"),
            counted(self.reorgs, "reorg")
        )?;
        match self.rewinds {
            0 => Ok(()),
            rewinds => write!(f, ", {} by an operator", counted(rewinds, "rewind")),
        }
    }
}
