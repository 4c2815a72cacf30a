//! The HTTP API inside an axum application of your own, below a path of your own.
//!
//! The application has a route `/`, and pledge's under `/points`. `pledge_http::probes` would add
//! `/healthz` and `/readyz`; this one leaves them out. It asks itself, without a socket.
//!
//! ```text
//! cargo run -p pledge-examples --example mounted_api
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use pledge_core::audit::Attribution;
use pledge_core::engine::Engine;
use pledge_core::stop::Stop;
use pledge_core::types::RateSchedule;
use pledge_examples::{ALICE, BOB, NOBODY, Simulated};
use pledge_http::{Api, router};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use serde_json::Value;
use tower::ServiceExt;

/// No answer of this example is longer.
const ANSWER_BYTES_MAX: usize = 1 << 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usdx = Simulated::new()?;
    usdx.mine("15:00", &[])?;
    usdx.mine("15:10", &[(NOBODY, ALICE, 100)])?;
    usdx.mine("15:30", &[(NOBODY, ALICE, 100), (ALICE, BOB, 50)])?;
    for _ in 0..3 {
        usdx.mine("16:00", &[])?;
    }
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::builder(store, Arc::new(MemoryPending::default()))
        .follow(usdx.followed(RateSchedule::constant("0.05".parse()?)))
        .build(&Attribution::program("example", SystemTime::now())?)
        .await?;
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;

    let points = Api { queries: engine.queries().clone(), clock: SystemTime::now };
    let app = Router::new()
        .route("/", get(|| async { "\"an application of your own\"" }))
        .nest("/points", router(points));
    // A program that serves it: `axum::serve(listener, app).await`.

    println!("/\n  {}\n", ask(&app, "/").await?);
    let accounts =
        format!("/points/chains/{}/tokens/{}/accounts", usdx.token.chain, usdx.token.address);
    let mut page = ask(&app, &format!("{accounts}?limit=1")).await?;
    println!("{accounts}");
    while let Some(row) = page["items"].get(0) {
        println!("  {} {} points", row["account"], row["points"]);
        let Some(next) = page["next_cursor"].as_str() else { break };
        page = ask(&app, &format!("{accounts}?limit=1&cursor={next}")).await?;
    }
    let wrong = "/points/account";
    println!("\n{wrong}\n  {}", ask(&app, wrong).await?["detail"]);
    Ok(())
}

/// The JSON that the application answers to a path.
async fn ask(app: &Router, path: &str) -> Result<Value> {
    let answer = app.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
    Ok(serde_json::from_slice(&to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await?)?)
}
