//! `/ws`: the same over a WebSocket, on which a reader changes what it follows.

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::{Duration, timeout};
use tungstenite::Error as WebSocketError;
use utoipa::IntoParams;

use super::answer::Answer;
use super::command::{self, Act, Cause, Command};
use super::cut::Cut;
use super::entrance;
use super::hub::{Hub, Member};
use super::reader::Due;
use super::replay::{Part, Replay};
use crate::document::OfSocket;
use crate::extract::Query;
use crate::language::Language;
use crate::problem::{Message, Problem};

/// What waits in memory to be read from one socket.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// The most that waits to be written to one socket: the largest state, several times.
const WRITE_BUFFER_BYTES: usize = 4 << 20;
/// The time for the two close frames.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// RFC 6455, 7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED: u16 = 1003;
const NOT_UTF8: u16 = 1007;
const TOO_BIG: u16 = 1009;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// What lets in once, in place of `Authorization`, which browsers cannot send here.
    #[param(inline, value_type = Option<crate::schema::TicketSchema>)]
    ticket: Option<String>,
}

/// What happens, over a WebSocket
///
/// The reader sends `{"op":"subscribe","topics":[…],"after":"…","request":1}`, `unsubscribe` and `ping`, each
/// answered with its `request`. Events, states and resets are as those of `/stream`. The server pings; it
/// closes with a code, and with a reason that has the code as text and when to come again.
#[utoipa::path(
    get,
    path = "/ws",
    operation_id = "ws",
    tag = "live",
    params(Params),
    responses((status = 101, description = "The connection is a WebSocket from now on."), OfSocket),
)]
pub(super) async fn open(
    State(hub): State<Hub>,
    headers: HeaderMap,
    Query(Params { ticket }): Query<Params>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::new(Message::UpgradeRequired {}))?;
    entrance::check_origin(&hub, &headers)?;
    let caller = entrance::caller(&hub, &headers, ticket).await?;
    let joined = hub.join(caller, true, &[].into());
    let (member, _) = joined.map_err(|refused| entrance::refused(&hub, refused))?;
    let language = Language::default().or_preferred(&headers);
    Ok(bounded(upgrade, hub.0.parts.limits.message_bytes_max).on_upgrade(async move |socket| {
        let mut session = Session { socket, hub, member, language };
        let end = session.run().await;
        session.close(end).await;
    }))
}

/// A socket with the bounds of readers: messages of `message_bytes_max` at most, and small buffers.
pub fn bounded(upgrade: WebSocketUpgrade, message_bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
}

/// One socket with its reader.
struct Session {
    socket: WebSocket,
    hub: Hub,
    member: Member,
    language: Language,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client closes, or is gone.
    Left,
    /// The client broke the protocol.
    Broken(u16),
    /// The server has it go.
    Cut(Cut),
}

