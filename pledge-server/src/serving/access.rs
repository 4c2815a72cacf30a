//! One line for each request, written once its answer is over.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::USER_AGENT;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use pledge_http::access::RequestOrigin;
use tracing::Instrument;

use super::client::client_of;
use super::probes::is_probe;
use super::proxies::Proxies;
use super::request_id::{RequestId, X_REQUEST_ID};

/// The log file of requests takes the lines of this target.
const ACCESS: &str = "pledge::access";
/// The most characters of what a client chose itself.
const CHARS_MAX: usize = 256;
/// No method that is in use has half as many.
const METHOD_CHARS_MAX: usize = 32;
/// What proxies log for a client that left before its answer began; no client sees it.
const LEFT: u16 = 499;

/// Finds out who asks, names the request in its answer and in every line about it, and writes the
/// line of the whole.
pub(super) async fn log(
    State(proxies): State<Proxies>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = client_of(peer.ip(), request.headers(), proxies.trusted());
    proxies.notice(client, request.headers());
    let id = RequestId::of(client, request.headers());
    let is_head = request.method() == Method::HEAD;
    let mut line = Line::begin(client.address, &id, &request);
    // At this level it is there whichever lines are wanted.
    let span = tracing::error_span!("request", %id);
    request.extensions_mut().insert(client);
    request
        .extensions_mut()
        .insert(RequestOrigin { address: client.address, request: id.audited() });
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(X_REQUEST_ID, id.as_header().clone());
    line.status = Some(response.status());
    // Nothing follows the head of an answer to `HEAD`.
    line.is_whole = is_head;
    response.map(|body| Body::new(Logged::new(body, line)))
}

/// What is known of a request; written when it is dropped, whatever its end.
struct Line {
    begun: Instant,
    client: IpAddr,
    id: String,
    method: String,
    path: String,
    agent: String,
    is_probe: bool,
    /// `None` for a client that left before its answer began.
    status: Option<StatusCode>,
    bytes: u64,
    is_whole: bool,
}

impl Line {
    /// Without the query, which may have a secret in it.
    fn begin(client: IpAddr, id: &RequestId, request: &Request) -> Self {
        let path = request.uri().path();
        let agent = request.headers().get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        Self {
            begun: Instant::now(),
            client,
            id: id.to_string(),
            method: shown(request.method().as_str(), METHOD_CHARS_MAX),
            path: shown(path, CHARS_MAX),
            agent: shown(&String::from_utf8_lossy(agent), CHARS_MAX),
            is_probe: is_probe(path),
            status: None,
            bytes: 0,
            is_whole: false,
        }
    }
}

/// The beginning of a text, without what a terminal would obey.
fn shown(text: &str, chars_max: usize) -> String {
    let plain = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    text.chars().take(chars_max).map(plain).collect()
}

impl Drop for Line {
    /// A text is written in quotes, and what would end it early is escaped, in every format of lines.
    fn drop(&mut self) {
        let Self { begun, client, id, method, path, agent, is_probe, status, bytes, is_whole } =
            self;
        let is_refused = *status == Some(StatusCode::TOO_MANY_REQUESTS);
        let status = status.map_or(LEFT, |status| status.as_u16());
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (id, path, agent) = (id.as_str(), path.as_str(), agent.as_str());
        macro_rules! write {
            ($level:expr) => {
                tracing::event!(
                    target: ACCESS, $level, %client, id, %method, path, status, bytes, micros,
                    is_whole, agent, "request"
                )
            };
        }
        // Orchestrators probe every few seconds, for ever, and who asks too often must not fill the log.
        if *is_probe || is_refused {
            write!(tracing::Level::DEBUG);
        } else {
            write!(tracing::Level::INFO);
        }
    }
}

/// The body of an answer, with the line that it belongs to.
struct Logged {
    body: Body,
    line: Line,
}

impl Logged {
    fn new(body: Body, mut line: Line) -> Self {
        use http_body::Body as _;
        line.is_whole |= body.is_end_stream();
        Self { body, line }
    }
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        // A body that is known to be over is polled no more.
        self.line.is_whole |= frame.is_none() || self.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
