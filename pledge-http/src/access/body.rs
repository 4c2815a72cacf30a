//! Parses the JSON of a request, and refuses what it does not know.

use axum::RequestExt;
use axum::body::to_bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, Method, header};
use http_body_util::LengthLimitError;
use pledge_core::primitives::{B256, keccak256};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::problem::{Form, Message, Problem};

/// The most bytes of a body, more than the longest schedule has. A host may bound them further.
const BYTES_MAX: usize = 1 << 20;

/// The JSON object in the body of a request. Its struct refuses unknown fields.
pub(crate) struct Body<T> {
    /// What the body has.
    pub(crate) value: T,
    /// A digest of what is asked for: the method, the path and the bytes of the body.
    pub(crate) digest: B256,
}

impl<S: Send + Sync, T: DeserializeOwned + ToSchema> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        // The whole path, wherever the routes are mounted.
        let asked = request.extract_parts::<OriginalUri>().await;
        let path =
            asked.map_or_else(|_| request.uri().path().to_owned(), |uri| uri.path().to_owned());
        let method = request.method().clone();
        let bytes = to_bytes(request.into_body(), BYTES_MAX).await.map_err(unread)?;
        let value = read(&bytes)?;
        Ok(Self { value, digest: digest(&method, &path, &bytes) })
    }
}

/// A body is longer than the bound, or breaks off.
fn unread(error: axum::Error) -> Problem {
    let cause = std::error::Error::source(&error);
    if cause.is_some_and(|cause| cause.is::<LengthLimitError>()) {
        return Problem::new(Message::BodyTooLarge { most: BYTES_MAX.to_string() });
    }
    Problem::new(Message::IncompleteBody {})
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Problem::new(Message::NotJson {}))
}

/// Lengths between the parts, so that no two requests run together.
fn digest(method: &Method, path: &str, bytes: &[u8]) -> B256 {
    let parts = [method.as_str().as_bytes(), path.as_bytes(), bytes];
    let lengths = parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes());
    let text: Vec<u8> = lengths.chain(parts.concat()).collect();
    keccak256(text)
}

/// The value of a JSON text, or what is wrong with it, by the name of the field.
fn read<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let error = match serde_path_to_error::deserialize(&mut text) {
        Ok(value) => {
            return text.end().map(|()| value).map_err(|error| malformed(&error));
        }
        Err(error) => error,
    };
    let field = error.path().to_string();
    let cause = error.into_inner();
    if !cause.is_data() {
        return Err(malformed(&cause));
    }
    Err(wrong_field::<T>(bytes, &field))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line().to_string(), error.column().to_string());
    Problem::new(Message::MalformedJson { line, column })
}

/// The problem of a field that is unknown, missing, repeated or of another form. It is found in the text
/// itself: an error of serde has a text in one language, and no arguments.
fn wrong_field<T: ToSchema>(bytes: &[u8], field: &str) -> Problem {
    let known = Fields::of::<T>();
    let Ok(Given(given)) = serde_json::from_slice(bytes) else {
        return Problem::new(Message::NotAnObject {});
    };
    if let Some(unknown) = given.iter().find(|name| !known.all.contains(name)) {
        let (field, known) = (unknown.clone(), known.all.join(", "));
        return Problem::invalid(unknown, Message::UnknownField { field, known });
    }
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = given.iter().find(|name| !seen.insert(name.as_str())) {
        return Problem::invalid(twice, Message::RepeatedField { field: twice.clone() });
    }
    if let Some(missing) = known.required.iter().find(|name| !seen.contains(name.as_str())) {
        return Problem::invalid(missing, Message::MissingField { field: missing.clone() });
    }
    Problem::wrong_field(field)
}

impl Problem {
    /// A field of a body whose value has not the form that its name asks for.
    pub(crate) fn wrong_field(field: &str) -> Self {
        // `schedule[0].rate` is a `rate`, but a stop is described as a whole.
        let is_found = field.starts_with("found.");
        let name = if is_found { "found" } else { field.rsplit('.').next().unwrap_or(field) };
        let name = name.split('[').next().unwrap_or(name);
        let Some(form) = Form::of(name) else {
            return Self::new(Message::NotAnObject {});
        };
        let message =
            Message::MalformedField { field: field.to_owned(), form: form.name().to_owned() };
        Self::invalid(field, message)
    }
}

/// The fields of an object.
#[derive(Debug, Default)]
struct Fields {
    all: Vec<String>,
    required: Vec<String>,
}

impl Fields {
    /// By the schema that the document shows.
    fn of<T: ToSchema>() -> Self {
        match T::schema() {
            RefOr::T(Schema::Object(object)) => {
                Self { all: object.properties.keys().cloned().collect(), required: object.required }
            }
            _ => Self::default(),
        }
    }
}

/// The names of an object's fields as the text has them, also those that are there twice.
struct Given(Vec<String>);

impl<'de> serde::Deserialize<'de> for Given {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> serde::de::Visitor<'de> for Names {
            type Value = Given;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Given, A::Error> {
                let mut names = Vec::new();
                while let Some((name, serde::de::IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Given(names))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::language::Language;

    /// A body with one of everything.
    #[derive(Debug, PartialEq, Eq, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Example {
        reason: String,
        #[serde(default)]
        limit: Option<u8>,
    }

    fn refused(text: &str) -> (String, String) {
        let problem = read::<Example>(text.as_bytes()).map(drop).unwrap_err();
        let document = serde_json::to_value(problem.document(Language::English)).unwrap();
        let word = |member: &str| document[member].as_str().unwrap_or_default().to_owned();
        (word("code"), word("detail"))
    }

    #[test]
    fn a_wrong_field_is_named_with_what_is_wrong() {
        let cases = [
            (r#"{"reason":"a","why":1}"#, "`why`"),
            (r#"{"reason":"a","reason":"b"}"#, "reason: given more than once"),
            (r#"{"limit":1}"#, "reason: missing"),
            (r#"{"reason":1}"#, "reason: not"),
            (r#"{"reason":"a","limit":"x"}"#, "limit: not"),
            ("[]", "object"),
            ("", "line 1"),
            (r#"{"reason":"a"} x"#, "line 1"),
            (r#"{"reason":"a\u0000"#, "line 1"),
        ];
        for (text, named) in cases {
            let (code, detail) = refused(text);
            assert_eq!(code, "invalid-body", "{text}");
            assert!(detail.contains(named), "{text}: {detail}");
        }
    }

    #[test]
    fn a_deep_body_is_refused_and_not_descended_into() {
        let deep = format!(r#"{{"reason":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(refused(&deep).0, "invalid-body");
    }

    #[test]
    fn requests_that_only_together_are_equal_have_different_digests() {
        let of = |path, body: &str| digest(&Method::POST, path, body.as_bytes());
        assert_ne!(of("/ab", "c"), of("/a", "bc"));
        assert_ne!(of("/a", "b"), digest(&Method::PUT, "/a", b"b"));
    }
}
