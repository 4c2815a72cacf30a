//! Events as log lines.

use async_trait::async_trait;

use crate::event::{Event, SequencedEvent};
use crate::ports::{Notifier, NotifyError};

/// Logs each event through `tracing`: its `sequence`, its `domain`, its `event_type`, the whole event as
/// JSON in `event`, and a readable message.
///
/// Confirmed blocks are logged at `DEBUG`, settlements at `INFO`, reorgs and rewinds at `WARN`,
/// halts and dropped consumers at `ERROR`; events of other domains, and of a later release, at `INFO`. A
/// line that the subscriber filters out counts as delivered.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

macro_rules! line {
    ($level:ident, $event:expr) => {
        tracing::$level!(
            sequence = $event.sequence.get(),
            domain = $event.event.domain(),
            event_type = $event.event.kind(),
            event = %$event.event.to_json(),
            "{}",
            $event.event
        )
    };
}

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
        match event.event.engine() {
            Some(Event::Confirmed { .. }) => line!(debug, event),
            Some(Event::Settled { .. }) | None => line!(info, event),
            Some(Event::Reorged(_) | Event::Rewound { .. }) => line!(warn, event),
            Some(
                Event::TokenHalted { .. }
                | Event::ChainHalted { .. }
                | Event::ConsumerDropped { .. },
            ) => line!(error, event),
        }
        Ok(())
    }
}
