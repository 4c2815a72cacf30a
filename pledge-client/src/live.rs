//! What happens, as a stream.

mod fields;
mod watch;

use std::time::Duration;

use pledge_core::event::{EventEnvelope, EventSeq};
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::client::refusal;
use crate::{Client, Error};
use fields::{Fields, Message};

pub use watch::{Interruption, Watch, Watched};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The server gives a sign of life every 25 seconds: one that is silent for longer is gone.
const SILENT_MAX: Duration = Duration::from_secs(60);

/// An open stream.
#[derive(Debug)]
pub struct Live {
    response: Response,
    fields: Fields,
    waiting: std::collections::VecDeque<Message>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Update {
    /// An event, which comes at least once.
    Event {
        /// Its number, by which a reader recognizes repetitions.
        id: EventSeq,
        /// The topics that it belongs to.
        topics: Vec<String>,
        /// The event itself.
        event: EventEnvelope,
    },
    /// The newest of a state.
    State(State),
    /// Events may be missing: what the reader has made of events so far is of no use, and states follow.
    Reset,
    /// The server ends the stream.
    Cut(Cut),
}

/// The newest of a state.
#[derive(Debug, Clone)]
pub struct State {
    /// The topic that it belongs to.
    pub topic: String,
    /// What the API answers about it, as it came.
    pub state: Box<RawValue>,
}

impl State {
    /// The state as the answer of its route, such as [`Account`](crate::Account); `None` where there is
    /// nothing yet.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        serde_json::from_str(self.state.get()).map_err(Error::Message)
    }
}

/// Why the server ends a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The kind of the end, for programs: it never changes.
    pub code: String,
    /// When to come again; `None` where that is of no use without signing in.
    #[serde(rename = "retry_after_ms")]
    pub retry_after_millis: Option<u64>,
}

impl Client {
    /// What happens to topics from now on, or after an event: see `docs/live.md` for the topics.
    pub async fn live(&self, topics: &[String], after: Option<&str>) -> Result<Live, Error> {
        let url = self.url(&["stream"], &[("topics", topics.join(","))]);
        let mut request = self.request(Method::GET, url).header(ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header(LAST_EVENT_ID, after);
        }
        // The whole has no end; silence has.
        let response = request.timeout(Duration::MAX).send();
        let response = tokio::time::timeout(SILENT_MAX, response).await;
        let response = response.map_err(|_| Error::Silent)?.map_err(Error::Transport)?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        Ok(Live { response, fields: Fields::default(), waiting: Default::default() })
    }

    /// What happens to topics, also after interruptions, from now on or after an event.
    pub fn watch(&self, topics: Vec<String>, after: Option<String>) -> Watch {
        Watch::new(self.clone(), topics, after)
    }
}

impl Live {
    /// The next update; `None` at the end of the stream. A call that is dropped loses none.
    pub async fn next(&mut self) -> Result<Option<Update>, Error> {
        loop {
            while let Some(message) = self.waiting.pop_front() {
                if let Some(update) = read(&message)? {
                    return Ok(Some(update));
                }
            }
            let chunk = tokio::time::timeout(SILENT_MAX, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| Error::Silent)?.map_err(Error::Transport)?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.waiting.extend(self.fields.read(&chunk)?);
        }
    }

    /// The id after which a new stream goes on where this one is.
    pub fn last_id(&self) -> Option<&str> {
        self.fields.last_id()
    }

    /// When the server wants a reader back whose connection broke.
    pub const fn retry(&self) -> Option<Duration> {
        self.fields.retry()
    }
}

/// What a message states; `None` for one that only a later release knows.
fn read(message: &Message) -> Result<Option<Update>, Error> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
        topics: Vec<String>,
        event: EventEnvelope,
    }
    #[derive(Deserialize)]
    struct StateMessage {
        topic: String,
        state: Box<RawValue>,
    }
    #[derive(Deserialize)]
    struct Typed {
        r#type: Option<String>,
    }
    let data = &message.data;
    let failed = Error::Message;
    if message.name == "cut" {
        return serde_json::from_str(data).map(|cut| Some(Update::Cut(cut))).map_err(failed);
    }
    // One member decides how the others are read, so a message of a later release is passed over.
    let Typed { r#type } = serde_json::from_str(data).map_err(failed)?;
    Ok(match r#type.as_deref() {
        Some("event") => {
            let Event { id, topics, event } = serde_json::from_str(data).map_err(failed)?;
            let id = id.parse().map_err(serde::de::Error::custom).map_err(failed)?;
            Some(Update::Event { id: EventSeq::new(id), topics, event })
        }
        Some("state") => {
            let StateMessage { topic, state } = serde_json::from_str(data).map_err(failed)?;
            Some(Update::State(State { topic, state }))
        }
        Some("reset") => Some(Update::Reset),
        _ => None,
    })
}
