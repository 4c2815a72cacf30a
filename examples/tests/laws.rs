//! The tests of the examples: the laws of the ports over what they implement.
//!
//! They are run from here because `cargo test` builds an example either to run it or to test it.

#[expect(dead_code, reason = "its tests run, its main does not")]
#[path = "../custom_chain_source/main.rs"]
mod custom_chain_source;
#[expect(dead_code, reason = "its tests run, its main does not")]
#[path = "../custom_store/main.rs"]
mod custom_store;
