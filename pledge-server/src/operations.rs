//! What readers reach, and what only those who run the server do.
//!
//! `/metrics` and the full answer of `/readyz` name chains, work and versions. They are for those who run
//! the server, so they have a listener of their own. Without one they are where readers are if only this
//! machine reaches it, for requests to this machine by its name that no proxy passed on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use pledge_http::live::Hub;
use pledge_http::{Gate, Health};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::config::ServerConfig;
use crate::metrics::{HttpMeter, ListenerMeter, Meters, Sources};
use crate::serving::{self, Layers, ReaderThreads};
use crate::stores::Stores;
use crate::tasks::Tasks;

/// What proxies write into the requests that they pass on.
const PROXY_SIGNS: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// What a listener may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Readers, from anywhere.
    Readers,
    /// Readers, and those who run the server where no proxy passed their request on.
    Both,
}

impl Audience {
    /// Who reaches `listen`. Behind a proxy on the same machine that is anybody, so a trusted proxy or an
    /// operations listener takes everything that is not for readers away from it.
    fn of(listen: SocketAddr, config: &ServerConfig) -> Self {
        let is_alone = config.operations_listen.is_none() && config.trusted_proxies.is_empty();
        if is_alone && listen.ip().to_canonical().is_loopback() {
            Self::Both
        } else {
            Self::Readers
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
    pub fn bind(listen: SocketAddr, config: &ServerConfig) -> anyhow::Result<Self> {
        let readers = serving::bind(listen, "--listen or server.listen")?;
        let operators = match config.operations_listen {
            Some(address) => {
                let listener = serving::bind(address, "server.operations_listen")?;
                Some((listener, Gate::default()))
            }
            None => None,
        };
        let audience = Audience::of(listen, config);
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
    /// Readers are served on threads of their own.
    pub fn serve(
        self,
        layers: &Layers,
        meters: &Meters,
        (running, threads): (&mut Tasks, &ReaderThreads),
        stop: &CancellationToken,
    ) -> Gates {
        let Self { readers: (listener, readers), operators, audience } = self;
        let (router, meter) = (HttpMeter::naming(readers.clone().router()), meters.readers.clone());
        let serving = serving::serve(listener, router, layers.clone(), meter, stop.clone());
        running.spawn_on(serving, threads.connections());
        let operators = operators.map(|(listener, gate)| {
            let (layers, meter) = (layers.for_operators(), ListenerMeter::default());
            let router = gate.clone().router();
            running.spawn(serving::serve(listener, router, layers, meter, stop.clone()));
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
    /// Opens every listener, that of readers with these routes of the API and the live ones.
    pub fn open(
        self,
        (routes, live): (Router, Hub),
        health: Health,
        meters: &Meters,
        stores: &Stores,
    ) {
        // Outside the turns of requests: a stream lasts, and each of its reads takes one.
        let routes = routes.merge(pledge_http::live::routes(live.clone()));
        let Self { readers, operators, audience } = self;
        let metrics = meters.route(Sources {
            pulse: health.pulse.clone(),
            process: Arc::clone(&health.process),
            stores: stores.clone(),
            live,
            clock: health.clock,
        });
        let document = pledge_http::access::openapi_of_service();
        let with = |probes| {
            HttpMeter::naming(pledge_http::service_over(routes.clone(), probes, &document))
        };
        let public = with(pledge_http::public_probes(health.clone()));
        readers.open(match audience {
            Audience::Both => {
                let probes = pledge_http::probes(health.clone()).merge(metrics.clone());
                unless_passed_on(with(probes), public)
            }
            Audience::Readers => public,
        });
        if let Some(operators) = operators {
            operators.open(pledge_http::probes(health).merge(metrics));
        }
    }
}

/// The first for requests that come from their client itself, the second for those that a proxy passed on, and
/// for those to another host.
fn unless_passed_on(all: Router, public: Router) -> Router {
    Router::new().fallback(async move |request: Request| {
        let headers = request.headers();
        let is_own = names_this_machine(headers) && !is_passed_on(headers);
        let chosen = if is_own { &all } else { &public };
        chosen.clone().oneshot(request).await
    })
}

fn is_passed_on(headers: &HeaderMap) -> bool {
    PROXY_SIGNS.iter().any(|sign| headers.contains_key(*sign))
}

/// Whether the host of a request is this machine, as it is for all who reach a loopback address on purpose. A site
/// can have its own name lead here, and so read with a browser of this machine what it gets.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let Some(host) = hosts.next() else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| is_local(host.host())) && hosts.next().is_none()
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_address = address.is_ok_and(|address| address.to_canonical().is_loopback());
    let host = host.to_ascii_lowercase();
    is_address || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use pledge_http::Language;

    use super::*;
    use crate::config::Networks;

    fn config(operations_listen: Option<&str>, trusted: &[&str]) -> ServerConfig {
        let address = |text: &str| text.parse().unwrap();
        ServerConfig {
            listen: address("127.0.0.1:8080"),
            operations_listen: operations_listen.map(address),
            trusted_proxies: Networks::of(trusted),
            allowed_origins: Vec::new(),
            public_reads: true,
            language: Language::default(),
        }
    }

    #[test]
    fn a_trusted_proxy_makes_a_listener_one_for_readers() {
        let of = |trusted| Audience::of("127.0.0.1:8080".parse().unwrap(), &config(None, trusted));
        assert_eq!(of(&[]), Audience::Both);
        assert_eq!(of(&["127.0.0.1"]), Audience::Readers);
    }

    #[tokio::test]
    async fn a_request_with_a_sign_of_a_proxy_gets_what_is_public() {
        let answering =
            |text: &'static str| Router::new().route("/readyz", get(async move || text));
        let routes = unless_passed_on(answering("all"), answering("public"));
        let asked = async |sign: Option<&str>| {
            let mut request = Request::get("/readyz");
            if let Some(sign) = sign {
                request = request.header(sign, "203.0.113.5");
            }
            let request = request.body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            String::from_utf8(to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
        };
        assert_eq!(asked(None).await, "all");
        for sign in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
            assert_eq!(asked(Some(sign)).await, "public", "{sign}");
        }
    }

    /// A page of another site may have its name lead here, and read what a browser of this machine gets.
    #[tokio::test]
    async fn a_request_to_another_host_gets_what_is_public() {
        let answering =
            |text: &'static str| Router::new().route("/metrics", get(async move || text));
        let routes = unless_passed_on(answering("all"), answering("public"));
        let asked = async |hosts: &[&str]| {
            let request = Request::get("/metrics");
            let request = hosts.iter().fold(request, |request, host| request.header("host", *host));
            let request = request.body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            String::from_utf8(to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
        };
        let own = ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080"];
        for host in own {
            assert_eq!(asked(&[host]).await, "all", "{host}");
        }
        assert_eq!(asked(&[]).await, "all", "no browser leaves it out");
        let others =
            ["evil.example:8080", "pledge.example", "localhost.evil.example", "127.0.0.1.evil", ""];
        for host in others {
            assert_eq!(asked(&[host]).await, "public", "{host}");
        }
        assert_eq!(asked(&["localhost", "evil.example"]).await, "public");
    }

    #[test]
    fn operators_look_in_where_readers_are_only_if_this_machine_alone_reaches_it() {
        let of = |listen: &str, operations: Option<&str>| {
            Audience::of(listen.parse().unwrap(), &config(operations, &[]))
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
