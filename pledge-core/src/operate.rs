//! What an operator does to the engine: one function an act, whichever way asks for it.
//!
//! A command and a route call the same function. Each reads what it decides about, refuses what makes no
//! sense with an [`OperateError`], and leaves the write and its record to the store. The write names what
//! was read, so what changed meanwhile is a conflict and never overwritten.

mod chain;
mod error;
mod programme;
mod rewind;
mod settlement;
mod token;

pub use chain::{pause_chain, resume_chain};
pub use error::OperateError;
pub use programme::{NewProgramme, add_programme, change_rates};
pub use rewind::{Rewinder, plan_rewind, rewind_as_planned};
pub use settlement::retry_settlement;
pub use token::{pause_token, resume_token};

/// What an act found, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<S> {
    /// As it was read before the act.
    pub before: S,
    /// As it was read after it.
    pub after: S,
}
