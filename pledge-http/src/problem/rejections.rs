//! The problem of a request whose parameters cannot be read.

use std::collections::BTreeSet;
use std::error::Error as StdError;

use axum::extract::rejection::{PathRejection, QueryRejection};

use super::causes::internal;
use super::{Form, Message, Problem};

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        use axum::extract::path::ErrorKind;
        let PathRejection::FailedToDeserializePathParams(failed) = &rejection else {
            return internal(&rejection);
        };
        match failed.kind() {
            ErrorKind::DeserializeError { key, value, .. }
            | ErrorKind::ParseErrorAtKey { key, value, .. } => Self::malformed(key, value),
            ErrorKind::InvalidUtf8InPathParam { key } => {
                Self::invalid(key, Message::NotUtf8 { parameter: key.clone() })
            }
            _ => internal(&rejection),
        }
    }
}

/// The problem of a query that was rejected, where these parameters are known.
///
/// It is found in the query itself: an error of serde has a text in one language, and no arguments.
pub(crate) fn of_query(rejection: &QueryRejection, query: &str, known: &[String]) -> Problem {
    let given: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(name)) {
        let parameter = name.clone();
        let message = match known.join(", ") {
            none if none.is_empty() => Message::NoParameters { parameter },
            known => Message::UnknownParameter { parameter, known },
        };
        return Problem::invalid(name, message);
    }
    let mut seen = BTreeSet::new();
    if let Some((name, _)) = given.iter().find(|(name, _)| !seen.insert(name)) {
        return Problem::invalid(name, Message::RepeatedParameter { parameter: name.clone() });
    }
    let wrong = located(rejection)
        .and_then(|parameter| given.into_iter().find(|(name, _)| *name == parameter));
    match wrong {
        Some((name, value)) => Problem::malformed(&name, &value),
        None => Problem::new(Message::MalformedQuery {}),
    }
}

/// The parameter at which reading failed.
fn located(rejection: &QueryRejection) -> Option<String> {
    type Located = serde_path_to_error::Error<serde::de::value::Error>;
    let mut cause: Option<&(dyn StdError + 'static)> = Some(rejection);
    while let Some(error) = cause {
        if let Some(located) = error.downcast_ref::<Located>() {
            return Some(located.path().to_string());
        }
        cause = error.source();
    }
    None
}

impl Problem {
    /// A parameter whose value has not the form that its name asks for.
    pub(crate) fn malformed(parameter: &str, value: &str) -> Self {
        let Some(form) = Form::of(parameter) else {
            return Self::new(Message::MalformedQuery {});
        };
        let message = Message::MalformedParameter {
            parameter: parameter.to_owned(),
            value: value.to_owned(),
            form: form.name().to_owned(),
        };
        Self::invalid(parameter, message)
    }
}
