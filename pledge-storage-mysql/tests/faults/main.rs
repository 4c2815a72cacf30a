//! What goes wrong between a store and its server: each fault is real, is reported as what it is,
//! leaves nothing half-written, and has no effect once it is over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts;
mod early;
mod gone;
mod hostile;
mod kills;
mod locks;
mod lost_commits;
mod no_room;
mod packets;
mod read_only;
mod rights;
mod silence;
mod stage;
mod storm;
mod too_many;
