//! The HTTP API over the stores: one claim a test.

mod accounts;
mod cases;
mod chains;
mod health;
mod lists;
mod points;
mod portfolio;
mod problems;
mod settlements;
#[path = "../support/mod.rs"]
mod support;
mod worlds;
