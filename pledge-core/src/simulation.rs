//! A chain that lives in memory and does what its script says (feature `simulation`).
//!
//! It is what `pledge demo` plays and what the engine's own tests run against: blocks, forks, lag and
//! failures on demand, and no clock.

mod scripted_chain;
mod source;

pub use scripted_chain::{Branch, ScriptedChain, ScriptedTransfer};
