//! Why there is no answer.

use pledge_core::types::Timestamp;
use serde::{Deserialize, Serialize};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the API is not one of `http` or `https`.
    #[error("`{0}` is not the address of an API, such as https://pledge.example/api/v1")]
    Address(String),
    /// The language is no value of a header.
    #[error("`{0}` is no language, such as zh-CN")]
    Language(String),
    /// The credential is no value of a header. It is not shown.
    #[error("the credential has characters that no credential has")]
    Credential,
    /// The id is no part of a path.
    #[error("`{0}` is no id or name of anything")]
    Id(String),
    /// The body of a request cannot be written.
    #[error("the body of the request cannot be written")]
    Body(#[source] serde_json::Error),
    /// The request or its answer did not arrive.
    #[error("the API cannot be reached")]
    Transport(#[source] reqwest::Error),
    /// The API refused; `code` names the kind of refusal.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Box<Problem>),
    /// Something else than the API answered, or another version of it.
    #[error("an answer with status {status} is none of the API")]
    Foreign {
        /// The status of the answer.
        status: u16,
        /// What could not be read in it.
        #[source]
        cause: serde_json::Error,
    },
    /// A page names itself as the next one, so the list would never end.
    #[error("a page names itself as the next one: something between repeats an answer")]
    Endless,
    /// Nothing came for a minute, in which the server gives two signs of life.
    #[error("nothing came for a minute: the connection is dead")]
    Silent,
    /// A message of a stream is none that this client reads.
    #[error("a message of the stream is none of the API")]
    Message(#[source] serde_json::Error),
    /// The answer is longer than the client reads.
    #[error("an answer is longer than {0} bytes")]
    TooLong(usize),
}

/// A problem document, as the API answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:pledge:problem:` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind of the error, for programs: it never changes.
    pub code: String,
    /// The kind of the error in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong and what to change.
    pub detail: String,
    /// The parameter to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The nearest instant for which there is an answer, of `too-early` and `too-late`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Timestamp>,
}
