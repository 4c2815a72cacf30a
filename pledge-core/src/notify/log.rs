//! Events as log lines.

use std::fmt;

use async_trait::async_trait;

use crate::event::{Event, SequencedEvent};
use crate::ports::{Notifier, NotifyError};

/// Logs each event through `tracing`: its `sequence`, its `event_type`, the whole event as JSON in
/// `event`, and a readable message.
///
/// Confirmed blocks are logged at `DEBUG`, settlements at `INFO`, reorgs and rewinds at `WARN`,
/// halts and dropped consumers at `ERROR`. A line that the subscriber filters out counts as
/// delivered.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

/// JSON that is serialized only if a subscriber writes the line.
struct Json<'a>(&'a Event);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

macro_rules! line {
    ($level:ident, $event:expr) => {
        tracing::$level!(
            sequence = $event.sequence.get(),
            event_type = $event.event.name(),
            event = %Json(&$event.event),
            "{}",
            $event.event
        )
    };
}

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
        match &event.event {
            Event::Confirmed { .. } => line!(debug, event),
            Event::Settled { .. } => line!(info, event),
            Event::Reorged(_) | Event::Rewound { .. } => line!(warn, event),
            Event::TokenHalted { .. }
            | Event::ChainHalted { .. }
            | Event::ConsumerDropped { .. } => line!(error, event),
        }
        Ok(())
    }
}
