//! `pledge demo`: shows how it works, without a node or a database.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use clap::Args;
use pledge_http::{API, Api, Gate, Health, Pulse};
use tokio::net::TcpListener;

use super::{Context, Verdict, WrongUsage};
use crate::config::LimitsConfig;
use crate::demo::{self, Life, Market, Speed};
use crate::live;
use crate::metrics::ListenerMeter;
use crate::serving::{self, Layers};
use crate::stores::Stores;
use crate::tasks::{self, Incidents, Tasks, ThisProcess};

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
}

pub(super) async fn execute(context: Context, args: DemoArgs) -> anyhow::Result<Verdict> {
    if context.file.is_some() {
        return Err(
            WrongUsage("--config: the demo has no configuration: leave it out".into()).into()
        );
    }
    if args.once {
        let (_, _, story) = demo::play(&context.progress, args.seed).await?;
        let verdict = Verdict::fine_if(story.is_fine());
        context.output.print(&story.finished(None))?;
        return Ok(verdict);
    }
    // Bound once, before anything is played: a busy port fails at once, and every market is served
    // there.
    let listener = serving::bind(args.listen, "--listen")?.into_std()?;
    let (mut stores, mut market, story) = demo::play(&context.progress, args.seed).await?;
    let mut is_fine = story.is_fine();
    let address = listener.local_addr()?;
    let mut paths = story.paths();
    context.output.print(&story.finished(Some(address)))?;
    let mut seed = args.seed;
    loop {
        let listener = TcpListener::from_std(listener.try_clone()?)?;
        live(&context, &args, listener, (stores, market, paths)).await?;
        if context.stop.is_cancelled() {
            return Ok(Verdict::fine_if(is_fine));
        }
        seed = seed.wrapping_add(1);
        context.progress.leaves(|| format!("the market starts again, with seed {seed}"));
        let (next_stores, next_market, story) = demo::play(&context.progress, seed).await?;
        (stores, market, paths) = (next_stores, next_market, story.paths());
        is_fine &= story.is_fine();
    }
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
    let (turns, layers) = (serving::turns(limits.reads), Layers::bare(limits));
    let hub = live::hub(&stores, stores.queries(), turns.clone(), layers.origins());
    let api = Api { queries: stores.queries(), clock: SystemTime::now };
    let health =
        Health { pulse: pulse.clone(), process: Arc::new(process), clock: SystemTime::now };
    let meter = ListenerMeter::default();
    let routes = serving::taking_turns(pledge_http::router(api), &turns, &meter.turns)
        .merge(pledge_http::live::routes(hub.clone()));
    gate.open(with_short_paths(
        pledge_http::service_over(routes, pledge_http::probes(health)),
        paths,
    ));
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
