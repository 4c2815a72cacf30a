//! `pledge demo`: see it work, without anything else.

use std::net::SocketAddr;

use clap::Args;

use super::{Context, Verdict};
use crate::demo;
use crate::http::Api;
use crate::tasks::{self, Tasks};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Play, tell and end, without serving
    #[arg(long, visible_alias = "exit")]
    once: bool,
}

pub(super) async fn execute(context: Context, args: DemoArgs) -> anyhow::Result<Verdict> {
    if args.once {
        let (_, story) = demo::play(&context.progress).await?;
        let verdict = Verdict::fine_if(story.is_fine());
        context.output.print(&story.told(None))?;
        return Ok(verdict);
    }
    let listener = tasks::bind(args.listen).await?;
    let (stores, story) = demo::play(&context.progress).await?;
    let verdict = Verdict::fine_if(story.is_fine());
    let address = listener.local_addr()?;
    context.output.print(&story.told(Some(address)))?;
    let api = Api { queries: stores.queries() };
    let mut running = Tasks::new();
    running.spawn(tasks::serve(listener, api, context.stop.clone()));
    tasks::supervise(running, &context.stop).await?;
    Ok(verdict)
}
