//! `pledge run`: everything.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use futures::FutureExt;
use futures::future::join_all;
use pledge_core::engine::Registration;
use pledge_core::error::StoreError;
use pledge_core::ports::EventRetention;
use pledge_core::sharing::{InstanceId, Lease};
use pledge_http::live::AllowedOrigins;
use pledge_http::{Api, Health, Pulse};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::reload::Reloading;
use super::storage::Unchecked;
use super::{Context, QuickArgs, Verdict};
use crate::config::{ChainConfig, Config, Problems};
use crate::entrance::Entrance;
use crate::live;
use crate::metrics::Meters;
use crate::operations::{Gates, Listeners};
use crate::serving::{self, Layers, ReaderThreads};
use crate::setup::{self, Examined, SetupError, Unknown};
use crate::stores::Stores;
use crate::tasks::{
    self, AssignmentWatch, Follower, Incidents, SettleTask, Sharing, Start, Tasks, ThisProcess,
    Wakes,
};

/// How long to wait for nodes that may prove the configuration wrong, before the API opens without
/// them.
const FIRST_LOOK: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    quick: QuickArgs,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
}

/// Printed once everything has started.
#[derive(Debug, Serialize)]
struct Serving {
    url: String,
    /// Where operators look in, if that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
    storage: String,
    chains: Vec<String>,
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chains = self.chains.join(", ");
        write!(f, "serving {} from {}, following {chains}", self.url, self.storage)?;
        match &self.operations {
            Some(url) => write!(f, "; metrics at {url}/metrics"),
            None => Ok(()),
        }
    }
}

pub(super) async fn execute(context: Context, args: RunArgs) -> anyhow::Result<Verdict> {
    // What flags gave cannot be read again.
    let is_reloaded = args.quick.token.is_none();
    let mut config = context.config_or_quick(args.quick).await?;
    config.require_chains()?;
    context.logs.selection.choose(config.logs.level.as_ref());
    context.logs.files.open(&config.logs, context.log_format)?;
    let listen = args.listen.unwrap_or(config.server.listen);
    let listeners = Listeners::bind(listen, &config.server)?;
    let address = listeners.address()?;
    let url = format!("http://{address}/api/v1");
    let operations = listeners.operations_address()?.map(|address| format!("http://{address}"));
    tracing::info!("listening on {address}; opening {}", config.storage.url);
    let (mut running, meters) = (Tasks::new(), Meters::default());
    // The server answers `/healthz` while the store opens, which may take as long as a migration.
    let layers = Layers::new(&config.server, config.limits);
    if is_reloaded {
        running.spawn(Reloading::new(&context, layers.clone())?.keep(context.stop.clone()));
    }
    let threads = ReaderThreads::start()?;
    let gates = listeners.serve(&layers, &meters, (&mut running, &threads), &context.stop);
    let prepared = context.stop.run_until_cancelled(prepare(&mut config)).await;
    let Some(prepared) = prepared else {
        return Ok(Verdict::Fine);
    };
    let (stores, starts) = prepared?;
    tracing::info!("{} is open; starting {} chains", config.storage.url, config.chains.len());
    if let Some(rates) = &stores.rates {
        layers.share_rates(rates.clone());
    }
    meters.name_chains(&config.chains);
    let stores = meters.store.around(stores);
    let outside = (gates, meters, layers.origins());
    spawn(&context, &stores, &config, starts, outside, (&mut running, &threads)).await?;
    context.output.print(&Serving {
        url: url.clone(),
        operations,
        storage: config.storage.url.to_string(),
        chains: config.chains.iter().map(|chain| chain.name.clone()).collect(),
    })?;
    if context.progress.has_board() {
        let board = context.progress.board();
        running.spawn(tasks::show_board(board, stores.queries(), url, context.stop.clone()));
    }
    let ended = tasks::supervise(running, &context.stop).await;
    stores.close().await;
    ended.map(|()| Verdict::Fine)
}

/// Checks the configuration against the store and, for a moment, against the nodes; then opens the
/// store.
async fn prepare(config: &mut Config) -> anyhow::Result<(Stores, Vec<Start>)> {
    let unchecked = Unchecked::open(&config.storage).await?;
    setup::keep_known_names(&mut config.chains, &unchecked.stores).await?;
    let starts = first_look(&config.chains, &unchecked.stores).await?;
    let mut stores = unchecked.checked(&config.storage).await?;
    stores.settling = config.settlement.settler;
    let ports = stores.ports();
    for chain in &config.chains {
        // Before any node answers: a chain that is not registered has no status to report.
        let registered = Registration::new(&ports).chain(chain.id, &chain.name).await;
        registered.map_err(StoreError::from)?;
    }
    Ok((stores, starts))
}

