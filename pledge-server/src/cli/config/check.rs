//! `pledge config check`: everything that `run` would report before it starts, at once.

use std::net::SocketAddr;

use anyhow::Context as _;
use futures::future::join_all;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenSpec;
use pledge_core::logs::ContractSpec;
use pledge_core::types::BlockNumber;

use super::held;
use super::report::{ContractFacts, Report, Start, TokenFacts};
use crate::cli::{Context, QuickArgs, Verdict};
use crate::config::{
    ChainConfig, Config, ConfigError, ContractConfig, Key, NodeUrl, ServerConfig, StorageConfig,
    TokenConfig,
};
use crate::nodes::Node;
use crate::setup::{self, Examined, NodeFacts};
use crate::sources::{self, Connected};
use crate::stores::Stores;
use crate::{serving, wire};

pub(super) async fn execute(context: Context, args: QuickArgs) -> anyhow::Result<Verdict> {
    let report = match context.config_or_quick(args).await {
        Ok(config) => context.stop.run_until_cancelled(check(&config)).await,
        Err(error) => Some(Report::of(&error.downcast::<ConfigError>()?)),
    };
    let report = report.context("stopped before everything was checked")?;
    context.output.print(&report)?;
    Ok(report.verdict())
}

async fn check(config: &Config) -> Report {
    let mut report = Report::default();
    check_listen(config, &mut report).await;
    let stores = check_storage(&config.storage, &mut report).await;
    check_redis(&config.storage, &mut report).await;
    if let Err(error) = config.require_chains() {
        report.wrong(error.problems());
    }
    let chains = config.chains.iter().map(|chain| check_chain(chain, &stores));
    join_all(chains).await.into_iter().for_each(|chain| report.append(chain));
    stores.close().await;
    report
}

async fn check_listen(config: &Config, report: &mut Report) {
    let ServerConfig { listen, operations_listen, .. } = config.server;
    let server = Key::root("server");
    check_port(&server.child("listen"), listen, report).await;
    if let Some(listen) = operations_listen {
        check_port(&server.child("operations_listen"), listen, report).await;
    }
}

async fn check_port(key: &Key, listen: SocketAddr, report: &mut Report) {
    match serving::bind(listen, key.as_str()) {
        Ok(_) => report.ok(key, format!("{listen} is free")),
        Err(_) if held::is_pledge(listen).await => {
            let what = "stop that one before you start another there";
            report.ok(key, format!("{listen} is in use by a running pledge: {what}"));
        }
        Err(error) => report.failed(key, format!("{error:#}")),
    }
}

/// The store to compare with: an empty one if none exists.
async fn check_storage(config: &StorageConfig, report: &mut Report) -> Stores {
    let key = Key::root("storage").child("url");
    match wire::look(config).await {
        Ok((stores, found)) => {
            report.ok(&key, format!("{}: {found}", config.url));
            return stores;
        }
        Err(error) => match error.downcast_ref::<ConfigError>() {
            Some(wrong) => report.wrong(wrong.problems()),
            None => report.failed(&key, format!("{}: {error:#}", config.url)),
        },
    }
    Stores::in_memory()
}

/// Checks Redis. Everything works without it, only slower, so an unreachable server is never
/// `wrong`.
async fn check_redis(config: &StorageConfig, report: &mut Report) {
    let Some(redis) = &config.redis else {
        return;
    };
    let (key, url) = (Key::root("storage").child("redis_url"), &redis.url);
    match wire::reach_redis(redis).await {
        Err(error) => report.wrong(error.problems()),
        Ok(Ok(())) => report.ok(&key, format!("{url}: reached")),
        Ok(Err(reason)) => {
            let what = "start the server, correct the url, or remove it";
            report.failed(&key, format!("{url}: {reason}: {what}"));
        }
    }
}

async fn check_chain(config: &ChainConfig, stores: &Stores) -> Report {
    let mut report = Report::default();
    let connected = match wire::connect_each(config).await {
        Ok(connected) => connected,
        Err(error) => {
            report.wrong(error.problems());
            return report;
        }
    };
    check_nodes(config, &connected, &mut report).await;
    check_heads(config, &mut report).await;
    held::check_ledger(config, &connected, stores, &mut report).await;
    let mut examined = match Examined::by_store(config, stores).await {
        Ok(examined) => examined,
        Err(error) => {
            let error = anyhow::Error::from(error);
            report.failed(&config.key, format!("the store cannot be read: {error:#}"));
            return report;
        }
    };
    // Read before the nodes are asked: that fills in what the store does not have.
    let registered: Vec<bool> = examined.tokens.iter().map(Option::is_some).collect();
    let kept: Vec<bool> = examined.contracts.iter().map(Option::is_some).collect();
    let asked = examined.ask(config, &connected).await;
    check_first_block(config, &connected, &examined, stores, &mut report).await;
    let failure = asked.err().map(|error| format!("{:#}", anyhow::Error::from(error)));
    let failed = |key: &Key, report: &mut Report| {
        if let Some(failure) = &failure {
            report.failed(key, format!("not checked: {failure}"));
        }
    };
    for ((token, spec), known) in config.tokens.iter().zip(examined.tokens).zip(registered) {
        match spec {
            Some(spec) => report.token(&token.key, facts(token, spec, known)),
            None => failed(&token.key, &mut report),
        }
    }
    for ((contract, spec), known) in config.contracts.iter().zip(examined.contracts).zip(kept) {
        match spec {
            Some(spec) => report.contract(&contract.key, contract_facts(contract, &spec, known)),
            None => failed(&contract.key, &mut report),
        }
    }
    report.wrong(examined.problems.iter());
    report.rename(|key| config.written(key));
    report
}

