//! `pledge pause` and `pledge resume`: they write to the store, which a running server reads.

use std::fmt;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use pledge_core::audit::Reason;
use pledge_core::ledger::TokenState;
use pledge_core::ports::ChainState;
use pledge_core::primitives::Address;
use pledge_core::types::TokenId;
use serde::Serialize;

use super::acting::attribution;
use super::{Context, Verdict, WrongUsage};
use crate::stores::Stores;
use crate::views::because;
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The chain, by name or id
    chain: String,
    /// Pause this token instead of the chain
    #[arg(long, value_name = "0x…")]
    token: Option<Address>,
    /// The reason, shown with the status and kept with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The chain, by name or id
    chain: String,
    /// Resume this halted or paused token instead of the chain
    #[arg(long, value_name = "0x…")]
    token: Option<Address>,
    /// The reason, kept with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
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
    /// What halts it besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason: Option<String>,
}

pub(super) async fn pause(context: Context, args: PauseArgs) -> anyhow::Result<Verdict> {
    let by = attribution(args.reason.as_ref())?;
    let stores = wire::open_existing(&context.config()?.storage).await?;
    let chain = find(&stores, &args.chain).await?;
    if let Some(address) = args.token {
        let token = find_token(&stores, &chain, address).await?;
        stores.balances.pause_token(token.spec.id, &by).await?;
        return finish_token(context, &stores, chain, &token).await;
    }
    let paused = chain.status.paused(&by);
    paused.map_err(|why| anyhow!("chain {} is not paused: {why}", chain.name))?;
    stores.balances.pause_chain(chain.chain, &by).await?;
    finish(context, &stores, chain).await
}

pub(super) async fn resume(context: Context, args: ResumeArgs) -> anyhow::Result<Verdict> {
    let by = attribution(args.reason.as_ref())?;
    let stores = wire::open_existing(&context.config()?.storage).await?;
    let chain = find(&stores, &args.chain).await?;
    if let Some(address) = args.token {
        let token = find_token(&stores, &chain, address).await?;
        if token.is_active() {
            bail!("token {} is neither halted nor paused", token.spec.id);
        }
        // The write names what it read: if the token moved or something else stops it meanwhile, it is
        // refused.
        let base = token.cursor.map(|cursor| cursor.id());
        stores.balances.resume_token(token.spec.id, base, &token.status, &by).await?;
        return finish_token(context, &stores, chain, &token).await;
    }
    if !chain.status.needs_operator() {
        bail!("chain {} is neither paused nor halted: it is {}", chain.name, chain.status);
    }
    // The write names what it read: if something else stops the chain meanwhile, it is refused.
    stores.balances.resume_chain(chain.chain, &chain.status, &by).await?;
    finish(context, &stores, chain).await
}

async fn find_token(
    stores: &Stores,
    chain: &ChainState,
    address: Address,
) -> anyhow::Result<TokenState> {
    let id = TokenId { chain: chain.chain, address };
    let token = stores.balances.token(id).await?;
    let unknown = format!("token {id} is not followed: `pledge status` lists the tokens");
    Ok(token.ok_or(WrongUsage(unknown))?)
}

/// Prints what a token was before, and what it is now.
async fn finish_token(
    context: Context,
    stores: &Stores,
    chain: ChainState,
    before: &TokenState,
) -> anyhow::Result<Verdict> {
    let now = stores.balances.token(before.spec.id).await?;
    stores.close().await;
    let now = now.context("the token is gone from the database")?.status;
    context.output.print(&Changed {
        chain_id: chain.chain.get(),
        name: chain.name,
        token: Some(before.spec.id.address),
        before: before.status.name().to_owned(),
        status: now.name(),
        reason: now.reason().map(str::to_owned),
        halt_reason: now.halt_under_pause().map(str::to_owned),
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

/// Prints what a chain was before, and what it is now.
async fn finish(context: Context, stores: &Stores, chain: ChainState) -> anyhow::Result<Verdict> {
    let now = stores.balances.chain(chain.chain).await?;
    stores.close().await;
    let status = now.context("the chain is gone from the database")?.status;
    context.output.print(&Changed {
        chain_id: chain.chain.get(),
        name: chain.name,
        token: None,
        before: chain.status.to_string(),
        status: status.name(),
        reason: status.reason().map(str::to_owned),
        halt_reason: status.halt_under_pause().map(str::to_owned),
    })?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.chain_id)?;
        if let Some(token) = self.token {
            write!(f, ", token {token}")?;
        }
        let why = because(self.reason.as_ref(), self.halt_reason.as_ref());
        write!(f, ": {} (was {}){why}", self.status, self.before)
    }
}
