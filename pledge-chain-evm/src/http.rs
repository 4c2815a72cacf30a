//! One HTTP round trip with a node.
//!
//! Own code instead of alloy's transport, for three reasons: that one writes the whole url, API key
//! included, into its spans and errors; it reads answers of any length; and where a node refuses a
//! batch with one error object, it loses the text.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use alloy::rpc::json_rpc::{ErrorPayload, Id, Response, ResponsePacket, ResponsePayload};
use alloy::transports::http::reqwest::{self, StatusCode, header, redirect};
use alloy::transports::{TransportError, TransportErrorKind};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

use crate::classify::{AnswerTooLarge, Failure};
use crate::config::EvmConfig;
use crate::redact::{Redactor, endpoint};

/// One JSON-RPC call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

impl Call {
    pub(crate) const fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }

    fn body(&self, id: usize) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params })
    }
}

/// What the node says to one call.
pub(crate) type Answer = Result<Box<RawValue>, Failure>;

/// A node behind a url.
pub(crate) struct Node {
    client: reqwest::Client,
    url: Url,
    endpoint: String,
    redactor: Redactor,
    answer_bytes_max: usize,
}

impl Node {
    pub(crate) fn new(config: &EvmConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(config.request_timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("pledge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            url: config.url.clone(),
            endpoint: endpoint(&config.url),
            redactor: Redactor::new(&config.url),
            answer_bytes_max: config.answer_bytes_max,
        })
    }

    /// Host and port.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks in one request; a single call is not sent as a batch. Answers come in the order asked.
    pub(crate) async fn ask(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        let packet = self.post(calls).await.map_err(|error| self.fail(&error))?;
        self.in_order(packet, calls.len())
    }

    async fn post(&self, calls: &[Call]) -> Result<ResponsePacket, TransportError> {
        let body = match calls {
            [call] => call.body(0),
            calls => calls.iter().enumerate().map(|(id, call)| call.body(id)).collect(),
        };
        let response = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .send()
            .await
            .map_err(connection_error)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = self.read(response).await?;
        let packet = serde_json::from_slice::<ResponsePacket>(&body);
        let answered = status.is_success() || is_refusal(status, &packet);
        if !answered {
            let text = self.redactor.clean(&String::from_utf8_lossy(&body));
            return Err(TransportErrorKind::http_error_with_retry_after(
                status.as_u16(),
                text,
                retry_after,
            ));
        }
        packet.map_err(|error| {
            let text = self.redactor.clean(&String::from_utf8_lossy(&body));
            TransportError::DeserError { err: error, text }
        })
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
            if body.len() + chunk.len() > self.answer_bytes_max {
                return Err(TransportErrorKind::custom(AnswerTooLarge {
                    bytes_max: self.answer_bytes_max,
                }));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn in_order(&self, packet: ResponsePacket, count: usize) -> Result<Vec<Answer>, Failure> {
        let responses = match packet {
            // Whatever its id: refusals of a request as a whole often have none.
            ResponsePacket::Single(response) if count == 1 => {
                return Ok(vec![self.answer(response.payload)]);
            }
            ResponsePacket::Single(Response {
                payload: ResponsePayload::Failure(refusal), ..
            }) => return Err(self.refusal(refusal)),
            ResponsePacket::Single(response) => vec![response],
            ResponsePacket::Batch(responses) => responses,
        };
        let mut by_id: HashMap<Id, ResponsePayload> =
            responses.into_iter().map(|response| (response.id, response.payload)).collect();
        (0..count as u64)
            .map(Id::Number)
            .map(|id| match by_id.remove(&id) {
                Some(payload) => Ok(self.answer(payload)),
                None => Err(self.fail(&TransportErrorKind::missing_batch_response(id))),
            })
            .collect()
    }

    fn answer(&self, payload: ResponsePayload) -> Answer {
        match payload {
            ResponsePayload::Success(result) => Ok(result),
            ResponsePayload::Failure(refusal) => Err(self.refusal(refusal)),
        }
    }

    fn refusal(&self, mut refusal: ErrorPayload) -> Failure {
        refusal.message = self.redactor.clean(&refusal.message).into();
        refusal.data = refusal.data.and_then(|data| {
            serde_json::value::to_raw_value(&self.redactor.clean(data.get())).ok()
        });
        self.fail(&TransportError::ErrorResp(refusal))
    }

    fn fail(&self, error: &TransportError) -> Failure {
        Failure::new(&self.endpoint, error)
    }

    /// What the node says, without secrets and in one short line.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.redactor.clean(text)
    }

    /// An answer that does not have the form it should have.
    pub(crate) fn malformed(&self, error: serde_json::Error, answer: &RawValue) -> Failure {
        let text = self.clean(answer.get());
        self.fail(&TransportError::DeserError { err: error, text })
    }
}

fn connection_error(error: reqwest::Error) -> TransportError {
    TransportErrorKind::custom(error.without_url())
}

/// Some nodes send an error answer under one of these statuses. The others tell of the way to the
/// node, not of the question, whatever the body says.
fn is_refusal(status: StatusCode, packet: &serde_json::Result<ResponsePacket>) -> bool {
    matches!(status.as_u16(), 400 | 422 | 500)
        && packet.as_ref().is_ok_and(ResponsePacket::is_error)
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    wait_asked(value.trim(), SystemTime::now())
}

/// The wait in a `Retry-After`, which holds seconds or a date.
fn wait_asked(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_node_may_ask_to_be_left_alone_in_seconds() {
        assert_eq!(wait_asked("120", SystemTime::UNIX_EPOCH), Some(2 * MINUTE));
    }

    #[test]
    fn a_node_may_ask_to_be_left_alone_until_a_date() {
        let date = "Thu, 01 Jan 1970 00:02:00 GMT";
        let at = |elapsed| wait_asked(date, SystemTime::UNIX_EPOCH + elapsed);
        assert_eq!(at(MINUTE), Some(MINUTE));
        assert_eq!(at(3 * MINUTE), Some(Duration::ZERO), "a date that is over asks for nothing");
    }

    #[test]
    fn what_is_neither_seconds_nor_a_date_asks_for_nothing() {
        for value in ["", "soon", "-1", "1.5"] {
            assert_eq!(wait_asked(value, SystemTime::UNIX_EPOCH), None, "{value}");
        }
    }
}