/// Checks the WebSocket. Without it the chain is polled, so a failure is never `wrong`.
async fn check_heads(config: &ChainConfig, report: &mut Report) {
    let Some(url) = &config.ws_url else {
        return;
    };
    let key = config.key.child("ws_url");
    match wire::probe_heads(config.id, url).await {
        Ok(()) => report.ok(&key, format!("{url}: chain {}, notifies of new blocks", config.id)),
        Err(error) => {
            let what = "correct the url, or remove it: without it the chain is polled";
            report.failed(&key, format!("{}: {what}", error.detail()));
        }
    }
}

/// Checks each node alone. A node on another chain is reported with the problems of the chain.
async fn check_nodes(config: &ChainConfig, connected: &Connected, report: &mut Report) {
    let nodes = connected.nodes.each().into_iter().zip(&connected.answers);
    let nodes = config.rpc_urls.iter().zip(nodes);
    let probes = nodes.map(|(url, (node, answer))| probe(config, url, node, answer));
    for (index, probed) in join_all(probes).await.into_iter().enumerate() {
        let (key, url) = (config.key.child("rpc_urls").index(index), &config.rpc_urls[index]);
        match probed {
            Some(Ok(facts)) => report.node(&key, url, facts),
            Some(Err(incident)) => report.failed(&key, incident),
            None => {}
        }
    }
}

/// Checks that each node that answers has the first block that will be read. A node that never had
/// it, or has pruned it, cannot be used for indexing.
async fn check_first_block(
    config: &ChainConfig,
    connected: &Connected,
    examined: &Examined,
    stores: &Stores,
    report: &mut Report,
) {
    let Some((first, key)) = first_block(config, examined, stores).await else {
        return;
    };
    let nodes = connected.nodes.each().into_iter().zip(&connected.answers).zip(&config.rpc_urls);
    for ((node, _), url) in nodes.filter(|((_, answer), _)| answer.is_ok()) {
        let asked = sources::within(url, async {
            // A block above the head exists on no node yet, so its absence proves nothing.
            let head = node.head().await?.number;
            setup::probe_first_block(node, first.min(head)).await
        });
        if let Err(error) = asked.await {
            let what = format!(
                "{}, so nothing can be indexed with it: name a node that has the blocks from {first} \
                 on, or a later start_block in a new database",
                error.detail()
            );
            report.failed(&key.child("start_block"), what);
        }
    }
}

/// The first block that will be read, and the key of the token or contract that needs it.
async fn first_block<'a>(
    config: &'a ChainConfig,
    examined: &Examined,
    stores: &Stores,
) -> Option<(BlockNumber, &'a Key)> {
    let mut needed: Vec<(BlockNumber, &Key)> = Vec::new();
    for (token, spec) in config.tokens.iter().zip(&examined.tokens) {
        let Some(spec) = spec else { continue };
        let known = stores.balances.token(spec.id).await.ok().flatten();
        needed.push((known.map_or(spec.start_block, |known| known.next_block()), &token.key));
    }
    for (contract, spec) in config.contracts.iter().zip(&examined.contracts) {
        let Some(spec) = spec else { continue };
        let known = stores.logs.contract(&spec.id).await.ok().flatten();
        needed.push((known.map_or(spec.start_block, |known| known.next_block()), &contract.key));
    }
    needed.into_iter().min_by_key(|(first, _)| *first)
}

async fn probe(
    config: &ChainConfig,
    url: &NodeUrl,
    node: &dyn Node,
    answer: &Result<(), ChainError>,
) -> Option<Result<NodeFacts, String>> {
    match answer {
        Ok(()) => {
            let probed = sources::within(url, setup::probe(config.id, node)).await;
            Some(probed.map_err(|error| error.to_string()))
        }
        Err(error) if wire::is_wrong_chain(error) => None,
        Err(error) => Some(Err(error.detail().to_owned())),
    }
}

fn facts(token: &TokenConfig, spec: TokenSpec, registered: bool) -> TokenFacts {
    TokenFacts {
        address: token.address.to_string(),
        symbol: spec.metadata.symbol,
        decimals: spec.metadata.decimals.get(),
        start_block: spec.start_block,
        start: start(token.start_block, registered),
    }
}

fn contract_facts(
    contract: &ContractConfig,
    spec: &ContractSpec,
    registered: bool,
) -> ContractFacts {
    ContractFacts {
        address: contract.address.to_string(),
        events: spec.events.topic0s().map(<[_]>::len),
        start_block: spec.start_block,
        start: start(contract.start_block, registered),
    }
}

const fn start(configured: Option<BlockNumber>, registered: bool) -> Start {
    match configured {
        _ if registered => Start::Registered,
        Some(_) => Start::Configured,
        None => Start::Found,
    }
}
