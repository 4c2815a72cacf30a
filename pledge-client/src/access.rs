//! Sign-in, and what operators and admins do.

mod admin;
pub(crate) mod answers;
mod auth;
mod operator;

use serde::Serialize;

pub use admin::{AdminRoutes, AuditFilter, NewKey};
pub use auth::{AuthRoutes, Person, ProfileChange};
pub use operator::{NewProgramme, OperatorRoutes, Rewound, Stop};

/// Why something is done, and what the request is called: a repetition under the same key is answered with what
/// was answered first, and does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// 8 to 64 printable characters of ASCII, of the caller's choice.
    pub key: String,
    /// One line of up to 1000 characters.
    pub reason: String,
}

impl Act {
    /// An act under a key.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// The body of an act: its own fields and the reason.
#[derive(Debug, Serialize)]
struct Reasoned<'a, B> {
    #[serde(flatten)]
    body: B,
    reason: &'a str,
}

/// An act without fields of its own.
#[derive(Debug, Serialize)]
struct Nothing {}
