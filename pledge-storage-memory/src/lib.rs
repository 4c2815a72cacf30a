//! The stores of pledge in memory: for tests, simulation and the demo.
//!
//! [`MemoryStore`] implements every store over one state, [`MemoryPending`] holds pending blocks,
//! [`MemoryLeases`] the leases of several engines.
//! Every write happens under one lock and on a copy of what it changes, so a refused write leaves
//! nothing behind. The front page of `pledge-core` has a whole program over them.

mod archive;
mod audit;
mod contract;
mod deciding;
mod decisions;
mod edges;
mod events;
mod leases;
mod ledger;
mod logs;
mod pending;
mod points;
mod rewind;
mod state;

pub use leases::MemoryLeases;
pub use pending::MemoryPending;
pub use state::MemoryStore;
