//! Threads for readers.

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How much less often than the others a thread runs where processors are short, in steps of `nice`. Five steps are
/// about a third of the time, ten a tenth.
#[derive(Debug, Clone, Copy)]
struct Nice(i32);

/// Connections: what is refused, and whether the process lives, is answered between reads, however long those take.
const CONNECTIONS: Nice = Nice(5);
const READS: Nice = Nice(10);

/// Threads of their own, so that readers take what following and settling leave of the processors.
///
/// Threads started by them inherit the priority, such as those of `SQLite`'s connections for readers.
#[derive(Debug)]
pub struct ReaderThreads {
    connections: Threads,
    reads: Threads,
}

impl ReaderThreads {
    /// Starts them, as many of each kind as the machine has processors.
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self { connections: Threads::start(CONNECTIONS)?, reads: Threads::start(READS)? })
    }

    /// Where connections are taken in, and answers given out.
    pub fn connections(&self) -> &Handle {
        self.connections.handle()
    }

    /// Routes that are answered on the threads for reads.
    pub fn reading(&self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self.reads.handle().clone(), answer))
    }
}

/// Threads of one priority.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Threads {
    fn start(nice: Nice) -> anyhow::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name("readers").on_thread_start(move || yield_to_others(nice));
        let runtime = builder.build().context("cannot start the threads of readers")?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("held until dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // It may be dropped in a task, which must not wait for threads.
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
fn yield_to_others(Nice(steps): Nice) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(steps) {
        tracing::warn!("readers' threads keep the priority of the others: {error}");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = steps;
}

#[cfg(test)]
#[cfg(target_os = "linux")]
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
    async fn reads_come_after_connections_and_those_after_the_rest() {
        let before = priority();
        let after = |Nice(steps): Nice| (before + steps).min(19);
        let threads = ReaderThreads::start().unwrap();
        let of_both = async || {
            let started = std::thread::spawn(priority).join().unwrap();
            format!("{} {started}", priority())
        };
        let routes = Router::new().route("/", get(of_both));
        assert_eq!(answered(routes.clone()).await, format!("{before} {before}"));
        let reads = after(READS);
        assert_eq!(answered(threads.reading(routes)).await, format!("{reads} {reads}"));
        let connections = threads.connections().spawn(async { priority() });
        assert_eq!(connections.await.unwrap(), after(CONNECTIONS));
        assert_eq!(priority(), before);
    }
}
