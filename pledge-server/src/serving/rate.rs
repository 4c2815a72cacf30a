//! How often one client may ask.
//!
//! The answers carry the fields `RateLimit` and `RateLimit-Policy` of
//! draft-ietf-httpapi-ratelimit-headers-10.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use pledge_http::Refusal;

use super::buckets::Buckets;
use super::client::Client;
use super::connections::network_of;
use super::probes::is_of_health;
use crate::config::RateConfig;
use crate::rates::{SharedRates, Verdict};

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The routes of sign-in, below the path at which the API is mounted.
const AUTH: &str = "/auth/";
/// How often one client may use them.
const SIGN_IN: RateConfig = RateConfig {
    per_second: NonZeroU32::new(2).expect("2 is not zero"),
    burst: NonZeroU32::new(30).expect("30 is not zero"),
};

/// The rates of the clients of one server. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub(super) struct Rates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The rate of each client, which a reload may change; `None` for any.
    rate: RwLock<Option<RateConfig>>,
    /// The clock begins here.
    begun: Instant,
    buckets: Mutex<Buckets>,
    shared: OnceLock<Arc<dyn SharedRates>>,
}

impl Rates {
    pub(super) fn new(rate: Option<RateConfig>) -> Self {
        let (begun, buckets, shared) = (Instant::now(), Mutex::default(), OnceLock::new());
        Self(Arc::new(Inner { rate: RwLock::new(rate), begun, buckets, shared }))
    }

    /// Counts with the other instances too, from now on.
    pub(super) fn share(&self, rates: Arc<dyn SharedRates>) {
        // An error means that it does so already.
        let _ = self.0.shared.set(rates);
    }

    pub(super) fn replace(&self, rate: Option<RateConfig>) {
        *self.0.rate.write().unwrap_or_else(PoisonError::into_inner) = rate;
    }

    fn rate(&self) -> Option<RateConfig> {
        *self.0.rate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client has sent here is refused here; what it sent elsewhere counts as long as the
    /// others can be asked.
    async fn take(&self, client: IpAddr, rate: RateConfig) -> Verdict {
        let Inner { begun, buckets, shared, .. } = &*self.0;
        let now = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let here = buckets.lock().unwrap_or_else(PoisonError::into_inner).take(client, now, rate);
        let Some(shared) = shared.get().filter(|_| here.is_allowed) else { return here };
        match shared.take(client, rate).await {
            Ok(everywhere) => everywhere,
            // It is reported where it is known whether that is new.
            Err(error) => {
                tracing::debug!("requests are counted by this instance alone: {error}");
                here
            }
        }
    }
}

/// Refuses a client that asks more often than it may. Questions about health are not counted: an
/// orchestrator that finds no answer would end the process.
pub(super) async fn limit(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Client>().copied();
    let limited = client.zip(rates.rate()).filter(|_| !is_of_health(request.uri().path()));
    let Some((client, rate)) = limited else {
        return next.run(request).await;
    };
    let verdict = rates.take(network_of(client.address), rate).await;
    let mut response = if verdict.is_allowed {
        next.run(request).await
    } else {
        let seconds = whole_seconds(verdict.allowed_in).max(1);
        Refusal::TooManyRequests { seconds }.into_response()
    };
    show(verdict, rate, response.headers_mut());
    response
}

/// Bounds how often one client may sign in, ask for tokens or leave: more often than people and their programs
/// do, and too seldom to try many passwords.
pub fn slowing_sign_in(routes: Router) -> Router {
    routes.layer(from_fn_with_state(Rates::new(Some(SIGN_IN)), limit_sign_in))
}

/// Counted by this instance alone: what several of them count together is the general rate.
async fn limit_sign_in(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Client>().copied();
    let limited = client.zip(rates.rate()).filter(|_| request.uri().path().starts_with(AUTH));
    let Some((client, rate)) = limited else {
        return next.run(request).await;
    };
    let verdict = rates.take(network_of(client.address), rate).await;
    if verdict.is_allowed {
        return next.run(request).await;
    }
    let seconds = whole_seconds(verdict.allowed_in).max(1);
    Refusal::TooManyRequests { seconds }.into_response()
}

fn show(verdict: Verdict, rate: RateConfig, headers: &mut HeaderMap) {
    let RateConfig { per_second, burst } = rate;
    let window = burst.get().div_ceil(per_second.get());
    let policy = format!("\"client\";q={burst};w={window}");
    let state = format!("\"client\";r={};t={}", verdict.remaining, whole_seconds(verdict.full_in));
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        headers.insert(name, HeaderValue::try_from(text).expect("digits and plain characters"));
    }
}

/// Rounded up, so that who waits as long has waited long enough.
fn whole_seconds(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
