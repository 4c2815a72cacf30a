//! The routes inside an application of another.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use pledge_http::{probes, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{World, body_of, token_path};
use crate::worlds::busy;

/// An application with a route of its own, a fallback of its own, and pledge below a path of two parts.
fn host(world: &World) -> Router {
    Router::new()
        .route("/", get(|| async { "the host" }))
        .nest("/app/points", router(world.api.clone()))
        .merge(probes(world.health.clone()))
        .fallback(|| async { (StatusCode::NOT_FOUND, "\"of the host\"") })
}

async fn ask(host: &Router, method: &str, path: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let request = request.expect("a request of a test");
    let response = host.clone().oneshot(request).await.expect("the router never fails");
    (response.status(), body_of(response).await)
}

#[tokio::test]
async fn every_answer_is_the_same_wherever_the_routes_are_mounted() {
    let (world, token) = busy().await;
    let host = host(&world);
    for path in
        ["/chains", "/chains/1", "/chains/1/tokens", "/settlements", "/chains/7", "/chains/x"]
    {
        let (status, own) = world.get(&format!("/api/v1{path}")).await;
        assert_eq!(ask(&host, "GET", &format!("/app/points{path}")).await, (status, own), "{path}");
    }
    let path = token_path(token).replace("/api/v1", "/app/points");
    assert_eq!(ask(&host, "GET", &path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_list_goes_on_below_another_path_with_the_same_cursor() {
    let (world, token) = busy().await;
    let host = host(&world);
    let accounts = format!("{}/accounts?limit=1", token_path(token));
    let first = world.ok(&accounts).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = format!("{accounts}&cursor={cursor}");
    let mounted = second.replace("/api/v1", "/app/points");
    let (status, answer) = ask(&host, "GET", &mounted).await;
    assert_eq!((status, answer), (StatusCode::OK, world.ok(&second).await));
}

#[tokio::test]
async fn what_is_not_there_is_named_as_it_was_asked_for_and_leads_to_the_beginning() {
    let (world, _) = busy().await;
    let host = host(&world);
    for path in ["/app/points/chain", "/app/points/chains/1/blocks", "/app/points"] {
        let (status, problem) = ask(&host, "GET", path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let detail = format!("there is nothing at {path}: begin at /app/points/chains");
        assert_eq!(problem["detail"], detail);
    }
    let (status, problem) = ask(&host, "POST", "/app/points/chains").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(problem["detail"], "/app/points/chains does not answer POST");
}

#[tokio::test]
async fn what_is_not_below_the_routes_is_left_to_the_host() {
    let (world, _) = busy().await;
    let host = host(&world);
    for path in ["/nothing", "/app/nothing", "/api/v1/chains"] {
        let answer = ask(&host, "GET", path).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, json!("of the host")), "{path}");
    }
}

#[tokio::test]
async fn the_probes_are_where_the_host_merges_them() {
    let (world, _) = busy().await;
    world.pulse.check().await;
    let host = host(&world);
    assert_eq!(ask(&host, "GET", "/readyz").await, (StatusCode::OK, world.ok("/readyz").await));
    assert_eq!(ask(&host, "POST", "/healthz").await.0, StatusCode::METHOD_NOT_ALLOWED);
}
