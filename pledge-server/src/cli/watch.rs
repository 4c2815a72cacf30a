//! `pledge watch`: shows in a terminal what happens, over the API.

use std::fmt;
use std::io::{self, Write};

use clap::Args;
use pledge_client::{Client, Interruption, State, Update, Watched};
use pledge_core::event::{EventEnvelope, EventSeq};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Context, Verdict, WrongUsage};
use crate::config::CREDENTIAL;
use crate::output::Output;

/// What is shown unless topics are named.
const TOPICS: [&str; 2] = ["chains", "settlements"];
const API: &str = "/api/v1";

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// `chains`, `settlements` or `account:CHAIN_ID:TOKEN:ACCOUNT` [default: chains settlements]
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// The API; who is to sign in sets a key or an access token in the variable `PLEDGE_API_KEY`
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/api/v1")]
    api: String,
    /// Begin after the event with this id, as an earlier watch showed it
    #[arg(long, value_name = "ID")]
    after: Option<EventId>,
}

/// The id of an event.
#[derive(Debug, Clone, Copy)]
struct EventId(EventSeq);

impl std::str::FromStr for EventId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_plain);
        number.map(|number| Self(EventSeq::new(number))).ok_or("it is a whole number")
    }
}

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Event {
        id: String,
        topics: Vec<String>,
        event: EventEnvelope,
    },
    State {
        topic: String,
        state: Box<RawValue>,
    },
    /// Events may be missing before it.
    Reset,
    /// The connection is lost, and made again after a wait.
    Interrupted {
        reason: String,
        wait_ms: u64,
    },
}

pub(super) async fn execute(context: Context, args: WatchArgs) -> anyhow::Result<Verdict> {
    let WatchArgs { topics, api, after } = args;
    let topics = if topics.is_empty() { TOPICS.map(str::to_owned).into() } else { topics };
    for topic in &topics {
        topic.parse::<pledge_http::live::Topic>().map_err(|e| WrongUsage(e.to_string()))?;
    }
    // Wrong usage above; from here on what fails passes, or is for the server to name.
    let client = client(&context, api)?;
    let mut watch = client.watch(topics, after.map(|EventId(id)| id.to_string()));
    while let Some(next) = context.stop.run_until_cancelled(watch.next()).await {
        let line = match next? {
            Watched::Update(Update::Event { id, topics, event }) => {
                Line::Event { id: id.to_string(), topics, event }
            }
            Watched::Update(Update::State(State { topic, state })) => Line::State { topic, state },
            Watched::Update(Update::Reset) => Line::Reset,
            Watched::Update(Update::Cut(cut)) => {
                anyhow::bail!("the server ends the stream ({}): set a valid {CREDENTIAL}", cut.code)
            }
            Watched::Interrupted { cause, wait } => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Line::Interrupted { reason: reason(cause), wait_ms }
            }
        };
        if !print(context.output, &line)? {
            break;
        }
    }
    Ok(Verdict::Fine)
}

fn client(context: &Context, api: String) -> anyhow::Result<Client> {
    let mut client = Client::builder(whole(api));
    let named = context.environment.iter().find(|(name, _)| name == CREDENTIAL);
    if let Some((_, credential)) = named {
        client = client.credential(credential);
    }
    client.build().map_err(|error| WrongUsage(format!("--api: {error}")).into())
}

/// The address of a server is enough.
fn whole(api: String) -> String {
    let rest = api.split_once("://").map_or(api.as_str(), |(_, rest)| rest);
    if rest.trim_end_matches('/').contains('/') {
        api
    } else {
        api.trim_end_matches('/').to_owned() + API
    }
}

fn reason(cause: Interruption) -> String {
    match cause {
        Interruption::Cut(cut) => format!("the server ends the stream ({})", cut.code),
        Interruption::Ended => "the stream ended".to_owned(),
        Interruption::Failed(error) => format!("{:#}", anyhow::Error::from(error)),
    }
}

/// Prints a line; whether anyone reads it.
fn print(output: Output, line: &Line) -> anyhow::Result<bool> {
    let text = match output {
        Output::Text => line.to_string(),
        Output::Json => serde_json::to_string(line)?,
    };
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { id, event, .. } => write!(f, "{id:>8}  {event}"),
            Self::State { topic, state } => {
                let state: Value = serde_json::from_str(state.get()).unwrap_or_default();
                write!(f, "{:>8}  {}", "", summary(topic, &state))
            }
            Self::Reset => f.write_str("events may be missing before this line"),
            Self::Interrupted { reason, wait_ms } => {
                write!(
                    f,
                    "{reason}: connecting again in {}.{} s",
                    wait_ms / 1_000,
                    wait_ms / 100 % 10
                )
            }
        }
    }
}

/// A state in one line.
fn summary(topic: &str, state: &Value) -> String {
    let text = |name: &str| match &state[name] {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match topic {
        "chains" => format!(
            "chain {} ({}): {}, head {}, confirmed {}, settled to {}",
            text("chain_id"),
            text("name"),
            text("status"),
            text("head_block"),
            text("last_confirmed_block"),
            text("last_calculated_time"),
        ),
        "settlements" => {
            let newest = &state["items"][0];
            match (newest["id"].as_str(), newest["status"].as_str()) {
                (Some(id), Some(status)) => format!("settlements: the newest is {id}, {status}"),
                _ => "settlements: none".to_owned(),
            }
        }
        _ if state.is_null() => format!("{topic}: nothing is confirmed yet"),
        _ => format!(
            "{topic}: {}, points {}, at {}",
            // A token may have no symbol.
            format!("{} {}", text("balance_formatted"), text("symbol")).trim_end(),
            text("points"),
            text("at_time"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_address_of_a_server_is_enough() {
        for (given, expected) in [
            ("http://localhost:8080", "http://localhost:8080/api/v1"),
            ("http://localhost:8080/", "http://localhost:8080/api/v1"),
            ("https://pledge.example/points", "https://pledge.example/points"),
            ("http://localhost:8080/api/v1", "http://localhost:8080/api/v1"),
        ] {
            assert_eq!(whole(given.to_owned()), expected);
        }
    }

    #[test]
    fn each_topic_has_its_line() {
        let chain = json!({ "chain_id": 1, "name": "one", "status": "live", "head_block": 9 });
        let line = summary("chains", &chain);
        assert_eq!(line, "chain 1 (one): live, head 9, confirmed none, settled to none");
        assert_eq!(summary("settlements", &json!({ "items": [] })), "settlements: none");
        assert_eq!(
            summary("account:1:a:b", &Value::Null),
            "account:1:a:b: nothing is confirmed yet"
        );
    }
}
