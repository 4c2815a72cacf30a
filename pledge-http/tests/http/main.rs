//! The HTTP API over the stores: one claim a test.

mod accounts;
mod cases;
mod chains;
mod health;
mod lists;
mod mounted;
mod points;
mod portfolio;
mod problems;
mod settlements;
mod support;
mod worlds;
