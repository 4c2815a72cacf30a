//! Signing in over a real store, with real tokens: what is let in, what is refused, and what that leaves.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod api_keys;
mod contracts;
mod node;
mod password;
mod registering;
mod sessions;
mod tickets;
mod wallet;
mod world;
