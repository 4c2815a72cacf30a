//! One HTTP round trip with a node.
//!
//! Own code instead of alloy's transport, for three reasons: that one writes the whole url, API key
//! included, into its spans and errors; it reads answers of any length; and where a node refuses a
//! batch with one error object, it loses the text.

use std::time::{Duration, SystemTime};

use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::{ErrorPayload, Id};
use alloy::transports::http::reqwest::{self, StatusCode, header, redirect};
use alloy::transports::{TransportError, TransportErrorKind};
use serde::de::Error;
use serde_json::{Value, json};
use url::Url;

use crate::classify::AnswerTooLarge;
use crate::config::EvmConfig;
use crate::failure::Failure;
use crate::redact::{Redactor, endpoint};
use crate::response::{Json, Packet, Response};

/// One JSON-RPC call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    /// What it asks for is there: null is asked again.
    pub(crate) is_expected: bool,
    /// The caller can ask for less: the call ends once it fails at its size and nothing else does.
    pub(crate) is_divisible: bool,
    /// The caller has another form for it: the call ends where the node does not know this one.
    pub(crate) has_alternative: bool,
}

impl Call {
    pub(crate) const fn new(method: &'static str, params: Value) -> Self {
        let (is_expected, is_divisible, has_alternative) = (false, false, false);
        Self { method, params, is_expected, is_divisible, has_alternative }
    }

    pub(crate) fn expected(self) -> Self {
        Self { is_expected: true, ..self }
    }

    pub(crate) fn divisible(self) -> Self {
        Self { is_divisible: true, ..self }
    }

    pub(crate) fn with_alternative(self) -> Self {
        Self { has_alternative: true, ..self }
    }

    fn body(&self, id: usize) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params })
    }
}

/// The node's answer to one call.
pub(crate) type Answer = Result<Json, Failure>;

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
            // A question must go nowhere but to the url that is configured.
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

    async fn post(&self, calls: &[Call]) -> Result<Packet, TransportError> {
        let body = match calls {
            [call] => call.body(0),
            calls => calls.iter().enumerate().map(|(id, call)| call.body(id)).collect(),
        };
        let body = body.to_string();
        let response = match self.send(body.clone()).await {
            // The node had closed a connection that was kept: the question has not failed.
            Err(error) if is_stale(&error) => self.send(body).await,
            sent => sent,
        };
        let response = response.map_err(connection_error)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = self.read(response).await?;
        let packet = Packet::parse(&body);
        let answered = status.is_success() || is_refusal(status, &packet);
        if !answered {
            let text = self.redactor.clean(&String::from_utf8_lossy(&body));
            return Err(TransportErrorKind::http_error_with_retry_after(
                status.as_u16(),
                text,
                retry_after,
            ));
        }
        packet.map_err(|error| self.unreadable(&error, &String::from_utf8_lossy(&body)))
    }

    async fn send(&self, body: String) -> reqwest::Result<reqwest::Response> {
        let request = self.client.post(self.url.clone());
        request.header(header::CONTENT_TYPE, "application/json").body(body).send().await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Bytes, TransportError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
            // Counted as it comes: an answer without an end names no length beforehand.
            if body.len() + chunk.len() > self.answer_bytes_max {
                return Err(TransportErrorKind::custom(AnswerTooLarge {
                    bytes_max: self.answer_bytes_max,
                }));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }

    fn in_order(&self, packet: Packet, count: usize) -> Result<Vec<Answer>, Failure> {
        let responses = match packet {
            // Whatever its id: refusals of a request as a whole often have none.
            Packet::Single(Response { result: Err(refusal), .. }) => {
                let refusal = self.refusal(refusal);
                return if count == 1 { Ok(vec![Err(refusal)]) } else { Err(refusal) };
            }
            Packet::Single(response) => vec![response],
            Packet::Batch(responses) => responses,
        };
        let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
        for response in responses {
            let place = match (&response.id, &response.result) {
                // A refusal of the batch as a whole.
                (Id::None, Err(_)) => return self.answer(response).map(|_| Vec::new()),
                (Id::Number(id), _) => usize::try_from(*id).ok().and_then(|id| answers.get_mut(id)),
                _ => None,
            };
            match place {
                Some(place @ None) => *place = Some(self.answer(response)),
                Some(_) => return Err(self.disorder("a second answer with the id", &response.id)),
                None => return Err(self.disorder("an answer with the foreign id", &response.id)),
            }
        }
        // What is there is an answer all the same.
        let missing = |id| Err(self.disorder("no answer with the id", &Id::Number(id)));
        let answers = (0..).zip(answers);
        Ok(answers.map(|(id, answer)| answer.unwrap_or_else(|| missing(id))).collect())
    }

    fn answer(&self, response: Response) -> Answer {
        response.result.map_err(|refusal| self.refusal(refusal))
    }

    fn disorder(&self, what: &str, id: &Id) -> Failure {
        let text = self.clean(&id.to_string());
        Failure::malformed(format!("{}: there is {what} {text}", self.endpoint))
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

    /// A text of the node, without secrets and in one short line.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.redactor.clean(text)
    }

    /// An answer that does not have the form it should have.
    pub(crate) fn malformed(&self, error: &serde_json::Error, answer: &Json) -> Failure {
        self.fail(&self.unreadable(error, answer.text()))
    }

    /// The reason quotes the node too.
    fn unreadable(&self, error: &serde_json::Error, text: &str) -> TransportError {
        let reason = self.clean(&error.to_string());
        TransportError::DeserError { err: Error::custom(reason), text: self.clean(text) }
    }
}

/// Whether a connection that was open ended before any answer.
fn is_stale(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

fn connection_error(error: reqwest::Error) -> TransportError {
    TransportErrorKind::custom(error.without_url())
}

/// Some nodes send an error answer under one of these statuses. Under the others the status counts,
/// and the body's words are read as a hint.
fn is_refusal(status: StatusCode, packet: &serde_json::Result<Packet>) -> bool {
    matches!(status.as_u16(), 400 | 422 | 500) && packet.as_ref().is_ok_and(Packet::is_refusal)
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
