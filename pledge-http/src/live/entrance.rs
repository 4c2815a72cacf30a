//! Who opens a stream, from which site, and what it may follow.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderName, header};
use pledge_office::access::{Caller, Credential, Unauthenticated};

use super::hub::{Hub, LookedUp, Refused};
use super::resume::event_id;
use super::sight::may_follow;
use super::topic::{self, UnknownTopic};
use super::{Topic, parts::LiveParts};
use crate::bearer::{NotBearer, credential_of};
use crate::problem::{Message, Problem};
use pledge_core::event::EventSeq;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The caller of a request, by its ticket or its `Authorization`.
pub(super) async fn caller(
    hub: &Hub,
    headers: &HeaderMap,
    ticket: Option<String>,
) -> Result<LookedUp, Problem> {
    let LiveParts { authenticator, public_reads, .. } = &hub.0.parts;
    let changes = hub.0.changed.number();
    let looked_up = |caller| LookedUp { caller, changes };
    let unauthenticated = || Problem::new(Message::Unauthenticated {});
    let shown = match ticket {
        Some(ticket) => Some(Credential::Ticket(ticket)),
        None => credential_of(headers).map_err(|NotBearer| unauthenticated())?,
    };
    let Some(credential) = shown else {
        let everyone = public_reads.then(Caller::anonymous);
        return everyone.map(looked_up).ok_or_else(unauthenticated);
    };
    // Where nobody can sign in, no credential is one.
    let authenticator = authenticator.as_ref().ok_or_else(unauthenticated)?;
    let caller =
        authenticator.authenticate(&credential).await.map_err(|refused| match refused {
            Unauthenticated::Refused => unauthenticated(),
            Unauthenticated::Store(error) => error.into(),
        })?;
    Ok(looked_up(caller))
}

/// Refuses a stream that a script of another site opens, unless that site is one of those that may. Browsers
/// let any script open a socket, and send `Origin`; no other client does.
pub(super) fn check_origin(hub: &Hub, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let is_own = headers.get(header::HOST).is_some_and(|host| {
        let site = origin.as_bytes();
        let site = site.strip_prefix(b"https://").or(site.strip_prefix(b"http://"));
        site == Some(host.as_bytes())
    });
    if is_own || hub.0.parts.origins.contain(origin.as_bytes()) {
        return Ok(());
    }
    let origin = origin.to_str().unwrap_or_default().chars().take(200).collect();
    Err(Problem::new(Message::ForeignOrigin { origin }))
}

/// The topics of a query.
pub(super) fn topics(text: Option<&str>) -> Result<BTreeSet<Topic>, Problem> {
    topic::list(text.unwrap_or_default()).map_err(|unknown| unknown_topic(&unknown))
}

pub(super) fn unknown_topic(unknown: &UnknownTopic) -> Problem {
    match unknown {
        UnknownTopic::Malformed(text) => Problem::malformed("topics", text),
        UnknownTopic::ZeroAccount(_) => Problem::new(Message::ZeroAccount {}),
    }
}

/// The last event that a reader has read. A browser that connects again by itself sends the header, with
/// the same query as before: so the header counts.
pub(super) fn last_event(
    headers: &HeaderMap,
    after: Option<&str>,
) -> Result<Option<EventSeq>, Problem> {
    let (name, text) = match headers.get(LAST_EVENT_ID) {
        Some(value) => ("last-event-id", Some(value.to_str().unwrap_or("?"))),
        None => ("after", after),
    };
    // Until the first event a browser has none, and sends nothing or nothing in it.
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| event_id(text).ok_or_else(|| Problem::malformed(name, text))).transpose()
}

/// Refuses topics that a caller may not follow, and accounts of tokens that are not followed.
pub(super) async fn check_topics(
    hub: &Hub,
    caller: &Caller,
    topics: &BTreeSet<Topic>,
) -> Result<(), Problem> {
    let LiveParts { public_reads, limits, queries, turns, .. } = &hub.0.parts;
    if topics.len() > limits.topics_max {
        return Err(refused(hub, Refused::TooManyTopics));
    }
    if let Some(topic) = topics.iter().find(|topic| !may_follow(caller, topic, *public_reads)) {
        let topic = topic.to_string();
        return Err(Problem::invalid("topics", Message::ForbiddenTopic { topic }));
    }
    let tokens = topics.iter().filter_map(|topic| match topic {
        Topic::Account(token, _) => Some(*token),
        _ => None,
    });
    for token in tokens.collect::<BTreeSet<_>>() {
        let _turn = turns.take().await?;
        queries.token(token).await?;
    }
    Ok(())
}

/// The problem of a reader that the hub does not take.
pub(super) fn refused(hub: &Hub, refused: Refused) -> Problem {
    let message = match refused {
        Refused::Starting => Message::NotReadYet {},
        Refused::Stopping | Refused::Gone => Message::Stopping {},
        Refused::TooManyAccounts => Message::Busy {},
        Refused::TooManyTopics => {
            let most = hub.0.parts.limits.topics_max.to_string();
            return Problem::invalid("topics", Message::TooManyTopics { most });
        }
    };
    Problem::new(message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn the_header_counts_before_the_query_and_an_empty_one_is_none() {
        let (seven, empty) = (with(LAST_EVENT_ID, "7"), with(LAST_EVENT_ID, ""));
        assert_eq!(last_event(&seven, Some("3")).unwrap(), Some(EventSeq::new(7)));
        assert_eq!(last_event(&HeaderMap::new(), Some("3")).unwrap(), Some(EventSeq::new(3)));
        assert_eq!(last_event(&empty, None).unwrap(), None);
        assert!(last_event(&with(LAST_EVENT_ID, "x"), None).is_err());
    }
}
