//! Damage to the bytes of an answer.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, stream};

/// What happens to an answer on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// Another HTTP status with headers and a body of its own.
    Status(u16, Vec<(&'static str, String)>, String),
    /// No answer, for as long as the client waits.
    Silence,
    /// One byte at a time, with a pause after each.
    Drip(Duration),
    /// The connection ends in the middle of the answer.
    Cut,
    /// The complete answer, then the end of the connection.
    Closing,
    /// Half of the answer, with a length that matches.
    Half,
    /// This many spaces in front of the answer, compressed to a thousandth.
    GzipBomb(usize),
    /// Nested lists instead of the answer, this many levels deep.
    Nested(usize),
    /// Text without an end.
    Endless,
}

const PIECE_BYTES: usize = 64 << 10;

impl Wire {
    /// An HTTP status with a text.
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self::Status(status, vec![], body.into())
    }

    /// Sends an answer with this fault.
    pub(super) async fn send(self, answer: String) -> Response {
        match self {
            Self::Status(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).expect("a status and headers that exist")
            }
            Self::Silence => std::future::pending().await,
            Self::Drip(pause) => json(Body::from_stream(stream::iter(answer.into_bytes()).then(
                move |byte| async move {
                    tokio::time::sleep(pause).await;
                    Ok::<_, Infallible>(Bytes::from(vec![byte]))
                },
            ))),
            Self::Cut => {
                let half = Bytes::copy_from_slice(&answer.as_bytes()[..answer.len() / 2]);
                let half = stream::once(async { Ok(half) });
                let broken = stream::once(async {
                    // The first half is sent before the connection ends.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Err(std::io::Error::other("cut"))
                });
                json(Body::from_stream(half.chain(broken)))
            }
            Self::Closing => {
                let mut response = json(Body::from(answer));
                response.headers_mut().insert(CONNECTION, "close".parse().expect("a value"));
                response
            }
            Self::Half => json(Body::from(answer.as_bytes()[..answer.len() / 2].to_vec())),
            Self::GzipBomb(bytes) => gzip_bomb(bytes, &answer),
            Self::Nested(levels) => json(Body::from(format!(
                r#"{{"jsonrpc":"2.0","id":0,"result":{}{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            ))),
            Self::Endless => {
                let start = Bytes::from_static(br#"{"jsonrpc":"2.0","id":0,"result":""#);
                let more = stream::repeat(Bytes::from(vec![b'0'; PIECE_BYTES]));
                json(Body::from_stream(
                    stream::once(async { start }).chain(more).map(Ok::<_, Infallible>),
                ))
            }
        }
    }
}

/// An answer as it should be.
pub(super) fn json(body: Body) -> Response {
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    response.body(body).expect("a header that exists")
}

fn gzip_bomb(bytes: usize, answer: &str) -> Response {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let spaces = [b' '; PIECE_BYTES];
    for from in (0..bytes).step_by(PIECE_BYTES) {
        let piece = &spaces[..PIECE_BYTES.min(bytes - from)];
        encoder.write_all(piece).expect("a list takes all");
    }
    encoder.write_all(answer.as_bytes()).expect("a list takes all");
    let mut response = json(Body::from(encoder.finish().expect("a list takes all")));
    response.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().expect("a value"));
    response
}
