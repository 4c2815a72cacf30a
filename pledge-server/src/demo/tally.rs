//! What happened to a chain's ledger so far, from the events in its store.

use pledge_core::error::StoreError;
use pledge_core::event::{Event, EventSeq, ReorgRecord, SequencedEvent};
use pledge_core::ports::EventReads;
use pledge_core::types::ChainId;

use super::story::ForkStory;

const EVENTS_PAGE: usize = 1_000;

/// Sums over the events of one chain with one token.
#[derive(Debug)]
pub(super) struct Tally {
    chain: ChainId,
    /// The newest event counted.
    sequence: EventSeq,
    pub(super) changes_written: u64,
    pub(super) changes_removed: u64,
    /// Forks that reached the ledger.
    pub(super) reorgs: u64,
    pub(super) statements_reversed: u64,
    pub(super) last_reorg: Option<ForkStory>,
}

impl Tally {
    pub(super) const fn new(chain: ChainId) -> Self {
        Self {
            chain,
            sequence: EventSeq::START,
            changes_written: 0,
            changes_removed: 0,
            reorgs: 0,
            statements_reversed: 0,
            last_reorg: None,
        }
    }

    /// Counts the events since the last call.
    pub(super) async fn read(&mut self, store: &dyn EventReads) -> Result<(), StoreError> {
        loop {
            let events = store.events(self.sequence, EVENTS_PAGE).await?;
            if events.is_empty() {
                return Ok(());
            }
            events.iter().for_each(|event| self.count(event));
        }
    }

    fn count(&mut self, event: &SequencedEvent) {
        self.sequence = event.sequence;
        match event.event.engine() {
            Some(Event::Confirmed { chain, changes, .. }) if chain == self.chain => {
                self.changes_written += changes;
            }
            Some(Event::Reorged(record)) if record.chain == self.chain => self.count_reorg(&record),
            _ => {}
        }
    }

    fn count_reorg(&mut self, record: &ReorgRecord) {
        for token in &record.tokens {
            self.reorgs += 1;
            self.changes_removed += token.changes_removed;
            self.statements_reversed += token.statements_reversed;
            self.last_reorg = Some(ForkStory {
                from_block: token.from.number.get(),
                to_block: record.to.number.get(),
                changes_removed: token.changes_removed,
                statements_reversed: token.statements_reversed,
            });
        }
    }
}
