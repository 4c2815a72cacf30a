//! What readers reach, and what only those who run the server do.
//!
//! `/metrics` and the full answer of `/readyz` name chains, work and versions. They are for those who run
//! the server, so they have a listener of their own. Without one they are where readers are if only this
//! machine reaches it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use pledge_http::{Api, Gate, Health};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{LimitsConfig, ServerConfig};
use crate::metrics::{ConnectionMeter, HttpMeter, Meters, Sources};
use crate::serving;
use crate::stores::Stores;
use crate::tasks::Tasks;

/// What a listener may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Readers, from anywhere.
    Readers,
    /// Readers and those who run the server.
    Both,
}

impl Audience {
    /// Who reaches `listen`. Behind a proxy on the same machine that is anybody, so an operations
    /// listener takes everything that is not for readers away from it.
    fn of(listen: SocketAddr, operations_listen: Option<SocketAddr>) -> Self {
        match operations_listen {
            None if listen.ip().to_canonical().is_loopback() => Self::Both,
            _ => Self::Readers,
        }
    }
}

/// The listeners of a server, whose routes open together.
#[derive(Debug)]
pub struct Listeners {
    readers: (TcpListener, Gate),
    operators: Option<(TcpListener, Gate)>,
    audience: Audience,
}

impl Listeners {
    /// Binds every port, so that a busy one is an error before anything starts.
    pub async fn bind(listen: SocketAddr, config: &ServerConfig) -> anyhow::Result<Self> {
        let readers = serving::bind(listen, "--listen or server.listen").await?;
        let operators = match config.operations_listen {
            Some(address) => {
                let listener = serving::bind(address, "server.operations_listen").await?;
                Some((listener, Gate::default()))
            }
            None => None,
        };
        let audience = Audience::of(listen, config.operations_listen);
        Ok(Self { readers: (readers, Gate::default()), operators, audience })
    }

    /// The address of the listener for readers.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.readers.0.local_addr()?)
    }

    /// The address of the operations listener, if there is one.
    pub fn operations_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let operators = self.operators.as_ref();
        Ok(operators.map(|(listener, _)| listener.local_addr()).transpose()?)
    }

    /// Serves from now on: `/healthz` and `/ping` at once, everything else after [`Gates::open`].
    pub fn serve(
        self,
        limits: LimitsConfig,
        meters: &Meters,
        running: &mut Tasks,
        stop: &CancellationToken,
    ) -> Gates {
        let Self { readers: (listener, readers), operators, audience } = self;
        let router = meters.http.around(HttpMeter::naming(readers.clone().router()));
        let meter = meters.connections.clone();
        running.spawn(serving::serve(listener, router, limits, meter, stop.clone()));
        let operators = operators.map(|(listener, gate)| {
            // The connections of a scraper are not those of readers.
            let (router, meter) = (gate.clone().router(), ConnectionMeter::default());
            running.spawn(serving::serve(listener, router, limits, meter, stop.clone()));
            gate
        });
        Gates { readers, operators, audience }
    }
}

/// The gates before the routes, which open once the store is open.
#[derive(Debug)]
pub struct Gates {
    readers: Gate,
    operators: Option<Gate>,
    audience: Audience,
}

impl Gates {
    /// Opens every listener.
    pub fn open(self, api: Api, health: Health, meters: &Meters, stores: &Stores) {
        let Self { readers, operators, audience } = self;
        let metrics = meters.route(Sources {
            pulse: health.pulse.clone(),
            process: Arc::clone(&health.process),
            stores: stores.clone(),
            clock: health.clock,
        });
        let routes = match audience {
            Audience::Both => pledge_http::service(api, health.clone()).merge(metrics.clone()),
            Audience::Readers => pledge_http::public_service(api, health.clone()),
        };
        readers.open(HttpMeter::naming(routes));
        if let Some(operators) = operators {
            let routes: Router = pledge_http::probes(health).merge(metrics);
            operators.open(routes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_look_in_where_readers_are_only_if_this_machine_alone_reaches_it() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let of = |listen, operations: Option<&str>| {
            Audience::of(address(listen), operations.map(address))
        };
        for loopback in ["127.0.0.1:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
            assert_eq!(of(loopback, None), Audience::Both, "{loopback}");
            assert_eq!(of(loopback, Some("127.0.0.1:9090")), Audience::Readers, "{loopback}");
        }
        for open in ["0.0.0.0:8080", "[::]:8080", "10.0.0.7:8080"] {
            assert_eq!(of(open, None), Audience::Readers, "{open}");
        }
    }
}
