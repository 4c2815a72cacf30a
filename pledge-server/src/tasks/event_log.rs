//! Writes events as log lines, each value in its own field.

use async_trait::async_trait;
use pledge_core::event::{Event, ReorgRecord, SequencedEvent};
use pledge_core::ports::{Notifier, NotifyError, SettlementsQuery};
use pledge_core::types::{ProgrammeId, Scale, Timestamp};

use crate::stores::Stores;

/// Writes each event as one line: times in RFC 3339, a settlement with the token's symbol and the
/// points of its last window. Confirmed blocks are `DEBUG`, settlements `INFO`, reorgs and rewinds
/// `WARN`; halts and dropped consumers are `ERROR`; events of other domains are `INFO`.
#[derive(Debug)]
pub(super) struct EventLog {
    pub(super) stores: Stores,
}

/// A line with the target of core's own receiver, so that one filter fits both.
macro_rules! line {
    ($level:ident, $event:expr, $($rest:tt)+) => {
        tracing::$level!(
            target: "pledge_core::notify",
            sequence = $event.sequence.get(),
            event_type = $event.event.kind(),
            $($rest)+
        )
    };
}

#[async_trait]
impl Notifier for EventLog {
    async fn notify(&self, numbered: &SequencedEvent) -> Result<(), NotifyError> {
        let event = &numbered.event;
        let Some(known) = event.engine() else {
            let (domain, subject) = (event.domain(), event.subject());
            line!(info, numbered, domain, %subject, body = event.body(), "{event}");
            return Ok(());
        };
        // Fields are numbers and hex, not sentences, so that a log collector can filter by them.
        match &known {
            Event::Confirmed { chain, from, to, changes } => {
                let (chain, from, hash) = (chain.get(), from.get(), to.hash);
                line!(debug, numbered, chain, from, to = to.number.get(), %hash, changes, "{event}");
            }
            Event::Reorged(record) => back(numbered, record, None),
            Event::Rewound { record, reason } => back(numbered, record, reason.as_deref()),
            Event::Settled { programme, settled } => {
                self.settled(numbered, programme, *settled).await?
            }
            Event::TokenHalted { token, reason } => {
                let (chain, token) = (token.chain.get(), token.address);
                line!(error, numbered, chain, %token, reason, "{event}");
            }
            Event::ChainHalted { chain, reason } => {
                line!(error, numbered, chain = chain.get(), reason, "{event}");
            }
            Event::ConsumerDropped { consumer, delivered } => {
                line!(error, numbered, %consumer, delivered = delivered.get(), "{event}");
            }
        }
        Ok(())
    }
}

fn back(numbered: &SequencedEvent, record: &ReorgRecord, reason: Option<&str>) {
    let ReorgRecord { chain, to, tokens, contracts } = record;
    let changes_removed: u64 = tokens.iter().map(|token| token.changes_removed).sum();
    let logs_removed: u64 = contracts.iter().map(|contract| contract.logs_removed).sum();
    let statements_reversed: u64 = tokens.iter().map(|token| token.statements_reversed).sum();
    line!(
        warn, numbered, chain = chain.get(), to = to.number.get(), hash = %to.hash, time = %to.time,
        tokens = tokens.len(), changes_removed, statements_reversed, contracts = contracts.len(), logs_removed, reason, "{}", numbered.event
    );
}

impl EventLog {
    /// Reads the figures of the settlement from the store; after a rewind there are none.
    async fn settled(
        &self,
        numbered: &SequencedEvent,
        programme: &ProgrammeId,
        settled: Timestamp,
    ) -> Result<(), NotifyError> {
        let unread = |error| {
            NotifyError::unavailable("log a settlement", "its figures cannot be read")
                .caused_by(error)
        };
        let query =
            SettlementsQuery { programme: programme.clone(), before: Some(settled), limit: 1 };
        let token = self.stores.balances.token(programme.token).await.map_err(unread)?;
        let last = self.stores.points.settlements(&query).await.map_err(unread)?;
        let metadata = token.map(|token| token.spec.metadata);
        // Events are delivered late: the newest window may be another one, whose points would be
        // wrong here.
        let last = last.first().filter(|last| last.window.end == settled).zip(metadata.as_ref());
        let points =
            last.map(|(last, metadata)| Scale::of(metadata.decimals).points(last.total.raw));
        let symbol = metadata.as_ref().map_or("", |metadata| metadata.symbol.as_str());
        let figures = points
            .as_ref()
            .map_or(String::new(), |points| format!(", {points} points in its last window"));
        line!(
            info, numbered, chain = programme.token.chain.get(), token = %programme.token.address, symbol,
            programme = programme.name(), settled = %settled, points,
            accounts = last.map(|(last, _)| last.total.accounts),
            "{symbol} {} settled up to {settled}{figures}", programme.name()
        );
        Ok(())
    }
}
