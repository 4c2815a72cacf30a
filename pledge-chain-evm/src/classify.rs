//! What a failed request means: the one place where transport errors get their kind.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use alloy::rpc::json_rpc::ErrorPayload;
use alloy::transports::http::reqwest;
use alloy::transports::{HttpError, TransportError, TransportErrorKind};
use pledge_core::error::{ChainError, ChainErrorKind};

use crate::hint::{blocks_at_most, names_addresses, names_limit};

/// Why a request brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Too many requests: wait, then the same again.
    RateLimited,
    /// No connection, or the server behind the url is down.
    Unreachable,
    /// The server behind the url answers that it failed.
    ServerError,
    /// No answer in time.
    TimedOut,
    /// The request or its answer is too large: ask for less.
    TooLarge,
    /// The batch has too many calls: ask for fewer at once.
    BatchTooLong,
    /// The answer cannot be read.
    Malformed,
    /// The node does not know the block.
    BlockMissing,
    /// The contract reverted.
    Reverted,
    /// The node does not take these parameters.
    BadParams,
    /// The node does not know the method.
    Unsupported,
    /// The url or its key is wrong.
    Denied,
    /// Another chain answered.
    WrongChain,
    /// Any other error that the node answers with.
    Refused,
}

impl Fault {
    /// What the caller of the port does next.
    pub(crate) const fn kind(self) -> ChainErrorKind {
        match self {
            Self::RateLimited
            | Self::Unreachable
            | Self::ServerError
            | Self::TimedOut
            | Self::TooLarge
            | Self::BatchTooLong
            | Self::Malformed
            | Self::BadParams
            | Self::Refused => ChainErrorKind::Transient,
            Self::BlockMissing => ChainErrorKind::BlockGone,
            Self::Reverted | Self::Unsupported | Self::Denied | Self::WrongChain => {
                ChainErrorKind::Persistent
            }
        }
    }

    /// Whether the answer stays the same however often it is asked for.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Reverted | Self::WrongChain)
    }

    /// Whether the node says that it does not have what is asked for: worth a few more attempts, for
    /// another machine behind the url may have it.
    pub(crate) const fn is_absent(self) -> bool {
        matches!(self, Self::BlockMissing | Self::Unsupported)
    }

    /// Whether the node says that it does not know the form of the question.
    pub(crate) const fn is_of_form(self) -> bool {
        matches!(self, Self::BadParams | Self::Unsupported)
    }

    /// Whether the same request costs too much to be repeated as it is, or is known to fail.
    pub(crate) const fn is_of_weight(self) -> bool {
        matches!(self, Self::TimedOut | Self::TooLarge | Self::BatchTooLong)
    }

    /// Whether the words are those of too many calls in a batch.
    pub(crate) const fn is_batch_size(self) -> bool {
        matches!(self, Self::BatchTooLong | Self::TooLarge)
    }

    /// Whether another node may stand behind the url from now on.
    pub(crate) const fn is_outage(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Malformed | Self::Denied)
    }
}

/// An answer longer than the bound set for it.
#[derive(Debug)]
pub(crate) struct AnswerTooLarge {
    pub(crate) bytes_max: usize,
}

impl fmt::Display for AnswerTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is longer than {} bytes", self.bytes_max)
    }
}

impl StdError for AnswerTooLarge {}

/// The source of an error that says that another chain is behind the url.
#[derive(Debug)]
pub struct WrongChain;

impl fmt::Display for WrongChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the url or the chain id is wrong")
    }
}

impl StdError for WrongChain {}

/// The source of an error of a node that lets nobody in with this url.
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

/// A failed request, classified and told in one line that holds no secret.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    pub(crate) detail: String,
    /// How long the node asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// How many blocks the node says it takes.
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

/// Classifies a transport error.
pub(crate) fn fault_of(error: &TransportError) -> Fault {
    match error {
        TransportError::ErrorResp(payload) => fault_of_answer(payload),
        TransportError::Transport(kind) => match kind.as_http_error() {
            Some(http) => fault_of_status(http),
            None => fault_of_connection(kind),
        },
        TransportError::DeserError { .. } | TransportError::NullResp => Fault::Malformed,
        _ => Fault::Refused,
    }
}

fn fault_of_status(error: &HttpError) -> Fault {
    match error.status {
        429 => Fault::RateLimited,
        408 | 504 => Fault::TimedOut,
        413 => Fault::TooLarge,
        401 | 402 | 403 | 404 | 300..=399 => Fault::Denied,
        502 | 503 => Fault::Unreachable,
        500..=599 => Fault::ServerError,
        _ => fault_of_text(&error.body),
    }
}

fn fault_of_connection(kind: &TransportErrorKind) -> Fault {
    match kind {
        TransportErrorKind::Custom(error) => {
            if error.is::<AnswerTooLarge>() {
                return Fault::TooLarge;
            }
            match error.downcast_ref::<reqwest::Error>() {
                Some(error) if error.is_timeout() && !error.is_connect() => Fault::TimedOut,
                _ => Fault::Unreachable,
            }
        }
        _ => Fault::Unreachable,
    }
}

/// What the node itself says.
fn words_of(error: &TransportError) -> Option<Cow<'_, str>> {
    match error {
        TransportError::ErrorResp(payload) => Some(words_of_answer(payload).into()),
        TransportError::Transport(kind) => {
            kind.as_http_error().map(|http| http.body.as_str().into())
        }
        _ => None,
    }
}

fn words_of_answer(payload: &ErrorPayload) -> String {
    let data = payload.data.as_deref().map_or("", |data| data.get());
    format!("{} {data}", payload.message)
}

fn fault_of_answer(payload: &ErrorPayload) -> Fault {
    let by_text = fault_of_text(&words_of_answer(payload));
    match (payload.code, by_text) {
        (429, _) => Fault::RateLimited,
        (3, _) => Fault::Reverted,
        (_, Fault::Refused) => match payload.code {
            -32601 => Fault::Unsupported,
            -32602 => Fault::BadParams,
            -32001 => Fault::BlockMissing,
            _ => Fault::Refused,
        },
        (_, fault) => fault,
    }
}

/// Codes differ from node to node, wordings less so. The first row with a match decides.
const WORDINGS: [(Fault, &[&str]); 6] = [
    (
        Fault::RateLimited,
        &[
            "rate limit",
            "rate exceeded",
            "request limit reached",
            "request rate",
            "too many requests",
            "credits limited",
            "compute units per second",
            "throughput",
            "concurrent requests",
        ],
    ),
    (
        Fault::Reverted,
        &["revert", "invalid opcode", "invalid jump", "stack underflow", "out of gas"],
    ),
    (
        Fault::BlockMissing,
        &[
            "header not found",
            "header for hash not found",
            "block not found",
            "unknown block",
            "blockoutofrange",
            "not canonical",
            "invalid block height",
            "unfinalized data",
            "after last accepted block",
        ],
    ),
    (Fault::Unreachable, &["no backend is currently healthy"]),
    (Fault::BatchTooLong, &["batch too large", "batch size"]),
    (Fault::TooLarge, &["request entity too large", "response too large"]),
];

fn fault_of_text(text: &str) -> Fault {
    let text = text.to_lowercase();
    WORDINGS
        .iter()
        .find(|(_, wordings)| wordings.iter().any(|wording| text.contains(wording)))
        .map_or(Fault::Refused, |(fault, _)| *fault)
}

fn describe(error: &TransportError) -> String {
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

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
