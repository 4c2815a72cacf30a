//! `pledge run`: everything.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;

use clap::Args;
use futures::future::join_all;
use pledge_core::sharing::{InstanceId, Lease};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::storage::Unchecked;
use super::{Context, QuickArgs, Verdict};
use crate::config::{ChainConfig, Problems};
use crate::http::Api;
use crate::setup::{self, SetupError};
use crate::stores::Stores;
use crate::tasks::{self, Follower, Part, SettleTask, Sharing, Start, Tasks, Troubles, Wakes};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    quick: QuickArgs,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
}

/// What is known once everything has started.
#[derive(Debug, Serialize)]
struct Serving {
    url: String,
    storage: String,
    chains: Vec<String>,
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chains = self.chains.join(", ");
        write!(f, "serving {} from {}, following {chains}", self.url, self.storage)
    }
}

pub(super) async fn execute(context: Context, args: RunArgs) -> anyhow::Result<Verdict> {
    let mut config = context.config_or_quick(args.quick).await?;
    config.require_chains()?;
    let listen = args.listen.unwrap_or(config.server.listen);
    let listener = tasks::bind(listen, "--listen or server.listen").await?;
    let unchecked = Unchecked::open(&config.storage).await?;
    setup::keep_known_names(&mut config.chains, &unchecked.stores).await?;
    let chains = &config.chains;
    let inspected = inspect_chains(chains, &unchecked.stores);
    let Some(inspected) = context.stop.run_until_cancelled(inspected).await else {
        return Ok(Verdict::Fine);
    };
    let starts = inspected?;
    let stores = unchecked.checked(&config.storage).await?;
    register_chains(&starts, &stores).await?;
    context.output.print(&Serving {
        url: format!("http://{}/api/v1", listener.local_addr()?),
        storage: config.storage.url.to_string(),
        chains: chains.iter().map(|chain| chain.name.clone()).collect(),
    })?;
    let running = spawn(&context, &stores, starts, listener).await;
    let ended = tasks::supervise(running, &context.stop).await;
    stores.close().await;
    ended.map(|()| Verdict::Fine)
}

/// Inspects every chain. Unreachable nodes are no reason not to start; whatever is wrong in the
/// configuration is, and all of it is named.
async fn inspect_chains(chains: &[ChainConfig], stores: &Stores) -> anyhow::Result<Vec<Start>> {
    let inspected = join_all(chains.iter().map(|chain| setup::inspect(chain, stores))).await;
    let mut problems = Problems::default();
    let mut starts = Vec::with_capacity(chains.len());
    for (config, inspected) in chains.iter().zip(inspected) {
        match inspected {
            Ok(chain) => starts.push(Start::Ready(chain)),
            Err(SetupError::Config(error)) => problems.extend(error),
            Err(error @ SetupError::Chain(_)) => {
                starts.push(Start::Unreachable(config.clone(), error));
            }
            Err(error @ SetupError::Store(_)) => return Err(error.of(config)),
        }
    }
    problems.into_result()?;
    Ok(starts)
}

/// Chains that did not answer are registered by name only.
async fn register_chains(starts: &[Start], stores: &Stores) -> anyhow::Result<()> {
    for start in starts {
        match start {
            Start::Ready(chain) => {
                let registered = setup::register(chain, stores).await;
                registered.map_err(|error| error.of(&chain.config))?;
            }
            Start::Unreachable(config, _) => {
                let balances = &stores.balances;
                balances.register_chain(config.id, &config.name).await?;
            }
        }
    }
    Ok(())
}

/// A lease on the chains, of an instance that nobody else is.
fn lease(starts: &[Start]) -> Lease {
    let random = |salt: &str| u128::from(RandomState::new().hash_one((process::id(), salt)));
    Lease {
        instance: InstanceId::new(random("high") << 64 | random("low")),
        chains: starts.iter().map(|start| start.config().id).collect(),
    }
}

/// This instance's part of the work: all of it, unless others can be heard of.
async fn share_out(
    stores: &Stores,
    lease: Lease,
    troubles: &Troubles,
    running: &mut Tasks,
    stop: &CancellationToken,
) -> Part {
    let Some(leases) = stores.leases.clone() else {
        return Part::whole(&lease);
    };
    let (sharing, part) = Sharing::begin(leases, lease, troubles).await;
    running.spawn(sharing.keep(stop.clone()));
    part
}

async fn spawn(
    context: &Context,
    stores: &Stores,
    starts: Vec<Start>,
    listener: TcpListener,
) -> Tasks {
    let stop = &context.stop;
    let mut running = Tasks::new();
    let troubles = Troubles::default();
    let part = share_out(stores, lease(&starts), &troubles, &mut running, stop).await;
    let settled = Arc::new(Notify::new());
    let intervals = starts.iter().map(|start| start.config().poll_interval);
    let interval = intervals.min().expect("at least one chain is configured");
    let log = tasks::log_dispatcher(stores);
    let moved = settled.clone();
    let telling =
        tasks::keep_notifying(log, part.clone(), interval, moved, troubles.clone(), stop.clone());
    running.spawn(telling);
    for start in starts {
        let chain = start.config();
        let wakes = Wakes { moved: Arc::new(Notify::new()), settled: settled.clone() };
        let follower = Follower {
            stores: stores.clone(),
            part: part.clone(),
            troubles: troubles.clone(),
            progress: context.progress.chain(&chain.name),
            moved: wakes.moved.clone(),
            stop: stop.clone(),
        };
        let settling = SettleTask {
            stores: stores.clone(),
            chain: chain.id,
            name: chain.name.clone(),
            interval: chain.poll_interval,
            part: part.clone(),
            wakes,
            troubles: troubles.clone(),
            stop: stop.clone(),
            progress: context.progress.work(&format!("settle {}", chain.name)),
        };
        running.spawn(follower.run(start));
        running.spawn(settling.run());
    }
    let api = Api { queries: stores.queries(), redis: stores.redis.clone(), troubles };
    running.spawn(tasks::serve(listener, api, stop.clone()));
    running
}
