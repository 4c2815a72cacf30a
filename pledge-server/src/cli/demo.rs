//! `pledge demo`: shows how it works, without a node or a database.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use clap::Args;
use pledge_core::primitives::hex;
use pledge_http::{API, Api, Gate, Health, Pulse};
use pledge_office::access::{By, UserName};
use pledge_office::base::random_bytes;
use tokio::net::TcpListener;

use super::acting::attribution;
use super::admin::NewAdmin;
use super::{Context, Verdict, WrongUsage};
use crate::config::{AccessConfig, LimitsConfig};
use crate::demo::{self, Life, Market, Speed};
use crate::entrance::Entrance;
use crate::live;
use crate::metrics::ListenerMeter;
use crate::serving::{self, Layers, ReaderThreads};
use crate::stores::Stores;
use crate::tasks::{self, Incidents, Tasks, ThisProcess};
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Play, print the story and end, without serving
    #[arg(long, visible_alias = "exit")]
    once: bool,
    /// Seed of the market: the same seed plays the same blocks and forks
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Speed of the market: seconds of chain time that pass in one second
    #[arg(long, value_name = "N", default_value = "600", conflicts_with = "once")]
    speed: Speed,
    /// Make an admin of this name, whose password is typed as for `pledge admin create`
    #[arg(long, value_name = "NAME", conflicts_with = "once", value_parser = super::admin::name)]
    admin: Option<UserName>,
}

pub(super) async fn execute(context: Context, args: DemoArgs) -> anyhow::Result<Verdict> {
    if context.file.is_some() {
        return Err(
            WrongUsage("--config: the demo has no configuration: leave it out".into()).into()
        );
    }
    if args.once {
        let (_, story) = demo::play(&Stores::in_memory(), &context.progress, args.seed).await?;
        let verdict = Verdict::fine_if(story.is_fine());
        context.output.print(&story.finished(None))?;
        return Ok(verdict);
    }
    let admin = match &args.admin {
        Some(name) => Some(NewAdmin::typed(name.clone(), &context.stop).await?),
        None => None,
    };
    // Bound once, before anything is played: a busy port fails at once, and every market is served
    // there.
    let listener = serving::bind(args.listen, "--listen")?.into_std()?;
    let address = listener.local_addr()?;
    let mut seed = args.seed;
    let mut is_fine = true;
    loop {
        let (stores, private) = stores(admin.as_ref()).await?;
        let (market, story) = demo::play(&stores, &context.progress, seed).await?;
        is_fine &= story.is_fine();
        let paths = story.paths();
        if seed == args.seed {
            context.output.print(&story.finished(Some(address)))?;
        }
        let listener = TcpListener::from_std(listener.try_clone()?)?;
        let ended = live(&context, &args, listener, (stores, market, paths)).await;
        private.close().await;
        ended?;
        if context.stop.is_cancelled() {
            return Ok(Verdict::fine_if(is_fine));
        }
        seed = seed.wrapping_add(1);
        context.progress.leaves(|| format!("the market starts again, with seed {seed}"));
    }
}

/// The stores of one market, and the database that has to be closed after it.
///
/// With an admin one database has everything, so that what users do is recorded with what they did it to. Without
/// one nobody signs in, and the market is played in memory, which takes a fraction of the time.
async fn stores(admin: Option<&NewAdmin>) -> anyhow::Result<(Stores, Stores)> {
    let private = wire::open_private().await?;
    let Some(admin) = admin else {
        let access = private.access.clone();
        return Ok((Stores { access, ..Stores::in_memory() }, private));
    };
    admin.make(&private, &By::machine(attribution(None)?)).await?;
    Ok((private.clone(), private))
}

/// Runs one market to its end and serves the API over it.
async fn live(
    context: &Context,
    args: &DemoArgs,
    listener: TcpListener,
    (stores, market, paths): (Stores, Market, [(&'static str, String); 3]),
) -> anyhow::Result<()> {
    let over = context.stop.child_token();
    let pulse = Pulse::new(stores.balances.clone(), stores.logs.clone());
    // Before the gate opens: `/readyz` has no answer until the store was read once.
    pulse.check().await;
    let (gate, limits) = (Gate::default(), LimitsConfig::default());
    let process = ThisProcess::new(Incidents::default(), &stores, over.clone());
    let health =
        Health { pulse: pulse.clone(), process: Arc::new(process), clock: SystemTime::now };
    let secret = hex::encode(random_bytes::<32>(&wire::random()));
    let access = AccessConfig::of_process(&secret, listener.local_addr()?.port());
    let queries = stores.queries();
    let entrance = Entrance::new(&access, true, &[], &stores, queries.clone(), &limits);
    let (turns, layers) = (serving::turns(limits.reads), Layers::bare(limits));
    let (keeper, meter) = (entrance.keeper(), ListenerMeter::default());
    let hub = live::hub(&stores, queries.clone(), turns.clone(), layers.origins(), keeper);
    let threads = ReaderThreads::start()?;
    let routes = entrance
        .watched_by(Arc::new(hub.clone()))
        .routes(Api { queries, clock: SystemTime::now }, (&turns, &meter.turns), &threads)
        .merge(pledge_http::live::routes(hub.clone()));
    let document = pledge_http::access::openapi_of_service();
    let service = pledge_http::service_over(routes, pledge_http::probes(health), &document);
    gate.open(with_short_paths(service, paths));
    let mut running = Tasks::new();
    running.spawn(tasks::keep_pulse(pulse, over.clone()));
    running.spawn(live::keep_live(hub, stores, limits.drain, over.clone()));
    running.spawn(serving::serve(listener, gate.router(), layers, meter, over.clone()));
    let life = Life::new(market, args.speed);
    running.spawn(life.live(context.progress.clone(), over.clone()));
    tasks::supervise(running, &over).await
}

/// With short paths that lead to longer ones of the API.
fn with_short_paths(service: Router, paths: [(&'static str, String); 3]) -> Router {
    paths.into_iter().fold(service, |router, (path, to)| {
        let to = Redirect::temporary(&format!("{API}/{to}"));
        router.route(path, get(move || ready(to.clone())))
    })
}
