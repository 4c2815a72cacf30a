//! Serves the whole before its state exists.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::health;
use super::language::Language;
use super::localized::localized;
use super::problem::{Message, Problem};

/// Answers `/healthz` and `/ping` from the start, and everything else once it is open.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// Opens it: from now on these routes answer. Only the first call has an effect.
    pub fn open(&self, routes: Router) {
        // An error means that it is open already.
        let _ = self.0.set(routes);
    }

    /// Every path: answered by the routes, once it is open.
    pub fn router(self) -> Router {
        let alive =
            Router::new().route("/healthz", get(health::alive)).route("/ping", get(health::pong));
        localized(alive.fallback(pass).with_state(self), Language::default())
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let Some(router) = gate.0.get() else {
        return Problem::new(Message::Starting {}).into_response();
    };
    router.clone().oneshot(request).await.into_response()
}
