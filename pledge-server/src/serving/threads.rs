//! Threads for readers.

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How much less often than the others a thread of readers runs where processors are short, in steps of `nice`.
///
/// Ten steps are about a tenth of the time of a thread that follows a chain.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads of their own, so that readers take what following and settling leave of the processors.
///
/// Threads started by them inherit the priority, such as those of `SQLite`'s connections for readers.
#[derive(Debug)]
pub struct ReaderThreads(Option<Runtime>);

impl ReaderThreads {
    /// Starts them, as many as the machine has processors.
    pub fn start() -> anyhow::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name("readers").on_thread_start(yield_to_others);
        let runtime = builder.build().context("cannot start the threads of readers")?;
        Ok(Self(Some(runtime)))
    }

    /// Routes that are answered on these threads, while the caller's take in the request and give out the answer.
    pub fn serving(&self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self.handle().clone(), answer))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("held until dropped").handle()
    }
}

impl Drop for ReaderThreads {
    fn drop(&mut self) {
        // Whoever drops it may be a task, which must not wait for threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(threads): State<Handle>, request: Request, next: Next) -> Response {
    // A client that leaves ends it.
    match AbortOnDropHandle::new(threads.spawn(next.run(request))).await {
        Ok(answer) => answer,
        // As it would end the connection elsewhere.
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        // The process ends.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Lowers the priority of this thread. Linux has one for each thread; elsewhere it is the whole process's, and stays.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!("readers' threads keep the priority of the others: {error}");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use rustix::process::getpriority_process;
    use tower::ServiceExt;

    use super::*;

    fn priority() -> i32 {
        getpriority_process(None).unwrap()
    }

    async fn answered(routes: Router) -> String {
        let answer = routes.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn readers_and_the_threads_they_start_come_after_the_others() {
        let before = priority();
        let later = (before + NICE).min(19);
        let threads = ReaderThreads::start().unwrap();
        let of_both = async || {
            let started = std::thread::spawn(priority).join().unwrap();
            format!("{} {started}", priority())
        };
        let routes = Router::new().route("/", get(of_both));
        assert_eq!(answered(routes.clone()).await, format!("{before} {before}"));
        assert_eq!(answered(threads.serving(routes)).await, format!("{later} {later}"));
        assert_eq!(priority(), before);
    }
}
