//! The whole server against real nodes: two chains, thousands of transfers, reorgs, kills.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod chains;
mod hints;
mod instances;
mod kill;
mod verify;
