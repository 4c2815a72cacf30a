//! A receiver of events that is busy at times, and records what it received.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::ports::{Notifier, NotifyError};

use super::control::Control;

#[derive(Debug)]
pub(super) struct Inbox {
    control: Arc<Control>,
    arrived: Mutex<Vec<EventSeq>>,
}

impl Inbox {
    pub(super) const fn new(control: Arc<Control>) -> Self {
        Self { control, arrived: Mutex::new(Vec::new()) }
    }

    /// What arrived, each once, in the order of the first arrival.
    pub(super) fn arrived(&self) -> Vec<EventSeq> {
        self.arrived.lock().expect("no holder panics").clone()
    }

    fn take(&self, event: &SequencedEvent) {
        let mut arrived = self.arrived.lock().expect("no holder panics");
        let repeat = arrived.contains(&event.sequence);
        if !repeat {
            arrived.push(event.sequence);
        }
        let mut state = self.control.lock();
        state.counters.delivered += u64::from(!repeat);
        state.counters.repeats += u64::from(repeat);
        state.trace.number("delivered", event.sequence.get());
    }
}

#[async_trait]
impl Notifier for Inbox {
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
        self.control.point("notify").await;
        let (refused, taken) = {
            let mut state = self.control.lock();
            let often = state.faults.refused_telling;
            (state.dice.chance(often), state.dice.chance(500))
        };
        if !refused || taken {
            self.take(event);
        }
        self.control.point("notified").await;
        if refused {
            self.control.lock().counters.refused_tellings += 1;
            return Err(NotifyError::unavailable("deliver", "refused by the seed"));
        }
        Ok(())
    }
}
