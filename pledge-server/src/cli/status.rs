//! `pledge status`: how far chains, tokens and contracts are.

use std::fmt;
use std::time::SystemTime;

use pledge_core::query::{self, FollowedToken};
use pledge_core::types::{BlockNumber, Timestamp};
use pledge_http::views::{Age, ChainView, Eip55, Marks};
use serde::Serialize;

use super::{Context, Verdict};
use crate::output::counted;
use crate::stores;
use crate::views::{ago, because, contract_line, figure, marks_in_words, way_on, way_on_of_token};

#[derive(Debug, Serialize)]
struct Status {
    chains: Vec<ChainRow>,
}

#[derive(Debug, Serialize)]
struct ChainRow {
    #[serde(flatten)]
    chain: ChainView,
    /// How the operator sets it going again, if needed.
    #[serde(skip)]
    way_on: Option<String>,
    /// Blocks between the ledger and the head.
    lag: Option<u64>,
    tokens: Vec<TokenRow>,
}

#[derive(Debug, Serialize)]
struct TokenRow {
    address: Eip55,
    symbol: String,
    start_block: BlockNumber,
    status: &'static str,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason: Option<String>,
    #[serde(skip)]
    way_on: Option<String>,
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
    let chains = query::ChainView::all(&stores.queries()).await?;
    stores.close().await;
    let status = Status { chains: chains.into_iter().map(ChainRow::of).collect() };
    context.output.print(&status)?;
    Ok(Verdict::Fine)
}

impl ChainRow {
    fn of(chain: query::ChainView) -> Self {
        let name = &chain.state.name;
        let tokens = chain.tokens.iter().map(|token| TokenRow::of(name, token)).collect();
        let way_on = way_on(&chain.state.name, &chain.state.status);
        let chain = ChainView::of(chain, SystemTime::now());
        Self { way_on, lag: chain.lag, chain, tokens }
    }
}

impl TokenRow {
    fn of(chain: &str, token: &FollowedToken) -> Self {
        let state = &token.state;
        Self {
            way_on: way_on_of_token(chain, state.spec.id.address, &state.status),
            address: Eip55(state.spec.id.address),
            symbol: state.spec.metadata.symbol.clone(),
            start_block: state.spec.start_block,
            status: state.status.name(),
            reason: state.status.reason().map(str::to_owned),
            halt_reason: state.status.halt_under_pause().map(str::to_owned),
            marks: Marks::of(state),
            last_confirmed_block: state.cursor.map(|cursor| cursor.number),
            last_confirmed_time: state.cursor.map(|cursor| cursor.time),
            last_calculated_time: token.settled(),
            holders: state.totals.holders,
            reorgs: state.reorgs(),
            rewinds: state.rewinds_by_operator,
        }
    }
}

fn in_brackets(age: Option<Age>) -> String {
    age.map_or(String::new(), |age| format!(" ({})", ago(age)))
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chains.is_empty() {
            return f
                .write_str("the database has no chain yet: start `pledge run` or `pledge index`");
        }
        for ChainRow { chain, way_on, lag, tokens } in &self.chains {
            let (name, id, status) = (&chain.name, chain.chain_id, chain.status);
            writeln!(
                f,
                "{name} ({id}) {status}{}",
                because(chain.reason.as_ref(), chain.halt_reason.as_ref())
            )?;
            // The remedy comes before the figures: a stopped chain is what the reader looks for.
            if let Some(way_on) = way_on {
                writeln!(f, "  {way_on}")?;
            }
            writeln!(
                f,
                "  head {}{}, processed {}, confirmed {} at {}{}, {} behind, settled to {}",
                figure(chain.head_block),
                in_brackets(chain.head_age_seconds),
                figure(chain.last_processed_block),
                figure(chain.last_confirmed_block),
                figure(chain.last_confirmed_time),
                in_brackets(chain.last_confirmed_age_seconds),
                lag.map_or("-".to_owned(), |lag| counted(lag, "block")),
                figure(chain.last_calculated_time)
            )?;
            for token in tokens {
                writeln!(f, "{token}")?;
                if let Some(way_on) = &token.way_on {
                    writeln!(f, "    {way_on}")?;
                }
            }
            for contract in &chain.contracts {
                writeln!(f, "  {}", contract_line(contract))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (symbol, address, status) = (&self.symbol, &self.address, self.status);
        let why = because(self.reason.as_ref(), self.halt_reason.as_ref());
        writeln!(f, "  {symbol} {address} {status}{why}")?;
        for mark in marks_in_words(&self.marks) {
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
