//! `/stream`: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use pledge_core::event::EventSeq;
use serde::Deserialize;
use utoipa::IntoParams;

use super::cut::Cut;
use super::entrance;
use super::hub::{Hub, Member};
use super::reader::Due;
use super::replay::{Part, Replay};
use crate::document::OfStream;
use crate::extract::Query;
use crate::problem::Problem;

/// A sign of life, which no reader shows.
const COMMENT: &str = ":\n\n";
/// When a reader comes again whose connection breaks: so long at least, and as much longer by chance.
const COMES_AGAIN: Duration = Duration::from_secs(1);
/// What is ready is sent together up to this size.
const CHUNK_BYTES: usize = 16 << 10;
/// Proxies that collect answers pass this one on at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// What to follow, with commas between.
    #[param(inline, value_type = Option<crate::schema::TopicsSchema>)]
    topics: Option<String>,
    /// The id of the last event that was read: every later one of the topics follows. The header
    /// `Last-Event-ID` counts before it. Without both, the stream begins now.
    #[param(inline, value_type = Option<crate::schema::EventIdSchema>)]
    after: Option<String>,
    /// What lets in once, in place of `Authorization`, which browsers cannot send here.
    #[param(inline, value_type = Option<crate::schema::TicketSchema>)]
    ticket: Option<String>,
}

/// What happens, as server-sent events
///
/// First the state of each topic, then what happens. An event has its number as `id` and its kind as
/// `event`, and comes at least once; of a state (`event: state`) only the newest comes. A reader that was away
/// goes on by `Last-Event-ID`; where events may be gone it gets `reset`, then states. `cut` comes before the
/// server ends the stream, with a code and when to come again.
#[utoipa::path(
    get,
    path = "/stream",
    operation_id = "stream",
    tag = "live",
    params(Params),
    responses((status = 200, content_type = "text/event-stream", body = String), OfStream),
)]
pub(super) async fn open(
    State(hub): State<Hub>,
    headers: HeaderMap,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let Params { topics, after, ticket } = params;
    // What costs nothing first; the hub last, since what joins it has to be served.
    entrance::check_origin(&hub, &headers)?;
    let topics = entrance::topics(topics.as_deref())?;
    let after = entrance::last_event(&headers, after.as_deref())?;
    let caller = entrance::caller(&hub, &headers, ticket).await?;
    entrance::check_topics(&hub, &caller.caller, &topics).await?;
    let joined = hub.join(caller, false, &topics);
    let (member, position) = joined.map_err(|refused| entrance::refused(&hub, refused))?;
    let chance = hub.jitter(member.reader.id, 4 * COMES_AGAIN);
    let head = format!("retry: {}\n\n", (COMES_AGAIN + chance).as_millis());
    let replay = after.map(|after| Replay::new(topics, after, position));
    let read = after.unwrap_or(position).max(position);
    let stage = Stage::Head(head);
    let stream = Stream { hub, member, replay, read, position, stage };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (UNBUFFERED, "no"),
    ];
    let chunks = futures::stream::unfold(stream, Stream::next);
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// One stream on its way to its reader.
struct Stream {
    hub: Hub,
    member: Member,
    replay: Option<Replay>,
    /// Every event up to this one was read, or is replayed.
    read: EventSeq,
    /// Every event after this one is put into the queue.
    position: EventSeq,
    stage: Stage,
}

enum Stage {
    /// Nothing was sent yet.
    Head(String),
    /// What was missed is replayed.
    Replay,
    /// What happens is passed on.
    Live,
    /// The last message was sent.
    Over,
}

impl Stream {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            let chunk = match std::mem::replace(&mut self.stage, Stage::Live) {
                Stage::Head(head) => {
                    self.stage = Stage::Replay;
                    Bytes::from(head)
                }
                Stage::Replay => self.replay().await,
                Stage::Live => self.live().await,
                Stage::Over => return None,
            };
            if !chunk.is_empty() {
                return Some((Ok(chunk), self));
            }
        }
    }

    /// The next part of what was missed; empty where that has none of the topics.
    async fn replay(&mut self) -> Bytes {
        let Some(replay) = &mut self.replay else { return self.begin() };
        let part = tokio::select! {
            part = replay.next(&self.hub, &self.member.reader) => part,
            cut = self.member.reader.until_cut() => return self.end(cut),
        };
        match part {
            Ok(Part::Events(events)) => {
                self.stage = Stage::Replay;
                let texts: Vec<_> = events.into_iter().map(|message| message.event).collect();
                texts.concat().into()
            }
            Ok(Part::Reset(message)) => {
                self.read = self.position;
                [&message.event[..], &self.begin()[..]].concat().into()
            }
            Ok(Part::End) => self.begin(),
            Err(error) => {
                tracing::debug!("what a reader missed cannot be read: {error}");
                self.hub.cut(&self.member.reader, Cut::Unavailable);
                self.end(Cut::Unavailable)
            }
        }
    }

    /// The place in the log at which the stream goes on: a reader whose connection breaks before the next
    /// event continues there.
    fn begin(&self) -> Bytes {
        format!("id: {}\n\n", self.read).into()
    }

    /// What is ready, or the next.
    async fn live(&mut self) -> Bytes {
        let mut chunk = Vec::new();
        let mut due = self.member.reader.next().await;
        loop {
            match due {
                // The reader had it from another instance.
                Due::Event(sequence, _) if sequence <= self.read => {}
                Due::Event(_, message) | Due::State(message) => {
                    if chunk.is_empty() && self.member.reader.waiting() == 0 {
                        return message.event;
                    }
                    chunk.extend_from_slice(&message.event);
                }
                Due::Sign => chunk.extend_from_slice(COMMENT.as_bytes()),
                Due::Cut(cut) => {
                    chunk.extend_from_slice(&self.end(cut));
                    return chunk.into();
                }
            }
            match self.member.reader.take().filter(|_| chunk.len() < CHUNK_BYTES) {
                Some(next) => due = next,
                None => return chunk.into(),
            }
        }
    }

    fn end(&mut self, cut: Cut) -> Bytes {
        self.stage = Stage::Over;
        cut.last_event().into()
    }
}
