//! The HTTP API over stores in memory: one claim a test.

mod accounts;
mod chains;
mod lists;
mod points;
mod portfolio;
mod problems;
mod settlements;
#[path = "../support/mod.rs"]
mod support;
mod worlds;
