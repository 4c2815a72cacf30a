//! What Prometheus reads: `/metrics`.
//!
//! Core and adapters know nothing of it. What happens is counted at the seams: by a layer around the
//! routes ([`HttpMeter`]), a wrapper around the store's ports ([`StoreMeter`]) and where connections are
//! accepted ([`ConnectionMeter`]). What is, such as cursors, nodes and the process, is read on each scrape
//! from what the process knows already: a scrape asks neither the store nor a node.

mod chains;
mod connections;
mod family;
mod http;
mod live;
mod names;
mod nodes;
mod points;
mod process;
mod store;
mod survey;
mod turns;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pledge_http::live::Hub;
use pledge_http::{Process, Pulse};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

use crate::config::ChainConfig;
use crate::stores::Stores;

pub use connections::ConnectionMeter;
pub(crate) use connections::OpenConnection;
pub use http::HttpMeter;
use names::ChainNames;
pub use nodes::NodesSeen;
pub use store::StoreMeter;
pub use survey::Survey;
pub use turns::TurnMeter;

/// Counts what happens in a process. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Meters {
    /// What readers ask.
    pub readers: ListenerMeter,
    /// The calls of the store's ports.
    pub store: StoreMeter,
    /// The nodes of each chain.
    pub nodes: NodesSeen,
    /// Progress that is read from the store in the background.
    pub survey: Survey,
    names: ChainNames,
}

/// Counts what one listener is asked. By default nobody reads the counts.
#[derive(Debug, Clone, Default)]
pub struct ListenerMeter {
    /// Its connections.
    pub connections: ConnectionMeter,
    /// Its requests, by route.
    pub http: HttpMeter,
    /// The turns that those which read take.
    pub turns: TurnMeter,
}

/// What a scrape reads besides the meters.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The newest answer of the store.
    pub pulse: Pulse,
    /// What the process knows of itself.
    pub process: Arc<dyn Process>,
    /// The stores, for how busy their connections are.
    pub stores: Stores,
    /// The readers of live updates.
    pub live: Hub,
    /// The wall clock, for ages only.
    pub clock: fn() -> SystemTime,
}

impl Default for Meters {
    fn default() -> Self {
        let names = ChainNames::default();
        Self {
            readers: ListenerMeter::default(),
            store: StoreMeter::new(names.clone()),
            nodes: NodesSeen::default(),
            survey: Survey::new(names.clone()),
            names,
        }
    }
}

impl Meters {
    /// Shows chains by these names. A name without a configuration file is that of the store, so it is known
    /// only then.
    pub fn name_chains(&self, chains: &[ChainConfig]) {
        self.names.set(chains);
    }

    /// `/metrics`, in the text format of Prometheus.
    pub fn route(&self, sources: Sources) -> Router {
        let registry = Arc::new(self.registry(sources));
        Router::new().route("/metrics", get(scrape)).with_state(registry)
    }

    fn registry(&self, sources: Sources) -> Registry {
        let Sources { pulse, process, stores, live, clock } = sources;
        let mut registry = Registry::default();
        self.readers.connections.register(&mut registry);
        self.readers.http.register(&mut registry);
        self.readers.turns.register(&mut registry);
        self.store.register(&mut registry, stores);
        self.nodes.register(&mut registry);
        self.survey.register(&mut registry, pulse.clone());
        chains::register(&mut registry, pulse, clock);
        live::register(&mut registry, live);
        work::register(&mut registry, process);
        process::register(&mut registry);
        registry
    }
}

async fn scrape(State(registry): State<Arc<Registry>>) -> Response {
    match text(&registry) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    prometheus_text::encode(&mut text, registry)?;
    Ok(text)
}

#[cfg(test)]
#[path = "metrics/metrics_tests.rs"]
mod tests;