/// Inspects all chains at the same time, for a moment. A chain that is slower or fails is retried
/// while the others run. Everything proven wrong by then is refused together.
async fn first_look(chains: &[ChainConfig], stores: &Stores) -> anyhow::Result<Vec<Start>> {
    let mut problems = Problems::default();
    let mut looks = Vec::with_capacity(chains.len());
    for chain in chains {
        let examined = Examined::by_store(chain, stores).await?;
        if let Err(error) = examined.problems.into_result() {
            problems.extend(chain.name_flags(error));
        }
        let (config, unknown) = (chain.clone(), Unknown::of(chain, stores).await?);
        looks.push(async move { setup::look(&config, unknown).await }.boxed());
    }
    problems.into_result()?;
    let until = Instant::now() + FIRST_LOOK;
    let looked = join_all(looks.into_iter().map(|mut look| async move {
        match tokio::time::timeout_at(until, &mut look).await {
            Ok(Ok(look)) => Start::Looked(look),
            Ok(Err(error)) => Start::Failed(error),
            // It goes on in the task of its chain, so that what the node has answered is kept.
            Err(_) => Start::Looking(look),
        }
    }));
    refuse(chains, looked.await)
}

/// Refuses a node of another chain: its balances would be those of a different ledger. A token or
/// contract that cannot be followed delays no other, so it is refused only if none is left.
fn refuse(chains: &[ChainConfig], starts: Vec<Start>) -> anyhow::Result<Vec<Start>> {
    let mut wrong = Problems::default();
    let mut wrong_parts = Problems::default();
    let mut kept = Vec::with_capacity(starts.len());
    let mut any_left = false;
    // All chains are judged before an error returns, so that the operator sees every wrong key at
    // once.
    for (chain, start) in chains.iter().zip(starts) {
        match start {
            Start::Failed(SetupError::Config(error)) => wrong.extend(chain.name_flags(error)),
            Start::Failed(error @ SetupError::Store(_)) => return Err(error.of(chain)),
            Start::Looked(look) => {
                let tokens = look.tokens.iter().map(|token| token.spec.as_ref().err());
                let contracts = look.contracts.iter().map(|one| one.spec.as_ref().err());
                let mut refused = 0;
                for failure in tokens.chain(contracts).flatten() {
                    if let SetupError::Config(error) = failure {
                        wrong_parts.extend(error.clone());
                        refused += 1;
                    }
                }
                any_left |= refused < chain.tokens.len() + chain.contracts.len();
                kept.push(Start::Looked(look));
            }
            other => {
                any_left = true;
                kept.push(other);
            }
        }
    }
    wrong.into_result()?;
    if !any_left {
        wrong_parts.into_result()?;
    }
    Ok(kept)
}

/// A lease on the chains, with an instance id that is unique.
fn lease(chains: &[ChainConfig]) -> Lease {
    let random = |salt: &str| u128::from(RandomState::new().hash_one((process::id(), salt)));
    let instance = InstanceId::new(random("high") << 64 | random("low"));
    Lease::whole(instance, chains.iter().map(|chain| chain.id))
}

/// This instance's part of the work: all of it, unless it shares leases with others.
async fn share_out(
    stores: &Stores,
    lease: Lease,
    incidents: &Incidents,
    running: &mut Tasks,
    stop: &CancellationToken,
) -> AssignmentWatch {
    let Some(leases) = stores.leases.clone() else {
        return AssignmentWatch::whole(&lease);
    };
    let (sharing, part) = Sharing::begin(leases, lease, incidents).await;
    running.spawn(sharing.keep(stop.clone()));
    part
}

/// Keeps the database small: removes what is over, until `stop`.
fn keep_small(
    stores: &Stores,
    retention: EventRetention,
    incidents: &Incidents,
    running: &mut Tasks,
    stop: &CancellationToken,
) {
    let events = stores.events.clone();
    let (incidents, stop) = (incidents.clone(), stop.clone());
    if let Some(access) = stores.access.clone() {
        running.spawn(tasks::keep_pruning_access(access, incidents.clone(), stop.clone()));
    }
    running.spawn(tasks::keep_pruning(events, retention, SystemTime::now, incidents, stop));
}

