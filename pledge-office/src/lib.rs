//! The domains around the engine: what they record, what they decide, and the ports that they need.
//!
//! A domain is one folder and one cargo feature: its records, its decisions (pure), its port, its driver.
//! No two domains import each other; they meet in the events of core, in tasks and in queries. What all of
//! them share is [`base`].
//!
//! As core, this crate opens no socket, reads no clock, spawns nothing and knows no SQL. Its laws are in
//! `pledge-testing`, its stores in `pledge-storage-sql`, each behind a feature `office`.

#[cfg(feature = "access")]
pub mod access;
pub mod base;
