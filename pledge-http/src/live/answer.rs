//! What the server answers over a socket (pure).

use std::collections::BTreeSet;

use pledge_core::event::EventSeq;
use serde::Serialize;

use super::Topic;
use super::command::RequestName;
use crate::language::Language;
use crate::problem::{Document, Problem};

/// An answer to one message of a reader.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    r#type: &'static str,
    /// The name of the request; null where it had none that can be read.
    request: Option<RequestName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Vec<String>>,
    /// Every event of the topics after this one follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    /// What was wrong, as a route of the API would answer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Document>,
}

impl Answer {
    const fn new(r#type: &'static str, request: Option<RequestName>) -> Self {
        Self { r#type, request, topics: None, position: None, problem: None }
    }

    pub(super) const fn pong(request: Option<RequestName>) -> Self {
        Self::new("pong", request)
    }

    pub(super) fn subscribed(
        request: Option<RequestName>,
        topics: &BTreeSet<Topic>,
        position: EventSeq,
    ) -> Self {
        let topics = Some(topics.iter().map(Topic::to_string).collect());
        Self { topics, position: Some(position.to_string()), ..Self::new("subscribed", request) }
    }

    pub(super) fn unsubscribed(request: Option<RequestName>, topics: &BTreeSet<Topic>) -> Self {
        let topics = Some(topics.iter().map(Topic::to_string).collect());
        Self { topics, ..Self::new("unsubscribed", request) }
    }

    pub(super) fn error(
        request: Option<RequestName>,
        problem: &Problem,
        language: Language,
    ) -> Self {
        Self { problem: Some(problem.document(language)), ..Self::new("error", request) }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("answers are plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Message;

    #[test]
    fn an_answer_has_the_members_of_its_type_alone() {
        let (topics, request) = (BTreeSet::from([Topic::Chains]), Some(RequestName::Number(1)));
        let subscribed = Answer::subscribed(request.clone(), &topics, EventSeq::new(9)).text();
        let expected = r#"{"type":"subscribed","request":1,"topics":["chains"],"position":"9"}"#;
        assert_eq!(subscribed, expected);
        assert_eq!(Answer::pong(None).text(), r#"{"type":"pong","request":null}"#);
        let problem = Problem::new(Message::NoCommand {});
        let error = Answer::error(request, &problem, Language::Chinese).text();
        assert!(error.contains(r#""code":"malformed-message""#), "{error}");
    }
}