/// How often the chain that is looked at most often is.
fn shortest_poll(chains: &[ChainConfig]) -> Duration {
    let intervals = chains.iter().map(|chain| chain.poll_interval);
    intervals.min().expect("at least one chain is configured")
}

/// Opens the API, and returns who wakes its live readers.
async fn open_api(
    stores: &Stores,
    config: &Config,
    incidents: &Incidents,
    (gates, meters, origins): (Gates, &Meters, Arc<dyn AllowedOrigins>),
    (running, threads): (&mut Tasks, &ReaderThreads),
    stop: &CancellationToken,
) -> anyhow::Result<Arc<Notify>> {
    let pulse = Pulse::new(stores.balances.clone(), stores.logs.clone());
    // Before the gate opens: `/readyz` has no answer until the store was read once.
    pulse.check().await;
    let process = ThisProcess::new(incidents.clone(), stores, stop.clone());
    let reads = config.limits.reads;
    let queries = meters.store.around_readers(stores.for_readers(reads)?).queries(stores);
    let turns = serving::turns(reads);
    let (readers, limits) = (queries.clone(), &config.limits);
    let public_reads = config.server.public_reads;
    let entrance =
        Entrance::new(&config.access, public_reads, &config.chains, stores, readers, limits);
    let (acts, drain) = (entrance.background(), config.limits.drain);
    running.spawn(tasks::keep_background(acts, drain, stop.clone()));
    let hub = live::hub(stores, queries.clone(), turns.clone(), origins, entrance.keeper());
    let api = Api { queries, clock: SystemTime::now };
    let entrance = entrance.watched_by(Arc::new(hub.clone()));
    let routes = entrance.routes(api, (&turns, &meters.readers.turns), threads);
    let health =
        Health { pulse: pulse.clone(), process: Arc::new(process), clock: SystemTime::now };
    gates.open((routes, hub.clone()), health, meters, stores);
    let news = hub.news();
    running.spawn(live::keep_live(hub, stores.clone(), drain, stop.clone()));
    running.spawn(tasks::keep_pulse(pulse.clone(), stop.clone()));
    let consumers = vec![tasks::log_dispatcher(stores).consumer().clone()];
    running.spawn(meters.survey.clone().keep(stores.clone(), pulse, consumers, stop.clone()));
    running.spawn(tasks::watch_store(stores.clone(), stop.clone()));
    Ok(news)
}

/// Opens the API and starts every task.
async fn spawn(
    context: &Context,
    stores: &Stores,
    config: &Config,
    starts: Vec<Start>,
    (gates, meters, origins): (Gates, Meters, Arc<dyn AllowedOrigins>),
    (running, threads): (&mut Tasks, &ReaderThreads),
) -> anyhow::Result<()> {
    let (stop, chains) = (&context.stop, &config.chains);
    let incidents = Incidents::default();
    // First, so that readers are answered while nodes are looked at.
    let outside = (gates, &meters, origins);
    let news =
        open_api(stores, config, &incidents, outside, (&mut *running, threads), stop).await?;
    let part = share_out(stores, lease(chains), &incidents, running, stop).await;
    keep_small(stores, config.storage.events, &incidents, running, stop);
    let settled = Arc::new(Notify::new());
    let (log, interval) = (tasks::log_dispatcher(stores), shortest_poll(chains));
    let (moved, its) = (settled.clone(), incidents.clone());
    running.spawn(tasks::keep_notifying(log, part.clone(), interval, moved, its, stop.clone()));
    for (chain, start) in chains.iter().zip(starts) {
        let (moved, settled) = (Arc::new(Notify::new()), settled.clone());
        let wakes = Wakes { moved, settled, news: news.clone() };
        let follower = Follower {
            config: chain.clone(),
            stores: stores.clone(),
            part: part.clone(),
            incidents: incidents.clone(),
            nodes: meters.nodes.clone(),
            progress: context.progress.chain(&chain.name),
            moved: wakes.moved.clone(),
            news: news.clone(),
            stop: stop.clone(),
        };
        running.spawn(follower.run(start));
        let progress = context.progress.work(&format!("settle {}", chain.name));
        let task = SettleTask {
            stores: stores.clone(),
            chain: chain.id,
            name: chain.name.clone(),
            interval: config.settlement.interval,
            part: part.clone(),
            wakes,
            incidents: incidents.clone(),
            stop: stop.clone(),
            progress,
        };
        running.spawn(task.run());
    }
    Ok(())
}
