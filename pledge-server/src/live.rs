//! Live updates: the hub of this process, and the hints between instances.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::query::Queries;
use pledge_http::access::Gatekeeper;
use pledge_http::live::{AllowedOrigins, EventHints, Hub, LiveLimits, LiveParts, Turns};
use tokio_util::sync::CancellationToken;

use crate::stores::Stores;

/// The hub of a process over its stores.
pub fn hub(
    stores: &Stores,
    queries: Queries,
    turns: Turns,
    origins: Arc<dyn AllowedOrigins>,
    keeper: &Gatekeeper,
) -> Hub {
    let hints = stores.hints.clone().map(|hints| hints as Arc<dyn EventHints>);
    Hub::new(LiveParts {
        events: stores.events.clone(),
        queries,
        turns,
        authenticator: keeper.authenticator.clone(),
        public_reads: keeper.public_reads,
        origins,
        hints,
        limits: LiveLimits::default(),
    })
}

/// Serves the readers until `stop`; then each gets its end, within the bound.
pub async fn keep_live(
    hub: Hub,
    stores: Stores,
    drain: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listening = async {
        match &stores.hints {
            Some(hints) => hints.listen(&hub).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = hub.run() => {}
        () = listening => {}
        () = stop.cancelled() => {}
    }
    if tokio::time::timeout(drain, hub.drain()).await.is_err() {
        tracing::warn!("{} live readers were still there at the end", hub.counts().readers);
    }
    Ok(())
}
