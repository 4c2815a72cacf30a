//! Ports, ledger, reorg-aware indexer and exact points engine of pledge.
//!
//! This crate opens no socket, reads no clock, spawns nothing and knows no SQL.

pub mod error;
pub mod event;
pub mod indexer;
pub mod ledger;
pub mod notify;
pub mod points;
pub mod ports;
pub mod prices;
pub mod query;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod stop;
#[cfg(feature = "testing")]
pub mod testing;
pub mod types;

pub use alloy_primitives as primitives;
