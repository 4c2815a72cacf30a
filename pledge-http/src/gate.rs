//! Serves the whole before its state exists.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::health;
use super::problem::{Kind, Problem};
use super::{API, Api, Health, service};

/// Answers `/healthz` from the start, and everything else once it is open.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// Opens the API. Only the first call has an effect.
    pub fn open(&self, api: Api, health: Health) {
        // An error means that it is open already.
        let _ = self.0.set(service(api, health));
    }

    /// Like [`Gate::open`], with short paths that redirect to longer ones below [`API`].
    pub fn open_with(
        &self,
        api: Api,
        health: Health,
        short: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        let router = short.into_iter().fold(service(api, health), |router, (path, to)| {
            let to = Redirect::temporary(&format!("{API}/{to}"));
            router.route(path, get(move || ready(to.clone())))
        });
        let _ = self.0.set(router);
    }

    /// The routes: those of the API, once it is open.
    pub fn router(self) -> Router {
        Router::new().route("/healthz", get(health::alive)).fallback(pass).with_state(self)
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let Some(router) = gate.0.get() else {
        let detail = "pledge is starting: the configuration is being checked and the store opened";
        return Problem::new(Kind::Starting, detail).into_response();
    };
    router.clone().oneshot(request).await.into_response()
}
