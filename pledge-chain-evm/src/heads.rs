//! A node's WebSocket as a hint that a block is new, in addition to polling.
//!
//! It decides nothing: the contents of a head are not read, and a missed head costs only the wait
//! until the next poll. So whatever the node sends, the ledger cannot be wrong.

mod config;
mod connection;
mod message;
mod pace;
mod waits;

use std::time::Duration;

use pledge_core::error::ChainError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::Connector;
use url::Url;

pub use config::HeadsConfig;

use crate::redact::{Redactor, endpoint};
use connection::Connection;
use pace::Pace;
use waits::Waits;

/// Wakes its holder when a node announces a new head.
///
/// It listens in a task of its own until it is dropped, and reconnects without limit. Its errors
/// hold no secret of the url. The library `tungstenite` logs the whole url at the level `trace`:
/// keep that off.
///
/// ```no_run
/// use pledge_chain_evm::{HeadHints, HeadsConfig};
/// use pledge_core::types::ChainId;
///
/// # async fn follow() -> Result<(), Box<dyn std::error::Error>> {
/// let config = HeadsConfig::new(ChainId::new(31337), "ws://127.0.0.1:8545".parse()?);
/// let mut hints = HeadHints::listen(config);
/// while let Err(incident) = hints.next().await {
///     eprintln!("{incident}");
/// }
/// println!("a block is new: time to poll");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct HeadHints {
    signal: watch::Receiver<Signal>,
    task: JoinHandle<()>,
}

/// The newest thing to report. It replaces the one before, so nothing can queue.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signal {
    Nothing,
    Head,
    Incident(String),
}

impl HeadHints {
    /// Begins to listen. A url of another scheme than `ws` or `wss` is an incident like any other.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn listen(config: HeadsConfig) -> Self {
        let (sender, signal) = watch::channel(Signal::Nothing);
        Self { signal, task: tokio::spawn(keep_listening(config, sender)) }
    }

    /// Whether there is anything to listen to: connects, checks the chain and subscribes, once.
    pub async fn probe(config: &HeadsConfig) -> Result<(), ChainError> {
        let tls = Connector::Rustls(connection::tls());
        let opened = Connection::open(config, &tls).await;
        let opened = opened
            .map_err(|cause| ChainError::transient("ask for heads", explain(&config.url, &cause)));
        opened.map(drop)
    }

    /// Waits for a head; those that came since the last call count as one. Cancel safe.
    ///
    /// An error means that an incident has begun or changed, and is returned once: connecting goes
    /// on, and the next head ends the incident.
    pub async fn next(&mut self) -> Result<(), ChainError> {
        loop {
            if self.signal.changed().await.is_err() {
                // Only a panic ends the task, and is printed already. Polling goes on without
                // hints.
                return std::future::pending().await;
            }
            match &*self.signal.borrow_and_update() {
                Signal::Nothing => {}
                Signal::Head => return Ok(()),
                Signal::Incident(detail) => {
                    return Err(ChainError::transient("listen for heads", detail));
                }
            }
        }
    }
}

impl Drop for HeadHints {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, and connects again whenever a connection ends.
async fn keep_listening(config: HeadsConfig, signal: watch::Sender<Signal>) {
    let tls = Connector::Rustls(connection::tls());
    let mut pace = Pace::new(config.silence_min);
    let mut waits = Waits::new(&config);
    loop {
        let (cause, lasted) = match Connection::open(&config, &tls).await {
            Ok(mut connection) => {
                let on_head = || {
                    signal.send_replace(Signal::Head);
                };
                (connection.listen(&mut pace, on_head).await, connection.age())
            }
            Err(cause) => (cause, Duration::ZERO),
        };
        report(&signal, explain(&config.url, &cause));
        tokio::time::sleep(waits.after(lasted)).await;
    }
}

/// Why a node announces no heads, without secrets.
fn explain(url: &Url, cause: &str) -> String {
    format!("{}: {}", endpoint(url), Redactor::new(url).clean(cause))
}

/// Reports an incident. The same one again wakes no caller.
fn report(signal: &watch::Sender<Signal>, incident: String) {
    let incident = Signal::Incident(incident);
    signal.send_if_modified(|last| {
        let is_new = *last != incident;
        *last = incident;
        is_new
    });
}
