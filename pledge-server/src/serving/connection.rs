//! One connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::connections::Seat;
use super::delivery::{Delivering, Delivery};
use super::liveness::end_when_silent;
use crate::config::LimitsConfig;
use crate::metrics::OpenConnection;

/// The largest head of a request, in bytes: a path, a cursor and the headers of browsers and proxies.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// The time after a stop in which a request that was already sent is still read.
const LAST_REQUESTS: Duration = Duration::from_millis(100);

/// A connection that has a seat.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) seat: Seat,
    pub(super) limits: LimitsConfig,
    pub(super) metered: OpenConnection,
}

impl Connection {
    /// Serves its requests until the client leaves, it is evicted, or `stop`, which lets a request
    /// under way finish until `over`.
    pub(super) async fn serve(
        self,
        router: Router,
        stop: CancellationToken,
        over: CancellationToken,
    ) {
        let Self { stream, peer, seat, limits, metered } = self;
        let _ = stream.set_nodelay(true);
        // One that is gone already fails in its first read.
        let _ = end_when_silent(&stream, limits.write_timeout);
        let mut stream = TimeoutStream::new(stream);
        // Time for a request is bounded by hyper and by its handler; time for taking an answer here.
        stream.set_write_timeout(Some(limits.write_timeout));
        let delivery = Delivery::default();
        let stream = Delivering::new(Box::pin(stream), delivery.clone());
        let (seat, metered) = (Arc::new(seat), Arc::new(metered));
        let service = service_fn(|request: Request<Incoming>| {
            let request = request.map(|body| delivery.receive(body, &seat));
            let answering =
                answer(router.clone(), request, peer, delivery.clone(), limits.answer_timeout);
            let (delivery, seat, metered) = (delivery.clone(), seat.clone(), metered.clone());
            async move {
                let response = answering.await?;
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    delivery.becomes_socket(seat, metered);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.evicted().cancelled() => {
                metered.is_evicted();
                Ok(())
            }
            () = stop.cancelled() => over.run_until_cancelled(async {
                // An idle connection closes at once, with whatever its client has just sent.
                match tokio::time::timeout(LAST_REQUESTS, connection.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }).await.unwrap_or(Ok(())),
        };
        // What a client does is no incident of the server.
        if let Err(error) = ended {
            metered.is_broken();
            tracing::debug!(%peer, "a connection ended early: {error}");
        }
    }
}

async fn answer(
    router: Router,
    mut request: Request,
    peer: SocketAddr,
    delivery: Delivery,
    limit: Duration,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    // What follows is of another protocol, with deadlines of its own.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let lasts = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    Ok(response.map(|body| delivery.carry(body, (!lasts).then_some(limit))))
}
