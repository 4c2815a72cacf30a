//! `pledge pause` and `pledge resume`: they write to the store, which a running server reads.

use std::fmt;

use anyhow::bail;
use clap::Args;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{ChainReport, ChainState};
use pledge_core::primitives::Address;
use pledge_core::types::TokenId;
use serde::Serialize;

use super::{Context, Verdict, WrongUsage};
use crate::stores::{self, Stores};

#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The chain, by name or id
    chain: String,
    /// The reason, shown with the chain's status
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The chain, by name or id
    chain: String,
    /// Resume this halted token instead of the chain
    #[arg(long, value_name = "0x…")]
    token: Option<Address>,
}

#[derive(Debug, Serialize)]
struct Changed {
    chain_id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Address>,
    before: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) async fn pause(context: Context, args: PauseArgs) -> anyhow::Result<Verdict> {
    let stores = stores::open_existing(&context.config()?.storage).await?;
    let chain = find(&stores, &args.chain).await?;
    if let ChainStatus::Halted(reason) = &chain.status {
        bail!(
            "chain {} is halted, so it is not followed and need not be paused: {reason}",
            chain.name
        );
    }
    finish(context, &stores, chain, ChainStatus::Paused(args.reason)).await
}

pub(super) async fn resume(context: Context, args: ResumeArgs) -> anyhow::Result<Verdict> {
    let stores = stores::open_existing(&context.config()?.storage).await?;
    let chain = find(&stores, &args.chain).await?;
    if let Some(address) = args.token {
        return resume_token(context, &stores, chain, address).await;
    }
    if !chain.status.needs_operator() {
        bail!("chain {} is neither paused nor halted: it is {}", chain.name, chain.status);
    }
    finish(context, &stores, chain, ChainStatus::Syncing).await
}

async fn resume_token(
    context: Context,
    stores: &Stores,
    chain: ChainState,
    address: Address,
) -> anyhow::Result<Verdict> {
    let id = TokenId { chain: chain.chain, address };
    let token = stores.balances.token(id).await?;
    let token = token.ok_or_else(|| {
        WrongUsage(format!("token {id} is not followed: `pledge status` lists the tokens"))
    })?;
    if token.is_active() {
        bail!("token {id} is not halted");
    }
    // The write names the cursor it read: if the token moved meanwhile, it is refused.
    let base = token.cursor.map(|cursor| cursor.id());
    stores.balances.resume_token(id, base).await?;
    stores.close().await;
    context.output.print(&Changed {
        chain_id: chain.chain.get(),
        name: chain.name,
        token: Some(address),
        before: "halted".to_owned(),
        status: "active",
        reason: None,
    })?;
    Ok(Verdict::Fine)
}

/// Finds a chain by name or id. An ambiguous name is refused: a chain keeps the name under which it
/// was last followed, so two may share one.
pub(super) async fn find(stores: &Stores, name: &str) -> anyhow::Result<ChainState> {
    let chains = stores.balances.chains().await?;
    let is_named = |chain: &ChainState| chain.name == name || chain.chain.to_string() == name;
    let (mut found, others): (Vec<_>, Vec<_>) = chains.into_iter().partition(is_named);
    let listed = |chains: &[ChainState]| {
        let listed = chains.iter().map(|chain| format!("{} ({})", chain.name, chain.chain));
        listed.collect::<Vec<_>>().join(", ")
    };
    let wrong = match (found.len(), others.len()) {
        (1, _) => return Ok(found.remove(0)),
        (0, 0) => format!("there is no chain `{name}` in the database; its chains: none yet"),
        (0, _) => {
            format!("there is no chain `{name}` in the database; its chains: {}", listed(&others))
        }
        _ => format!("several chains are called `{name}`: name one by its id: {}", listed(&found)),
    };
    Err(WrongUsage(wrong).into())
}

async fn finish(
    context: Context,
    stores: &Stores,
    chain: ChainState,
    status: ChainStatus,
) -> anyhow::Result<Verdict> {
    let changed = Changed {
        chain_id: chain.chain.get(),
        name: chain.name,
        token: None,
        before: chain.status.to_string(),
        status: status.name(),
        reason: status.reason().map(str::to_owned),
    };
    // Resuming has a call of its own: a report never ends a state that needs the operator.
    if status.needs_operator() {
        let report = ChainReport {
            chain: chain.chain,
            status,
            head: None,
            head_time: None,
            processed: None,
        };
        stores.balances.report_chain(&report).await?;
    } else {
        stores.balances.resume_chain(chain.chain).await?;
    }
    stores.close().await;
    context.output.print(&changed)?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.chain_id)?;
        if let Some(token) = self.token {
            write!(f, ", token {token}")?;
        }
        write!(f, ": {} (was {})", self.status, self.before)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}
