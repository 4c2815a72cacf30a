//! What a failed request means: the one place where transport errors get their kind.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use alloy::rpc::json_rpc::ErrorPayload;
use alloy::transports::http::reqwest;
use alloy::transports::{HttpError, TransportError, TransportErrorKind};
use pledge_core::error::ChainErrorKind;

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
    /// Every fault, in the order of their declaration.
    pub(crate) const ALL: [Self; 14] = [
        Self::RateLimited,
        Self::Unreachable,
        Self::ServerError,
        Self::TimedOut,
        Self::TooLarge,
        Self::BatchTooLong,
        Self::Malformed,
        Self::BlockMissing,
        Self::Reverted,
        Self::BadParams,
        Self::Unsupported,
        Self::Denied,
        Self::WrongChain,
        Self::Refused,
    ];

    /// A name for counts: one word or several, with `_` between.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::ServerError => "server_error",
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::BatchTooLong => "batch_too_long",
            Self::Malformed => "malformed",
            Self::BlockMissing => "block_missing",
            Self::Reverted => "reverted",
            Self::BadParams => "bad_params",
            Self::Unsupported => "unsupported",
            Self::Denied => "denied",
            Self::WrongChain => "wrong_chain",
            Self::Refused => "refused",
        }
    }

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

    /// Whether the node reports that it does not have what is asked for. Worth a few more attempts:
    /// another machine behind the url may have it.
    pub(crate) const fn is_absent(self) -> bool {
        matches!(self, Self::BlockMissing | Self::Unsupported)
    }

    /// Whether the node reports that it does not know the form of the question.
    pub(crate) const fn is_of_form(self) -> bool {
        matches!(self, Self::BadParams | Self::Unsupported)
    }

    /// Whether the words are those of too many calls in a batch.
    pub(crate) const fn is_batch_size(self) -> bool {
        matches!(self, Self::BatchTooLong | Self::TooLarge)
    }

    /// Whether another node may be behind the url from now on.
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

pub(crate) fn fault_of_status(error: &HttpError) -> Fault {
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

pub(crate) fn fault_of_connection(kind: &TransportErrorKind) -> Fault {
    match kind {
        TransportErrorKind::Custom(error) => {
            if error.is::<AnswerTooLarge>() {
                return Fault::TooLarge;
            }
            match error.downcast_ref::<reqwest::Error>() {
                // A time-out while connecting is not about the question: a smaller one would not
                // pass either.
                Some(error) if error.is_timeout() && !error.is_connect() => Fault::TimedOut,
                _ => Fault::Unreachable,
            }
        }
        _ => Fault::Unreachable,
    }
}

/// The node's own error text; `None` if the error did not come from it.
pub(crate) fn words_of(error: &TransportError) -> Option<Cow<'_, str>> {
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
    // By text first, since nodes share few codes: 3 is Geth's for a revert, -32001 is EIP-1474's
    // for what is not there.
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
        &[
            "revert",
            "invalid opcode",
            "bad instruction",
            "invalid jump",
            "stack underflow",
            "stack limit reached",
            "out of gas",
            "write protection",
            "return data out of bounds",
            // The names of revm's reasons to halt, which Reth and Anvil answer.
            "invalidfeopcode",
            "opcodenotfound",
            "notactivated",
            "invalidjump",
            "stackunderflow",
            "stackoverflow",
            "outofoffset",
            "outofgas",
            "memoryoog",
            "memorylimitoog",
            "invalidoperandoog",
            "precompileoog",
            "precompileerror",
            "statechangeduringstaticcall",
            "callnotallowedinsidestatic",
        ],
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

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
