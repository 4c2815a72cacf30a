//! One connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::connections::{Busy, Seat};
use crate::config::LimitsConfig;
use crate::metrics::OpenConnection;

/// The largest head of a request, in bytes: a path, a cursor and the headers of browsers and proxies.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;

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
        let mut stream = TimeoutStream::new(stream);
        // Time for a request is bounded by hyper and by its handler; time for taking an answer here.
        stream.set_write_timeout(Some(limits.write_timeout));
        let service = service_fn(|request| answer(router.clone(), request, peer, seat.begin()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.evicted().cancelled() => {
                metered.is_evicted();
                Ok(())
            }
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                over.run_until_cancelled(connection).await.unwrap_or(Ok(()))
            }
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
    request: Request<Incoming>,
    peer: SocketAddr,
    busy: Busy,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Answer { body, _busy: busy })))
}

/// The body of an answer; its connection is busy until hyper has taken all of it.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
