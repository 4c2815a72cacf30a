//! The layers between the connections and the routes.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use pledge_http::live::AllowedOrigins;
use pledge_http::{Language, localized};
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::origins::Origins;
use super::proxies::Proxies;
use super::rate::Rates;
use super::{access, bounds, descriptors, encoding, headers, rate, request_id};
use crate::config::{LimitsConfig, ServerConfig};
use crate::rates::SharedRates;

/// A smaller answer fits into one packet as it is.
const COMPRESSED_FROM: u64 = 1_024;

/// The layers, with what they decide by. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Layers {
    pub(super) proxies: Proxies,
    origins: Origins,
    rates: Rates,
    language: Language,
    pub(super) limits: LimitsConfig,
}

impl Layers {
    /// The layers of a server.
    pub fn new(server: &ServerConfig, limits: LimitsConfig) -> Self {
        let ServerConfig { trusted_proxies, allowed_origins, language, .. } = server;
        Self {
            proxies: Proxies::new(trusted_proxies.clone()),
            origins: Origins::new(allowed_origins.clone()),
            language: *language,
            ..Self::bare(limits)
        }
    }

    /// Layers that trust no proxy and let no other site read.
    pub fn bare(limits: LimitsConfig) -> Self {
        let (proxies, origins) = (Proxies::default(), Origins::default());
        Self {
            proxies,
            origins,
            rates: Rates::new(limits.rate),
            language: Language::default(),
            limits,
        }
    }

    /// The sites whose scripts may open a stream: those that may read.
    pub fn origins(&self) -> Arc<dyn AllowedOrigins> {
        Arc::new(self.origins.clone())
    }

    /// Layers for the listener of those who run the server. What a scraper asks is not what readers ask,
    /// and has no share of their rates and connections.
    pub(crate) fn for_operators(&self) -> Self {
        Self::bare(LimitsConfig {
            rate: None,
            connections: descriptors::OPERATORS,
            connections_per_address: descriptors::OPERATORS,
            ..self.limits
        })
    }

    /// Counts the requests of clients with the other instances too, from now on.
    pub fn share_rates(&self, rates: Arc<dyn SharedRates>) {
        self.rates.share(rates);
    }

    /// Takes over what may change while a server runs: rates and origins.
    pub fn reload(&self, server: &ServerConfig, limits: LimitsConfig) {
        self.origins.replace(server.allowed_origins.clone());
        self.rates.replace(limits.rate);
    }

    /// The routes with every layer around them, the outermost first.
    pub(super) fn around(&self, routes: Router) -> Router {
        let Self { proxies, origins, rates, language, limits } = self.clone();
        let is_worth_it = SizeAbove::new(COMPRESSED_FROM).and(NotForContentType::SSE);
        let compressing = CompressionLayer::new().quality(CompressionLevel::Fastest);
        let cross_origin = headers::cross_origin(origins);
        let outer = ServiceBuilder::new()
            .layer(from_fn_with_state(proxies, access::log))
            .layer(from_fn(headers::protect))
            // Above what refuses, so that a script can read why.
            .layer(from_fn_with_state(cross_origin.clone(), headers::share))
            .layer(from_fn(encoding::settle))
            .layer(compressing.compress_when(is_worth_it))
            .layer(from_fn(request_id::name_in_problem));
        let bounds = ServiceBuilder::new()
            .layer(from_fn(bounds::bound_uri))
            // What is refused here has cost nothing yet.
            .layer(from_fn_with_state(rates, rate::limit))
            .layer(from_fn_with_state(cross_origin, headers::answer_preflight))
            .layer(from_fn_with_state(limits.request_timeout, bounds::bound_time))
            .layer(from_fn_with_state(limits.body_bytes, bounds::bound_body));
        // Between them, so that what is refused has the reader's language, and then its id.
        localized(routes.layer(bounds), language).layer(outer)
    }
}
