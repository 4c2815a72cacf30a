//! `pledge pause` and `pledge resume`: they write to the store, which a running server reads.

use std::fmt;

use clap::Args;
use pledge_core::audit::Reason;
use pledge_core::ledger::TokenState;
use pledge_core::operate;
use pledge_core::ports::ChainState;
use pledge_core::primitives::Address;
use pledge_core::types::TokenId;
use serde::Serialize;

use super::acting::{attribution, in_words};
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
    let balances = &*stores.balances;
    let changed = match args.token {
        Some(address) => {
            let token = TokenId { chain: chain.chain, address };
            let changed = operate::pause_token(balances, token, &by).await;
            Changed::of_token(chain, changed.map_err(in_words)?)
        }
        None => {
            let changed = operate::pause_chain(balances, chain.chain, &by).await;
            Changed::of_chain(changed.map_err(in_words)?)
        }
    };
    stores.close().await;
    context.output.print(&changed)?;
    Ok(Verdict::Fine)
}

pub(super) async fn resume(context: Context, args: ResumeArgs) -> anyhow::Result<Verdict> {
    let by = attribution(args.reason.as_ref())?;
    let stores = wire::open_existing(&context.config()?.storage).await?;
    let chain = find(&stores, &args.chain).await?;
    let balances = &*stores.balances;
    let changed = match args.token {
        Some(address) => {
            let token = TokenId { chain: chain.chain, address };
            let changed = operate::resume_token(balances, token, |_| true, &by).await;
            Changed::of_token(chain, changed.map_err(in_words)?)
        }
        None => {
            let changed = operate::resume_chain(balances, chain.chain, |_| true, &by).await;
            Changed::of_chain(changed.map_err(in_words)?)
        }
    };
    stores.close().await;
    context.output.print(&changed)?;
    Ok(Verdict::Fine)
}

impl Changed {
    /// What a chain was before, and what it is now.
    fn of_chain(changed: operate::Changed<ChainState>) -> Self {
        let operate::Changed { before, after } = changed;
        Self {
            chain_id: after.chain.get(),
            name: after.name,
            token: None,
            before: before.status.to_string(),
            status: after.status.name(),
            reason: after.status.reason().map(str::to_owned),
            halt_reason: after.status.halt_under_pause().map(str::to_owned),
        }
    }

    /// What a token of a chain was before, and what it is now.
    fn of_token(chain: ChainState, changed: operate::Changed<TokenState>) -> Self {
        let operate::Changed { before, after } = changed;
        Self {
            chain_id: chain.chain.get(),
            name: chain.name,
            token: Some(after.spec.id.address),
            before: before.status.name().to_owned(),
            status: after.status.name(),
            reason: after.status.reason().map(str::to_owned),
            halt_reason: after.status.halt_under_pause().map(str::to_owned),
        }
    }
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
