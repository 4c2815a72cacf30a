//! Tests and doubles that prove an implementation of pledge's ports right. A dev-dependency, not
//! covered by semver: everything here panics on failure.
//!
//! - [`conformance`]: the laws of every port, one test a law, one macro a port;
//! - [`oracle`]: a second, naive implementation of everything that a store ends up holding;
//! - [`digest`](mod@digest): all that two stores must agree on, read through the ports;
//! - [`world`]: a scripted chain, an indexer and a settler over a store, driven step by step;
//! - [`sim`]: the whole engine under faults, crashes and reorgs drawn from a seed;
//! - [`differential`]: two stores that are given the same writes, and must give the same answers;
//! - [`kept`]: what a database of an earlier day must still answer;
//! - [`generators`]: random histories for property tests;
//! - [`liar`]: a chain source that lies; [`Slow`]: one that takes its time; [`mocks`]: mocks of every port.
//!
//! The scripted chain itself is in [`pledge_core::simulation`].
//!
//! # Features
//!
//! None is on by default.
//! - `nodes`: `HostileNode`, a JSON-RPC node over a scripted chain, with faults to switch on;
//! - `office`: the laws of what the domains around the engine share, `OfficeFixture` and `MessageChannel`;
//! - `servers`: `FaultProxy`, a TCP proxy that delays, swallows and cuts; `OwnServer`, a MariaDB or a Redis for one test;
//!   `MySqlPlace`, an empty database on the server of `PLEDGE_TEST_MYSQL_URL`.

#![allow(missing_docs, reason = "the names say it; what is not obvious has a comment")]

pub mod conformance;
pub mod differential;
pub mod digest;
#[cfg(feature = "servers")]
pub mod fault_proxy;
pub mod generators;
#[cfg(feature = "nodes")]
pub mod hostile_node;
pub mod kept;
mod later_versions;
pub mod liar;
pub mod mocks;
pub mod oracle;
pub mod sim;
pub mod world;

mod archives;
mod failing_points;
mod fixture;
mod manual_clock;
#[cfg(feature = "office")]
mod message_channel;
#[cfg(feature = "servers")]
mod mysql_place;
#[cfg(feature = "office")]
mod office_fixture;
mod office_tables;
#[cfg(feature = "servers")]
mod own_server;
mod receiver;
mod slow;

pub use archives::{ArchiveFixture, Records};
pub use failing_points::FailingPoints;
#[cfg(feature = "servers")]
pub use fault_proxy::FaultProxy;
pub use fixture::Fixture;
#[cfg(feature = "nodes")]
pub use hostile_node::{HostileChain, HostileNode};
pub use later_versions::LATER_UNDONE;
pub use manual_clock::ManualClock;
#[cfg(feature = "office")]
pub use message_channel::{MessageChannel, Sent};
#[cfg(feature = "servers")]
pub use mysql_place::MySqlPlace;
#[cfg(feature = "office")]
pub use office_fixture::OfficeFixture;
pub use office_tables::OFFICE_TABLES;
#[cfg(feature = "servers")]
pub use own_server::OwnServer;
pub use receiver::{Fate, Receiver};
pub use slow::Slow;
