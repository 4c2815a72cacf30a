//! What proves an implementation right (feature `testing`). Not covered by semver.
//!
//! - [`conformance`]: the laws of every port, one test a law, one macro a port;
//! - [`oracle`]: a second, naive implementation of everything that a store ends up holding;
//! - [`digest`](mod@digest): all that two stores must agree on, read through the ports;
//! - [`world`]: a scripted chain, an indexer and a settler over a store, driven step by step;
//! - [`sim`]: the whole engine under faults, crashes and reorgs drawn from a seed;
//! - [`twins`]: two stores that are told the same, and must answer the same;
//! - [`generators`]: random histories for property tests.
//!
//! The scripted chain itself is in [`crate::simulation`].

pub mod conformance;
pub mod digest;
pub mod generators;
pub mod liar;
pub mod oracle;
pub mod sim;
pub mod twins;
pub mod world;

mod archives;
mod failing_points;
mod fixture;
mod manual_clock;
mod receiver;

pub use archives::{ArchiveFixture, Records};
pub use failing_points::FailingPoints;
pub use fixture::Fixture;
pub use manual_clock::ManualClock;
pub use receiver::{Fate, Receiver};
