//! The name of one request, by which a client, a proxy and the logs speak of the same.

use std::fmt;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use futures::future::ready;
use futures::stream;
use http_body::Body as _;
use pledge_core::audit;

use super::client::Client;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// As many as a record of the audit log keeps of one.
const CHARS_MAX: usize = audit::RequestId::CHARS_MAX;
/// More than a problem document has that repeats a whole path, each byte of it escaped.
const DOCUMENT_BYTES_MAX: usize = 256 * 1_024;

/// The id of a request: letters, digits and `-_.:=`, at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that a trusted proxy gave; else, and where that is none, a new one.
    pub(super) fn of(client: Client, headers: &HeaderMap) -> Self {
        let given = headers.get(&X_REQUEST_ID).filter(|_| client.is_proxied);
        let given = given.filter(|id| is_plain(id.as_bytes())).cloned();
        Self(given.unwrap_or_else(made))
    }

    pub(super) const fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// It, as the audit log has it.
    pub(super) fn audited(&self) -> audit::RequestId {
        audit::RequestId::new(self.as_str()).expect("a short text of plain characters")
    }

    fn as_str(&self) -> &str {
        self.0.to_str().expect("plain characters only")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Nothing that has a meaning in logs or in JSON.
fn is_plain(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=".contains(byte);
    (1..=CHARS_MAX).contains(&id.len()) && id.iter().all(is_plain)
}

fn made() -> HeaderValue {
    let id = format!("{:032x}", fastrand::u128(..));
    HeaderValue::try_from(id).expect("hexadecimal digits are a header")
}

/// Adds the id to a problem document, so that who reports one reports the id too.
pub(super) async fn name_in_problem(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let Some(id) = id.filter(|_| is_problem_in_memory(&response)) else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, DOCUMENT_BYTES_MAX).await {
        Ok(document) => {
            parts.headers.remove(CONTENT_LENGTH);
            with_id(&document, &id).map_or_else(|| Body::from(document), Body::from)
        }
        // What breaks off is not passed off as empty.
        Err(error) => Body::from_stream(stream::once(ready(Err::<Bytes, _>(error)))),
    };
    Response::from_parts(parts, body)
}

/// Whether an answer is a problem document that can be read at once. One that is too long stays as it is.
fn is_problem_in_memory(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let length = response.body().size_hint().exact();
    kind.is_some_and(|kind| kind.as_bytes() == b"application/problem+json")
        && length.is_some_and(|length| length <= DOCUMENT_BYTES_MAX as u64)
}

/// A JSON object with the id as its last member; `None` for what is none, such as the empty answer to
/// `HEAD`.
fn with_id(document: &[u8], id: &RequestId) -> Option<Vec<u8>> {
    let members = document.strip_suffix(b"}")?;
    let separator = if members == b"{" { "" } else { "," };
    let member = format!("{separator}\"request_id\":\"{id}\"}}");
    Some([members, member.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &str, is_proxied: bool) -> RequestId {
        let client = Client { address: [10, 0, 0, 1].into(), is_https: false, is_proxied };
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, id.parse().unwrap());
        RequestId::of(client, &headers)
    }

    #[test]
    fn an_id_is_taken_from_a_trusted_proxy_alone() {
        assert_eq!(given("abc-1", true).to_string(), "abc-1");
        let made = given("abc-1", false).to_string();
        assert_eq!(made.len(), 32);
        assert_ne!(made, given("abc-1", false).to_string());
    }

    #[test]
    fn an_id_that_could_be_more_than_a_name_is_replaced() {
        for id in ["", "a b", "a\"b", "a\\", "a,b", "{}", &"a".repeat(65)] {
            assert_eq!(given(id, true).to_string().len(), 32, "{id}");
        }
    }

    #[test]
    fn a_document_gets_the_id_as_a_member() {
        let id = given("a-1", true);
        let with = |document: &str| with_id(document.as_bytes(), &id);
        for document in [r#"{"title":"T"}"#, "{}"] {
            let named: serde_json::Value =
                serde_json::from_slice(&with(document).unwrap()).unwrap();
            assert_eq!(named["request_id"], "a-1", "{document}");
        }
        assert_eq!(with(""), None);
    }
}
