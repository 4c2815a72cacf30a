//! A whole ledger as records: their order, what they must be to one another, and their text.
//!
//! [`Archive`](crate::ports::Archive) moves records out of and into a store. [`LineWriter`] and
//! [`LineReader`] are a file between the two; [`Summary`] tells whether two stores hold the same.

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
