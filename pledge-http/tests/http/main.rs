//! The HTTP API over the stores: one claim a test.

#[cfg(feature = "access")]
mod access;
mod accounts;
mod cases;
mod chains;
// The document has the routes of every feature.
#[cfg(feature = "live")]
mod document;
mod health;
mod language;
mod lists;
mod mounted;
mod points;
mod portfolio;
mod problems;
mod reasons;
mod settlements;
mod support;
mod tags;
mod worlds;
