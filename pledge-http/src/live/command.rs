//! What a reader sends over a socket (pure).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use pledge_core::event::EventSeq;

use super::Topic;
use super::resume::event_id;
use super::topic::UnknownTopic;

/// The name that a client gives to a request, which its answer repeats: a whole number or a short text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RequestName {
    Number(u64),
    Text(String),
}

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 64;

/// A message of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its name, if the client wants to know which answer is its own.
    pub(super) request: Option<RequestName>,
    pub(super) act: Act,
}

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Subscribe { topics: BTreeSet<Topic>, after: Option<EventSeq> },
    Unsubscribe { topics: BTreeSet<Topic> },
    Ping,
}

/// Why a message is no command, with the name of the request where that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) request: Option<RequestName>,
    pub(super) cause: Cause,
}

/// Why a message is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is not one of the messages that there are.
    Malformed,
    /// It names a topic that there is not.
    Topic(UnknownTopic),
    /// It names no topic at all.
    NoTopics,
    /// `after` is no id of an event.
    After(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    op: Op,
    request: Option<RequestName>,
    topics: Option<Vec<String>>,
    after: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Subscribe,
    Unsubscribe,
    Ping,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Result<Command, Refused> {
    let malformed = |request| Refused { request, cause: Cause::Malformed };
    let raw: Raw = serde_json::from_str(text).map_err(|_| malformed(named(text)))?;
    let request = raw.request.filter(is_short);
    let refused = |cause| Refused { request: request.clone(), cause };
    let act = match (raw.op, raw.topics, raw.after) {
        (Op::Ping, None, None) => Act::Ping,
        (Op::Unsubscribe, Some(topics), None) => {
            Act::Unsubscribe { topics: topics_of(&topics).map_err(refused)? }
        }
        (Op::Subscribe, Some(topics), after) => {
            let topics = topics_of(&topics).map_err(refused)?;
            let after = after.map(|after| event_id(&after).ok_or(after)).transpose();
            let after = after.map_err(|after| refused(Cause::After(after)))?;
            Act::Subscribe { topics, after }
        }
        (Op::Subscribe | Op::Unsubscribe, None, _) => return Err(refused(Cause::NoTopics)),
        _ => return Err(malformed(request)),
    };
    Ok(Command { request, act })
}

fn topics_of(texts: &[String]) -> Result<BTreeSet<Topic>, Cause> {
    if texts.is_empty() {
        return Err(Cause::NoTopics);
    }
    texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Cause::Topic)
}

/// The name of a request of which nothing else can be read.
fn named(text: &str) -> Option<RequestName> {
    #[derive(Deserialize)]
    struct Named {
        request: Option<RequestName>,
    }
    serde_json::from_str::<Named>(text).ok()?.request.filter(is_short)
}

fn is_short(name: &RequestName) -> bool {
    match name {
        RequestName::Number(_) => true,
        RequestName::Text(text) => text.len() <= NAME_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(text: &str) -> Act {
        read(text).unwrap().act
    }

    fn cause(text: &str) -> Cause {
        read(text).unwrap_err().cause
    }

    #[test]
    fn each_message_is_read_as_it_is_documented() {
        let topics = BTreeSet::from([Topic::Chains]);
        assert_eq!(act(r#"{"op":"ping"}"#), Act::Ping);
        assert_eq!(
            act(r#"{"op":"subscribe","topics":["chains"]}"#),
            Act::Subscribe { topics: topics.clone(), after: None }
        );
        assert_eq!(
            act(r#"{"op":"subscribe","topics":["chains"],"after":"7"}"#),
            Act::Subscribe { topics: topics.clone(), after: Some(EventSeq::new(7)) }
        );
        assert_eq!(act(r#"{"op":"unsubscribe","topics":["chains"]}"#), Act::Unsubscribe { topics });
    }

    #[test]
    fn an_answer_repeats_the_name_of_its_request() {
        let named = |text: &str| read(text).map(|command| command.request).unwrap_or_default();
        assert_eq!(named(r#"{"op":"ping","request":3}"#), Some(RequestName::Number(3)));
        let text = Some(RequestName::Text("a".to_owned()));
        assert_eq!(named(r#"{"op":"ping","request":"a"}"#), text);
        let refused = read(r#"{"op":"fly","request":"a"}"#).unwrap_err();
        assert_eq!((refused.request, refused.cause), (text, Cause::Malformed));
        let long = format!(r#"{{"op":"ping","request":"{}"}}"#, "a".repeat(65));
        assert_eq!(named(&long), None);
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_cause() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "ping",
            r#"{"op":"ping","topics":["chains"]}"#,
            r#"{"op":"unsubscribe","topics":["chains"],"after":"1"}"#,
            r#"{"op":"subscribe","topics":"chains"}"#,
            r#"{"op":"subscribe","topics":["chains"],"after":7}"#,
            r#"{"op":"subscribe","topics":["chains"],"more":1}"#,
            r#"{"op":"ping","op":"ping"}"#,
        ] {
            assert_eq!(cause(text), Cause::Malformed, "{text}");
        }
        assert_eq!(cause(r#"{"op":"subscribe"}"#), Cause::NoTopics);
        assert_eq!(cause(r#"{"op":"subscribe","topics":[]}"#), Cause::NoTopics);
        let wrong = cause(r#"{"op":"subscribe","topics":["chains","prices"]}"#);
        assert!(matches!(wrong, Cause::Topic(_)), "{wrong:?}");
        let wrong = cause(r#"{"op":"subscribe","topics":["chains"],"after":"x"}"#);
        assert_eq!(wrong, Cause::After("x".to_owned()));
    }
}
