//! Events as lines of the log.

use std::fmt;

use async_trait::async_trait;

use crate::event::{Event, SequencedEvent};
use crate::ports::{Notifier, NotifyError};

/// Writes each event through `tracing`: its `sequence`, its `event_type`, the whole of it as JSON in
/// `event`, and a message for people.
///
/// What is confirmed is `DEBUG`, what is settled `INFO`, a reorg or a rewind `WARN`, whatever halts and a
/// consumer that is dropped `ERROR`.
/// A line that the subscriber leaves out counts as delivered.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

/// JSON that is made only if somebody writes it.
struct Json<'a>(&'a Event);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

macro_rules! line {
    ($level:ident, $told:expr) => {
        tracing::$level!(
            sequence = $told.sequence.get(),
            event_type = $told.event.name(),
            event = %Json(&$told.event),
            "{}",
            $told.event
        )
    };
}

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, told: &SequencedEvent) -> Result<(), NotifyError> {
        match &told.event {
            Event::Confirmed { .. } => line!(debug, told),
            Event::Settled { .. } => line!(info, told),
            Event::Reorged(_) | Event::Rewound { .. } => line!(warn, told),
            Event::TokenHalted { .. }
            | Event::ChainHalted { .. }
            | Event::ConsumerDropped { .. } => line!(error, told),
        }
        Ok(())
    }
}
