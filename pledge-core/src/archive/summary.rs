//! The number of records, and their digest.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Keccak256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ArchiveRecord, RecordKind};
use crate::audit::{Act, Action, AuditObject, Snapshot};
use crate::error::StoreError;
use crate::ports::RecordSink;

/// A store's content in two figures: equal summaries mean equal stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Records by kind; a kind without records is left out.
    pub counts: BTreeMap<RecordKind, u64>,
    /// The Keccak-256 hash of the records' lines, each with its line feed.
    pub digest: B256,
}

impl Summary {
    /// What a person does who imports this archive; `None` for one without records, which leaves its
    /// store empty.
    pub fn act_of_import(&self) -> Option<Act> {
        let after = || Snapshot::of(self).expect("the fields of a struct are an object");
        (!self.counts.is_empty()).then(|| Act {
            action: Action::IMPORT_ARCHIVE,
            object: AuditObject::archive(self.digest),
            before: None,
            after: Some(after()),
        })
    }
}

/// Sums up records: a sink that keeps none.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: BTreeMap<RecordKind, u64>,
    digest: Keccak256,
}

impl Tally {
    /// Counts a record whose line is known.
    pub(super) fn add(&mut self, kind: RecordKind, line: &[u8]) {
        *self.counts.entry(kind).or_default() += 1;
        self.digest.update(line);
    }

    /// The summary of the records so far.
    pub fn summary(&self) -> Summary {
        Summary { counts: self.counts.clone(), digest: self.digest.clone().finalize() }
    }
}

#[async_trait]
impl RecordSink for Tally {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        self.add(record.kind(), &record.line()?);
        Ok(())
    }
}

impl ArchiveRecord {
    /// The record's only text: a line of JSON.
    pub(super) fn line(&self) -> Result<Vec<u8>, StoreError> {
        let mut line = serde_json::to_vec(self).map_err(|error| {
            let detail = format!("a {} has no text", self.kind());
            StoreError::invalid("write an archive", detail).caused_by(error)
        })?;
        line.push(b'\n');
        Ok(line)
    }
}
