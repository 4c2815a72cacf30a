//! A channel that takes, fails and hangs by a script.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use pledge_office::base::{Channel, Detail, Message, SendError, SendErrorKind};
use tokio::sync::Notify;

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is taken.
    Taken,
    /// It is taken, and the call does not return.
    TakenWithoutAnswer,
    /// The receiver is busy, and may ask for a wait.
    Busy(Option<Duration>),
    /// The receiver will never take it.
    Refused,
}

/// A channel with a script. What it takes arrives, repeats included.
#[derive(Default)]
pub struct MessageChannel {
    fates: Mutex<VecDeque<Sent>>,
    arrived: Mutex<Vec<Message>>,
    has_arrived: Notify,
    /// Runs before each message.
    before: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl MessageChannel {
    /// A channel that does this to its messages, one after the other, and takes all that follow.
    pub fn new(fates: &[Sent]) -> Self {
        Self { fates: Mutex::new(fates.iter().copied().collect()), ..Self::default() }
    }

    /// Runs something before each message.
    #[must_use]
    pub fn before(self, run: impl Fn() + Send + Sync + 'static) -> Self {
        Self { before: Some(Arc::new(run)), ..self }
    }

    /// Waits for the next message that is taken.
    pub async fn next_arrived(&self) {
        self.has_arrived.notified().await;
    }

    /// What was taken so far.
    pub fn arrived(&self) -> Vec<Message> {
        lock(&self.arrived).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

#[async_trait]
impl Channel for MessageChannel {
    async fn send(&self, message: &Message) -> Result<Detail, SendError> {
        if let Some(run) = &self.before {
            run();
        }
        let fate = lock(&self.fates).pop_front().unwrap_or(Sent::Taken);
        let refuse = |kind, detail| Err(SendError::new(kind, "send", detail));
        match fate {
            Sent::Busy(retry_after) => {
                return refuse(SendErrorKind::Unavailable { retry_after }, "busy");
            }
            Sent::Refused => return refuse(SendErrorKind::Refused, "no such address"),
            Sent::Taken | Sent::TakenWithoutAnswer => lock(&self.arrived).push(message.clone()),
        }
        self.has_arrived.notify_one();
        if fate == Sent::TakenWithoutAnswer {
            pending::<()>().await;
        }
        Ok(Detail::new("taken"))
    }
}

impl fmt::Debug for MessageChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageChannel").field("fates", &self.fates).finish_non_exhaustive()
    }
}
