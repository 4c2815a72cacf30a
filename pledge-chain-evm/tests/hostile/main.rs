//! The source against a node that does whatever nodes do: the right answer, or an error of the right
//! kind, within bounds.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod backfill;
mod data;
mod discovery;
mod envelopes;
mod follower;
mod following;
mod limits;
mod logs;
mod omissions;
mod outlooks;
mod quantities;
mod random;
mod reorgs;
mod sizes;
mod stage;
mod storm;
mod times;
mod wires;
