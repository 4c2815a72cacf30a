//! Readers of live updates: what they get, whichever way it comes.

mod event_stream;
mod socket;

use event_stream::EventStream;
use serde_json::Value;
use socket::Socket;

/// One message.
#[derive(Debug)]
pub(crate) enum Message {
    /// Every event up to this number has come, or is none of the reader's.
    Place(u64),
    /// What happens after this number follows, after what was missed before it.
    Subscribed(u64),
    /// An event, by its number.
    Event(u64),
    /// The newest of a state.
    State { topic: String, state: Value },
    /// Events may be missing.
    Reset,
    /// The server ends the connection, with a code.
    Cut(String),
}

/// How a reader connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    EventStream,
    Socket,
}

/// An open connection.
#[derive(Debug)]
pub(crate) enum Connection {
    EventStream(EventStream),
    Socket(Box<Socket>),
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) topics: &'a str,
    /// The last event that it has.
    pub(crate) after: Option<u64>,
    /// Its access token or key, if it has one.
    pub(crate) bearer: Option<&'a str>,
}

impl Way {
    /// Connects; `None` where the server is away or refuses.
    pub(crate) async fn open(self, server: &str, ask: Ask<'_>) -> Option<Connection> {
        Some(match self {
            Self::EventStream => Connection::EventStream(EventStream::open(server, ask).await?),
            Self::Socket => Connection::Socket(Box::new(Socket::open(server, ask).await?)),
        })
    }
}

impl Connection {
    /// The next message; `None` once the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        match self {
            Self::EventStream(stream) => stream.next().await,
            Self::Socket(socket) => socket.next().await,
        }
    }
}

/// The number in a text.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|error| panic!("{text} is no number of an event: {error}"))
}
