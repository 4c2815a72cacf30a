//! Hints of new heads from a node that does everything wrong that a node can do.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod fake_node;
mod incidents;
mod listening;
