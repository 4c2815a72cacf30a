//! A failed request as it is handed on: what it was, in one line that holds no secret, and what the node
//! asks for.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use alloy::transports::{HttpError, TransportError, TransportErrorKind};
use pledge_core::error::{ChainError, ChainErrorKind};

use crate::classify::{Fault, fault_of, fault_of_connection, fault_of_status, words_of};
use crate::limit_text::{blocks_at_most, names_addresses, names_limit};

/// The source of an error whose reason is another chain behind the url.
#[derive(Debug)]
pub struct WrongChain;

impl fmt::Display for WrongChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the url or the chain id is wrong")
    }
}

impl StdError for WrongChain {}

/// The source of an error of a node that refuses access with this url.
#[derive(Debug)]
pub(crate) struct Denied;

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the url or its key is refused")
    }
}

impl StdError for Denied {}

/// The source of an error of a node that asks to be left alone for a while.
#[derive(Debug)]
pub(crate) struct RestAsked(pub(crate) Duration);

impl fmt::Display for RestAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it asks to be left alone for {} s", self.0.as_secs())
    }
}

impl StdError for RestAsked {}

/// A failed request: its class, and its text in one line that holds no secret.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    pub(crate) detail: String,
    /// How long it took the node to fail.
    pub(crate) took: Duration,
    /// How long the node asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The most blocks at once that the node takes, as its refusal states it.
    pub(crate) blocks_at_most: Option<u64>,
    /// The words are those of too much at once.
    pub(crate) names_limit: bool,
    /// The words are those of too many contracts at once.
    pub(crate) names_addresses: bool,
    /// The question fails again at its size, while the node answers others.
    pub(crate) recurs: bool,
}

impl Failure {
    /// Of a transport error whose texts are clean already.
    pub(crate) fn new(endpoint: &str, error: &TransportError) -> Self {
        let (fault, words) = (fault_of(error), words_of(error));
        let words = words.as_deref().unwrap_or_default();
        // `limit` and `range` are in other refusals too (`rate limit`, `BlockOutOfRange`), and less
        // would not help there.
        let is_limit = !matches!(fault, Fault::RateLimited | Fault::BlockMissing | Fault::Reverted);
        Self {
            retry_after: error.as_transport_err().and_then(TransportErrorKind::retry_after),
            blocks_at_most: blocks_at_most(words),
            names_limit: fault == Fault::TooLarge
                || (is_limit && (names_limit(words) || blocks_at_most(words).is_some())),
            names_addresses: names_addresses(words),
            ..Self::without_hints(fault, format!("{endpoint}: {}", describe(error)))
        }
    }

    /// Another chain answered than the one configured.
    pub(crate) const fn wrong_chain(detail: String) -> Self {
        Self::without_hints(Fault::WrongChain, detail)
    }

    /// An answer that can be read and makes no sense.
    pub(crate) const fn malformed(detail: String) -> Self {
        Self::without_hints(Fault::Malformed, detail)
    }

    /// An answer that is shorter than its parts.
    pub(crate) fn truncated(detail: String) -> Self {
        let failure = Self::without_hints(Fault::Refused, detail);
        Self { recurs: true, ..failure }
    }

    const fn without_hints(fault: Fault, detail: String) -> Self {
        Self {
            fault,
            detail,
            took: Duration::ZERO,
            retry_after: None,
            blocks_at_most: None,
            names_limit: false,
            names_addresses: false,
            recurs: false,
        }
    }

    /// The request was not sent: it would be more than the node may be asked.
    pub(crate) const fn over_budget(detail: String) -> Self {
        Self::without_hints(Fault::RateLimited, detail)
    }

    /// The same of a url that has let us in before: no verdict on the url.
    pub(crate) fn of_a_known_url(mut self) -> Self {
        if self.fault == Fault::Denied {
            self.fault = Fault::Unreachable;
        }
        self
    }

    /// Whether the node asks for fewer requests.
    pub(crate) fn is_busy(&self) -> bool {
        self.fault == Fault::RateLimited
    }

    /// The error of a port, with the kind of the fault.
    pub(crate) fn during(self, operation: &'static str) -> ChainError {
        let kind = self.fault.kind();
        self.during_as(kind, operation)
    }

    /// The error of a port, where the caller knows the kind better.
    pub(crate) fn during_as(self, kind: ChainErrorKind, operation: &'static str) -> ChainError {
        let error = ChainError::new(kind, operation, self.detail);
        match (self.fault, self.retry_after) {
            (Fault::WrongChain, _) => error.caused_by(WrongChain),
            (Fault::Denied, _) => error.caused_by(Denied),
            (_, Some(rest)) => error.caused_by(RestAsked(rest)),
            _ => error,
        }
    }
}

/// An error's text, in one line.
pub(crate) fn describe(error: &TransportError) -> String {
    match error {
        TransportError::ErrorResp(payload) => {
            let mut text = format!("the node answers error {}: {}", payload.code, payload.message);
            if let Some(data) = &payload.data {
                text.push_str(&format!(" ({data})"));
            }
            text
        }
        TransportError::DeserError { err, text } => {
            format!("the answer cannot be read: {err}: {text}")
        }
        TransportError::Transport(kind) => match kind.as_http_error() {
            Some(http) => describe_status(http),
            None => describe_connection(kind),
        },
        other => other.to_string(),
    }
}

fn describe_status(error: &HttpError) -> String {
    let HttpError { status, body } = error;
    let remedy = match fault_of_status(error) {
        Fault::Denied => " (is the url right, its key included?)",
        _ => "",
    };
    match body.trim() {
        "" => format!("HTTP status {status}{remedy}"),
        body => format!("HTTP status {status}{remedy}: {body}"),
    }
}

fn describe_connection(kind: &TransportErrorKind) -> String {
    let root = innermost(kind);
    match fault_of_connection(kind) {
        Fault::TimedOut => format!("no answer in time: {root}"),
        Fault::Unreachable => format!("cannot reach the node: {root}"),
        _ => root,
    }
}

fn innermost(kind: &TransportErrorKind) -> String {
    let mut error: &dyn StdError = kind;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
