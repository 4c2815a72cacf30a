//! The API before there is anything to answer from.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::health;
use super::problem::{Kind, Problem};
use super::{Api, router};

/// Answers `/healthz` from the beginning, and everything else once it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// From now on the API answers. Only the first call counts.
    pub fn open(&self, api: Api) {
        // A second API has nothing that the first has not.
        let _ = self.0.set(router(api));
    }

    /// As [`Gate::open`], with short paths that lead to longer ones below `/api/v1/`.
    pub fn open_with(&self, api: Api, short: impl IntoIterator<Item = (&'static str, String)>) {
        let router = short.into_iter().fold(router(api), |router, (path, to)| {
            let to = Redirect::temporary(&format!("/api/v1/{to}"));
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
