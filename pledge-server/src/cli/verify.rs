//! `pledge verify`: the ledger against the chain.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use pledge_core::ports::ChainSource;
use pledge_core::types::ChainId;

use super::{Context, Verdict};
use crate::config::{Config, NodeUrl};
use crate::stores::Stores;
use crate::verify::{UnverifiedChain, VerifyReport, verify_token};
use crate::{setup, wire};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Verify the chain of this node, instead of those of the configuration. A url with a key
    /// belongs in the variable `PLEDGE_RPC_URL`, which is used if the configuration has no chain
    #[arg(long, value_name = "URL")]
    rpc_url: Option<String>,
}

pub(super) async fn execute(context: Context, args: VerifyArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let stores = wire::open_to_read(&config.storage).await?;
    let work = async {
        let is_named = args.rpc_url.is_some() || config.chains.is_empty() && context.names_node();
        let nodes = if is_named {
            vec![node_at(&context, &context.node_url(args.rpc_url)?, &stores).await?]
        } else {
            configured_nodes(&config).await?
        };
        verify(&context, &stores, &nodes).await
    };
    let report = context.stop.run_until_cancelled(work).await;
    let report = report.context("stopped before everything was checked")??;
    stores.close().await;
    context.output.print(&report)?;
    Ok(Verdict::fine_if(report.is_fine()))
}

async fn verify(
    context: &Context,
    stores: &Stores,
    nodes: &[(ChainId, Arc<dyn ChainSource>)],
) -> anyhow::Result<VerifyReport> {
    let mut report = VerifyReport::default();
    for (chain, source) in nodes {
        for token in stores.balances.tokens(*chain).await? {
            let mut progress =
                context.progress.work(&format!("verify {}", token.spec.metadata.symbol));
            let id = token.spec.id;
            let checked = verify_token(&**source, stores, id, &mut progress).await?;
            report.tokens.push(checked);
        }
    }
    for state in stores.balances.chains().await? {
        if !nodes.iter().any(|(chain, _)| *chain == state.chain) {
            report.unverified.push(UnverifiedChain { chain_id: state.chain, name: state.name });
        }
    }
    Ok(report)
}

async fn configured_nodes(config: &Config) -> anyhow::Result<Vec<(ChainId, Arc<dyn ChainSource>)>> {
    let mut nodes = Vec::new();
    for chain in config.require_chains()? {
        let source = setup::connect(chain).await;
        let source = source.map_err(|error| error.of(chain))?;
        nodes.push((chain.id, source as Arc<dyn ChainSource>));
    }
    Ok(nodes)
}

async fn node_at(
    context: &Context,
    url: &NodeUrl,
    stores: &Stores,
) -> anyhow::Result<(ChainId, Arc<dyn ChainSource>)> {
    let chain = context.chain_behind(url).await?;
    ensure!(
        stores.balances.chain(chain).await?.is_some(),
        "{url} is a node of chain {chain}, which is not in the database: name a node of a chain \
         that `pledge status` lists"
    );
    Ok((chain, wire::connect_one(chain, url).await?))
}
