//! A receiver of events with a script.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use pledge_core::event::SequencedEvent;
use pledge_core::ports::{Notifier, NotifyError};
use pledge_core::stop::Stop;
use tokio::task::yield_now;

/// The fate of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// It does not arrive.
    Failed,
    /// It arrives, and the answer that confirms it is lost.
    TakenAndFailed,
    /// It arrives, and the drain is asked to stop.
    TakenAndAskedToStop,
}

/// Keeps the events that arrive. After the end of its script it takes everything.
#[derive(Debug, Default)]
pub struct Receiver {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    arrived: Vec<SequencedEvent>,
    fates: VecDeque<Fate>,
    stop: Stop,
}

impl Receiver {
    /// A receiver with a script: one fate for each event.
    pub fn new(fates: &[Fate]) -> Self {
        let receiver = Self::default();
        receiver.script(fates);
        receiver
    }

    /// Replaces the script.
    pub fn script(&self, fates: &[Fate]) {
        self.lock().fates = fates.iter().copied().collect();
    }

    /// What arrived so far, repeats included.
    pub fn arrived(&self) -> Vec<SequencedEvent> {
        self.lock().arrived.clone()
    }

    /// A new stop, set by the script from now on.
    pub fn fresh_stop(&self) -> Stop {
        let stop = Stop::never();
        self.lock().stop = stop.clone();
        stop
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn take(&self, event: &SequencedEvent) -> Fate {
        let mut state = self.lock();
        let fate = state.fates.pop_front().unwrap_or(Fate::Taken);
        if fate != Fate::Failed {
            state.arrived.push(event.clone());
        }
        if fate == Fate::TakenAndAskedToStop {
            state.stop.request();
        }
        fate
    }
}

#[async_trait]
impl Notifier for Receiver {
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
        // Two places where a crash may occur: before the event arrives, and after.
        yield_now().await;
        let fate = self.take(event);
        yield_now().await;
        match fate {
            Fate::Taken | Fate::TakenAndAskedToStop => Ok(()),
            Fate::Failed | Fate::TakenAndFailed => {
                Err(NotifyError::unavailable("deliver to a receiver", "failed by script"))
            }
        }
    }
}
