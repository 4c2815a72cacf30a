//! `pledge logs`: the logs that are kept of a contract.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use pledge_core::logs::ConfirmedLog;
use pledge_core::ports::{ChainState, ContractLogsQuery, LogOrder};
use pledge_core::primitives::{B256, Bytes};
use pledge_core::query::ContractLogs;
use pledge_core::types::{BlockNumber, ChainId, ContractId, LogIndex, Timestamp};
use pledge_http::views::{ContractView, Eip55};
use serde::{Serialize, Serializer};

use super::pause::find;
use super::{Context, Verdict, WrongUsage};
use crate::config::{Config, ContractConfig};
use crate::stores::Stores;
use crate::views::contract_line;
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The contract, by its chain's name or id and its own name, such as mainnet:pool
    #[arg(value_name = "CHAIN:NAME")]
    contract: String,
    /// Rows to list at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000)
    )]
    limit: usize,
    /// Continue after this place, as the last line of the list gives it
    #[arg(long, value_name = "BLOCK:INDEX")]
    after: Option<Place>,
    /// List the oldest first
    #[arg(long)]
    oldest: bool,
}

/// The place of a log on its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(BlockNumber, LogIndex);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Digits alone: a number of Rust may begin with `+`.
        let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let number = |part| Some(part).filter(is_number)?.parse::<u64>().ok();
        let place = text.split_once(':').and_then(|(block, index)| {
            Some(Self(BlockNumber::new(number(block)?), LogIndex::new(number(index)?)))
        });
        place.ok_or_else(|| "write a block and the index of a log, such as 120:3".to_owned())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1.get())
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Debug, Serialize)]
struct Listing {
    chain_id: ChainId,
    chain: String,
    contract: ContractView,
    logs: Vec<LogRow>,
    /// The place to continue after; `None` if the list is complete.
    next_after: Option<Place>,
    #[serde(skip)]
    oldest: bool,
}

#[derive(Debug, Serialize)]
struct LogRow {
    block: BlockNumber,
    time: Timestamp,
    log_index: LogIndex,
    transaction: B256,
    address: Eip55,
    /// The signature of the event, if the configuration has it.
    event: Option<String>,
    topics: Vec<B256>,
    data: Bytes,
}

pub(super) async fn execute(context: Context, args: LogsArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let (chain, name) = args.contract.split_once(':').ok_or_else(|| {
        let contract = &args.contract;
        WrongUsage(format!("`{contract}` is not CHAIN:NAME: write one such as mainnet:pool"))
    })?;
    let stores = wire::open_to_read(&config.storage).await?;
    let chain = find(&stores, chain).await?;
    let listing = list(&stores, &config, chain, name, &args).await?;
    stores.close().await;
    context.output.print(&listing)?;
    Ok(Verdict::Fine)
}

/// A page of a contract's logs, with the state of the contract that has exactly these logs.
async fn list(
    stores: &Stores,
    config: &Config,
    chain: ChainState,
    name: &str,
    args: &LogsArgs,
) -> anyhow::Result<Listing> {
    let contract = ContractId::new(chain.chain, name);
    let contract = contract.map_err(|error| WrongUsage(error.to_string()))?;
    let query = ContractLogsQuery {
        contract: contract.clone(),
        order: if args.oldest { LogOrder::OldestFirst } else { LogOrder::NewestFirst },
        after: args.after.map(|Place(block, index)| (block, index)),
        limit: args.limit,
    };
    // The error of an unknown contract names the others: a wrong name is mostly a typing error.
    let Some(read) = ContractLogs::read(&stores.queries(), &query).await? else {
        return Err(unknown(stores, &chain, name).await?);
    };
    let configured = configured(config, &contract);
    let rows = read.page.items.into_iter().map(|log| LogRow::of(log, configured));
    Ok(Listing {
        chain_id: chain.chain,
        chain: chain.name,
        contract: ContractView::of(&read.contract),
        logs: rows.collect(),
        next_after: read.page.next.map(|(block, index)| Place(block, index)),
        oldest: args.oldest,
    })
}

/// The error of a contract that is not followed, with those that are.
async fn unknown(stores: &Stores, chain: &ChainState, name: &str) -> anyhow::Result<anyhow::Error> {
    let known = stores.logs.contracts(chain.chain).await?;
    let known: Vec<&str> = known.iter().map(|state| state.spec.id.name()).collect();
    let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
    let chain = &chain.name;
    let wrong = format!("no contract `{name}` is followed on {chain}; followed: {known}");
    Ok(WrongUsage(wrong).into())
}

fn configured<'a>(config: &'a Config, contract: &ContractId) -> Option<&'a ContractConfig> {
    let contracts = config.chains.iter().flat_map(|chain| &chain.contracts);
    contracts.into_iter().find(|configured| configured.id == *contract)
}

impl LogRow {
    fn of(ConfirmedLog { log, time }: ConfirmedLog, configured: Option<&ContractConfig>) -> Self {
        let topics = log.topics.as_slice();
        let event = topics.first().zip(configured);
        let event = event.and_then(|(topic0, contract)| contract.signature(topic0));
        Self {
            block: log.block,
            time,
            log_index: log.log_index,
            transaction: log.tx_hash,
            address: Eip55(log.address),
            event: event.map(str::to_owned),
            topics: topics.to_vec(),
            data: log.data,
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, chain, contract, logs, next_after, oldest } = self;
        writeln!(f, "{chain} ({chain_id}) {}", contract_line(contract))?;
        for log in logs {
            write!(f, "{log}")?;
        }
        let Some(place) = next_after else { return Ok(()) };
        let (order, flag) = if *oldest { ("newer", " --oldest") } else { ("older", "") };
        let name = &contract.name;
        writeln!(f, "`pledge logs {chain}:{name}{flag} --after {place}` lists {order} ones")
    }
}

impl fmt::Display for LogRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, time, log_index, transaction, address: _, event, topics, data } = self;
        let event = event.as_ref().map_or(String::new(), |event| format!("  {event}"));
        writeln!(f, "block {block}, log {}, {time}{event}", log_index.get())?;
        writeln!(f, "  transaction {transaction}")?;
        for (index, topic) in topics.iter().enumerate() {
            writeln!(f, "  topic {index}     {topic}")?;
        }
        writeln!(f, "  data        {data}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_block_and_the_index_of_a_log() {
        assert_eq!("120:3".parse::<Place>().unwrap().to_string(), "120:3");
        for wrong in ["120", "120:", ":3", "120:-1", "120:+1", "120:3:4", "0x78:3"] {
            assert!(wrong.parse::<Place>().unwrap_err().contains("120:3"), "{wrong}");
        }
    }
}
