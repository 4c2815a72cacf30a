//! A scripted chain in memory (feature `simulation`).
//!
//! `pledge demo` runs on it, and so do the engine's own tests: blocks, forks, lag and failures on
//! demand, and no clock.

mod scripted_chain;
mod source;

pub use scripted_chain::{Branch, ScriptedChain, ScriptedLog, ScriptedTransfer};
