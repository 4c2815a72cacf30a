//! The source against a node with scripted answers: no network, every fault.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod blooms;
mod connection;
mod fake_node;
mod limits;
mod ranges;
mod tokens;
