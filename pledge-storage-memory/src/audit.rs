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
    /// Numbers acts, if there are any, and keeps them.
    pub(crate) fn attribute(&mut self, by: &Attribution, acts: impl IntoIterator<Item = Act>) {
        for act in acts {
            let newest = self.audit.last().map_or(AuditNumber::START, |last| last.number);
            self.audit.push(AuditRecord { number: newest.next(), by: by.clone(), act });
        }
    }
}
