//! Requests, by the template of their route.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The upper bounds of the buckets of a request's duration, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// The route of a path that no route has: one value, whatever is asked for.
const UNKNOWN: &str = "unknown";
/// The status of a request whose client left before its answer.
const CUT: &str = "cut";

/// Counts requests. A clone is another handle to the same counts.
#[derive(Debug, Clone)]
pub struct HttpMeter {
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: String,
}

impl HttpMeter {
    pub(super) fn new() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
        }
    }

    /// These routes, whose requests are counted. Layers that answer in the place of a route belong inside,
    /// so that what they refuse counts too.
    pub fn around(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), measure))
    }

    /// These routes, whose templates are known to [`HttpMeter::around`], wherever that is: what lies between
    /// has no routes of its own.
    pub fn naming(routes: Router) -> Router {
        routes.layer(middleware::from_fn(name))
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { requests, durations, in_flight } = self.clone();
        let help = "Requests by route template and status; `cut` if the client left before";
        registry.register("pledge_http_requests", help, requests);
        let help = "Time from the head of a request to the head of its answer";
        registry.register("pledge_http_request_duration_seconds", help, durations);
        let help = "Requests whose answer has not begun";
        registry.register("pledge_http_requests_in_flight", help, in_flight);
    }
}

/// The template of the route that a request came to, once it is there.
#[derive(Debug, Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

async fn measure(State(meter): State<HttpMeter>, mut request: Request, next: Next) -> Response {
    let route = Route::default();
    let mut begun = Begun::new(meter, name_of(request.method()), route.clone());
    request.extensions_mut().insert(route);
    let response = next.run(request).await;
    begun.status = Some(response.status());
    response
}

async fn name(request: Request, next: Next) -> Response {
    let (route, path) = (request.extensions().get::<Route>(), request.extensions().get());
    if let (Some(Route(route)), Some(path)) = (route, path) {
        // An error means that it is known.
        let _ = route.set(MatchedPath::clone(path));
    }
    next.run(request).await
}

/// The name of a method; one value for those that no route knows.
fn name_of(method: &Method) -> &'static str {
    let known = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
    ];
    known.iter().find(|(known, _)| known == method).map_or("other", |(_, name)| name)
}

/// A request under way, counted when this is dropped: also one that is never answered.
struct Begun {
    meter: HttpMeter,
    method: &'static str,
    route: Route,
    since: Instant,
    status: Option<StatusCode>,
}

impl Begun {
    fn new(meter: HttpMeter, method: &'static str, route: Route) -> Self {
        meter.in_flight.inc();
        Self { meter, method, route, since: Instant::now(), status: None }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Self { meter, method, route, since, status } = self;
        meter.in_flight.dec();
        let route = route.0.get().map_or(UNKNOWN, MatchedPath::as_str).to_owned();
        let asked = Asked { method, route: route.clone() };
        meter.durations.get_or_create(&asked).observe(since.elapsed().as_secs_f64());
        let status = status.map_or_else(|| CUT.to_owned(), |status| status.as_u16().to_string());
        meter.requests.get_or_create(&Answered { method, route, status }).inc();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    fn routes(meter: &HttpMeter) -> Router {
        let inner = Router::new()
            .route("/accounts/{account}", get(|| async { "here" }))
            .fallback(|| async { StatusCode::NOT_FOUND });
        let routes = Router::new()
            .nest("/api/v1", inner)
            .route("/never", get(pending::<StatusCode>))
            .fallback(|| async { StatusCode::NOT_FOUND });
        // As a server has them: behind something that passes every path on.
        let routes = HttpMeter::naming(routes);
        meter.around(
            Router::new()
                .fallback(async move |request: Request| routes.clone().oneshot(request).await),
        )
    }

    async fn ask(routes: &Router, method: &str, path: &str) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        routes.clone().oneshot(request).await.unwrap();
    }

    fn counted(meter: &HttpMeter, method: &'static str, route: &str, status: &str) -> u64 {
        let (route, status) = (route.to_owned(), status.to_owned());
        meter.requests.get(&Answered { method, route, status }).map_or(0, |count| count.get())
    }

    /// The number of series that a metric has.
    fn series(meter: &HttpMeter, name: &str) -> usize {
        let mut registry = Registry::default();
        meter.register(&mut registry);
        let text = crate::metrics::text(&registry).unwrap();
        text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).count()
    }

    #[tokio::test]
    async fn a_request_is_counted_by_the_template_of_its_route() {
        let meter = HttpMeter::new();
        for account in ["0x01", "0x02"] {
            ask(&routes(&meter), "GET", &format!("/api/v1/accounts/{account}")).await;
        }
        assert_eq!(counted(&meter, "GET", "/api/v1/accounts/{account}", "200"), 2);
        assert_eq!(series(&meter, "pledge_http_requests_total"), 1);
        assert_eq!(meter.in_flight.get(), 0);
    }

    #[tokio::test]
    async fn paths_and_methods_that_nobody_knows_make_one_series_each() {
        let meter = HttpMeter::new();
        let routes = routes(&meter);
        for number in 0..50 {
            ask(&routes, "GET", &format!("/api/v1/{number}")).await;
            ask(&routes, "GET", &format!("/{number}/wp-login.php")).await;
            ask(&routes, &format!("M{number}"), "/").await;
        }
        assert_eq!(counted(&meter, "GET", UNKNOWN, "404"), 100);
        assert_eq!(counted(&meter, "other", UNKNOWN, "404"), 50);
        assert_eq!(series(&meter, "pledge_http_requests_total"), 2);
        assert_eq!(series(&meter, "pledge_http_request_duration_seconds_count"), 2);
    }

    #[tokio::test]
    async fn a_request_whose_client_leaves_is_counted_as_cut() {
        let meter = HttpMeter::new();
        let routes = routes(&meter);
        let left = tokio::time::timeout(
            std::time::Duration::from_millis(20),
            ask(&routes, "GET", "/never"),
        );
        assert!(left.await.is_err());
        assert_eq!(counted(&meter, "GET", "/never", CUT), 1);
        assert_eq!(meter.in_flight.get(), 0);
    }
}
