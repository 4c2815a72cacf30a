//! How many statements a read takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counted;
mod histories;
mod routes;
