//! Errors as RFC 9457 problem documents.

mod causes;
mod form;
mod kind;
mod message;
mod rejections;
mod routes;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pledge_core::types::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

#[cfg(feature = "access")]
pub(crate) use causes::internal;
pub(crate) use form::Form;
pub(crate) use kind::Kind;
pub(crate) use message::Message;
pub(crate) use rejections::of_query;
pub(crate) use routes::{unknown_route, unknown_route_of_service, wrong_method};

use crate::language::Language;

/// The media type of problem documents.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds after which a client may try again if the store was unavailable or busy.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// How a client signs in to what it may not read otherwise.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// An error answer, in no language yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    message: Message,
    /// The parameter to change.
    parameter: Option<Box<str>>,
    /// The nearest instant for which there is an answer.
    bound: Option<Timestamp>,
    /// The seconds after which it may work, where the kind of the problem has none.
    retry_after: Option<u64>,
}

/// An error, as RFC 9457 defines it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// The kind of the error, for programs: it never changes.
    #[serde(rename = "type")]
    #[schema(pattern = "^urn:pledge:problem:[a-z0-9-]+$")]
    type_uri: String,
    /// The last part of `type`.
    #[schema(pattern = "^[a-z0-9-]+$")]
    code: &'static str,
    /// The kind of the error in words, in the language of the answer.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to change, in the language of the answer.
    detail: String,
    /// The parameter, header or field of the body to change, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<String>,
    /// The nearest instant for which there is an answer, of `too-early` and `too-late`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    bound: Option<Timestamp>,
}

impl Problem {
    pub(crate) const fn new(message: Message) -> Self {
        Self { message, parameter: None, bound: None, retry_after: None }
    }

    /// A wrong parameter, and why it is wrong.
    pub(crate) fn invalid(parameter: &str, message: Message) -> Self {
        Self { parameter: Some(parameter.into()), ..Self::new(message) }
    }

    /// A sign-in that has to wait after others failed.
    #[cfg(feature = "access")]
    pub(crate) fn slowed(wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = Message::SignInSlowed { seconds: seconds.to_string() };
        Self { retry_after: Some(seconds), ..Self::new(message) }
    }

    /// The status of its answer.
    #[cfg(feature = "access")]
    pub(crate) const fn status(&self) -> StatusCode {
        self.message.kind().status()
    }

    fn with_bound(self, bound: Timestamp) -> Self {
        Self { bound: Some(bound), ..self }
    }

    /// The document in a language.
    pub(crate) fn document(&self, language: Language) -> Document {
        let kind = self.message.kind();
        Document {
            type_uri: kind.uri(),
            code: kind.code(),
            title: language.text(&kind.title(), &[]),
            status: kind.status().as_u16(),
            detail: language.text(self.message.key(), &self.message.arguments()),
            parameter: self.parameter.clone().map(String::from),
            bound: self.bound,
        }
    }

    /// The answer in a language.
    pub(crate) fn answer(self, language: Language) -> Response {
        let status = self.message.kind().status();
        let mut response = (status, Json(self.document(language))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                drop(headers.insert(header::RETRY_AFTER, RETRY_AFTER))
            }
            StatusCode::UNAUTHORIZED => drop(headers.insert(header::WWW_AUTHENTICATE, BEARER)),
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, self.message.challenge());
        }
        // For the layer that knows the reader's language.
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer(Language::default())
    }
}
