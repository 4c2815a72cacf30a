//! The last block before the end of each window, exactly.
//!
//! [`EdgeFinder`] is the driver: which windows have closed, what the held headers say, a bounded question
//! to the node, what is kept. `search` decides what to ask.

mod finder;
mod search;
mod wanted;

pub use finder::{EdgeFinder, Finding};
