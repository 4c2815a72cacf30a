//! The port of who did what.

use async_trait::async_trait;
use pledge_core::audit::{Act, Attribution, AuditNumber, AuditRecord};
use pledge_core::error::StoreError;
use pledge_core::ports::{AuditQuery, AuditReads};

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl AuditReads for MemoryStore {
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let state = self.lock();
        let newest_first = state.audit.iter().rev();
        let selected = newest_first.filter(|record| query.selects(record));
        Ok(selected.take(query.limit).cloned().collect())
    }
}

impl State {
    /// Numbers an act, if there is one, and keeps it.
    pub(crate) fn attribute(&mut self, by: &Attribution, act: Option<Act>) {
        if let Some(act) = act {
            let newest = self.audit.last().map_or(AuditNumber::START, |last| last.number);
            self.audit.push(AuditRecord { number: newest.next(), by: by.clone(), act });
        }
    }
}