impl Session {
    /// Passes on what is due and answers what the client sends, until one of both ends it.
    async fn run(&mut self) -> End {
        loop {
            let reader = &self.member.reader;
            let done = tokio::select! {
                due = reader.next() => self.pass_on(due).await,
                got = self.socket.recv() => {
                    reader.heard();
                    match got {
                        Some(Ok(frame)) => self.answer(frame).await,
                        Some(Err(error)) => Err(end_of(error)),
                        None => Err(End::Left),
                    }
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn pass_on(&mut self, due: Due) -> Result<(), End> {
        match due {
            Due::Event(_, message) | Due::State(message) => {
                self.send(Frame::Text(message.frame)).await
            }
            Due::Sign => self.send(Frame::Ping(axum::body::Bytes::new())).await,
            Due::Cut(cut) => Err(End::Cut(cut)),
        }
    }

    /// Sends a frame. A client that does not take it in time, or has to go meanwhile, is not waited for.
    async fn send(&mut self, frame: Frame) -> Result<(), End> {
        let Self { socket, hub, member, .. } = self;
        let sending = timeout(hub.0.parts.limits.write_deadline, socket.send(frame));
        tokio::select! {
            sent = sending => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Left),
                Err(_) => {
                    hub.cut(&member.reader, Cut::Slow);
                    Err(End::Cut(Cut::Slow))
                }
            },
            cut = member.reader.until_cut() => Err(End::Cut(cut)),
        }
    }

    async fn answer(&mut self, frame: Frame) -> Result<(), End> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => return Err(End::Broken(UNSUPPORTED)),
            Frame::Close(_) => return Err(End::Left),
            // A ping was answered before it came here.
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
        };
        let Command { request, act } = match command::read(&text) {
            Ok(command) => command,
            Err(refused) => {
                let problem = problem_of(&refused.cause);
                return self.say(Answer::error(refused.request, &problem, self.language)).await;
            }
        };
        let done = match act {
            Act::Ping => return self.say(Answer::pong(request)).await,
            Act::Unsubscribe { topics } => {
                self.member.unsubscribe(&topics);
                return self.say(Answer::unsubscribed(request, &topics)).await;
            }
            Act::Subscribe { topics, after } => {
                let Self { hub, member, .. } = self;
                let checked = entrance::check_topics(hub, &member.reader.caller, &topics).await;
                let new: std::collections::BTreeSet<_> =
                    topics.difference(&member.reader.topics()).copied().collect();
                let subscribed = checked.and_then(|()| {
                    member.subscribe(&topics).map_err(|refused| entrance::refused(hub, refused))
                });
                subscribed.map(|position| {
                    let replay = after.map(|after| Replay::new(new, after, position));
                    (Answer::subscribed(request.clone(), &topics, position), replay)
                })
            }
        };
        match done {
            Ok((answer, replay)) => {
                self.say(answer).await?;
                match replay {
                    Some(replay) => self.replay(replay).await,
                    None => Ok(()),
                }
            }
            Err(problem) => self.say(Answer::error(request, &problem, self.language)).await,
        }
    }

    /// Sends what the reader missed of topics that are new to it.
    async fn replay(&mut self, mut replay: Replay) -> Result<(), End> {
        loop {
            let part = {
                let Self { hub, member, .. } = &*self;
                tokio::select! {
                    part = replay.next(hub, &member.reader) => part,
                    cut = member.reader.until_cut() => return Err(End::Cut(cut)),
                }
            };
            match part {
                // As fast as the reader takes them: the next page is read once this one is sent.
                Ok(Part::Events(messages)) => {
                    for message in messages {
                        self.send(Frame::Text(message.frame)).await?;
                    }
                }
                Ok(Part::Reset(message)) => return self.send(Frame::Text(message.frame)).await,
                Ok(Part::End) => return Ok(()),
                Err(error) => {
                    tracing::debug!("what a reader missed cannot be read: {error}");
                    self.hub.cut(&self.member.reader, Cut::Unavailable);
                    return Err(End::Cut(Cut::Unavailable));
                }
            }
        }
    }

    async fn say(&mut self, answer: Answer) -> Result<(), End> {
        self.send(Frame::Text(answer.text().into())).await
    }

    /// Closes as RFC 6455 (7.1.2) asks: a close frame each, then the connection. Nobody waits long for a
    /// client that does not.
    async fn close(mut self, end: End) {
        let frame = match end {
            End::Left => None,
            End::Broken(code) => Some(CloseFrame { code, reason: "".into() }),
            End::Cut(cut) => {
                Some(CloseFrame { code: cut.close_code(), reason: cut.ending().into() })
            }
        };
        let closing = async {
            if let Some(frame) = frame {
                self.socket.send(Frame::Close(Some(frame))).await.ok()?;
            }
            while self.socket.recv().await?.is_ok() {}
            Some(())
        };
        // Who has left, or does not answer, is gone either way.
        let _ = timeout(CLOSES_WITHIN, closing).await;
    }
}

/// How a session ends whose socket failed.
fn end_of(error: axum::Error) -> End {
    match error.into_inner().downcast_ref::<WebSocketError>() {
        Some(WebSocketError::Protocol(_)) => End::Broken(PROTOCOL_ERROR),
        Some(WebSocketError::Utf8(_)) => End::Broken(NOT_UTF8),
        Some(WebSocketError::Capacity(_)) => End::Broken(TOO_BIG),
        _ => End::Left,
    }
}

fn problem_of(cause: &Cause) -> Problem {
    match cause {
        Cause::Malformed => Problem::new(Message::NoCommand {}),
        Cause::Topic(unknown) => entrance::unknown_topic(unknown),
        Cause::NoTopics => Problem::malformed("topics", ""),
        Cause::After(after) => Problem::malformed("after", after),
    }
}
