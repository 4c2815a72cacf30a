//! The pledge server: configuration, command line, tasks, and the wiring of it all.
//!
//! The binary `pledge` is [`cli`] over the parts of this library: [`config`] reads and checks the
//! configuration, [`setup`] compares it with the chains, [`tasks`] follows them, and `pledge-http`
//! answers; [`verify`] compares the ledger with the chain, [`demo`] plays scripted chains. `wire`
//! alone names the crates of databases, caches and nodes.

#![allow(missing_docs, reason = "the names say it; what is not obvious has a comment")]

pub mod access;
mod backoff;
pub mod cli;
pub mod config;
pub mod demo;
mod entrance;
pub mod hints;
mod late;
pub mod live;
mod load;
pub mod logs;
pub mod metrics;
pub mod nodes;
pub mod operations;
pub mod output;
pub mod progress;
pub mod rates;
mod rewinding;
pub mod serving;
pub mod setup;
pub mod shutdown;
pub mod sources;
pub mod stores;
pub mod tasks;
#[cfg(test)]
mod test_chain;
pub mod verify;
mod views;
pub mod wire;
