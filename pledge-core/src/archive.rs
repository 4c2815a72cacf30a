//! A whole ledger as records: their order, their consistency, and their text.
//!
//! [`Archive`](crate::ports::Archive) moves records out of and into a store. [`LineWriter`] and
//! [`LineReader`] keep them in a file; equal [`Summary`]s mean equal stores.

mod fit;
mod key;
mod lines;
mod record;
mod summary;
mod sums;

pub use fit::FittingRecords;
pub use key::{ArchiveKey, Entry};
pub use lines::{LineReader, LineWriter};
pub use record::{ArchiveRecord, RecordKind};
pub use summary::{Summary, Tally};
