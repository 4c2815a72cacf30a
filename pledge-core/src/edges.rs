//! The last block before the end of each window, exactly.
//!
//! [`EdgeFinder`] is the driver: which windows have closed, what the held headers say, a bounded question
//! to the node, what is kept. `search` decides what to ask, `inquiry` what a refusal means, `withheld` when
//! to search again for what was not given.

mod finder;
mod inquiry;
mod question;
mod search;
mod wanted;
mod withheld;

pub use finder::{EdgeFinder, Finding};
pub use withheld::WithheldEdge;
