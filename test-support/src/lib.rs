//! What the tests of several crates need, and no program: everything here panics where it fails.
//!
//! - [`FaultProxy`]: a TCP proxy that delays, swallows and cuts, also around one chosen packet;
//! - [`HostileNode`]: a JSON-RPC node over a scripted chain, with faults to switch on;
//! - [`MySqlPlace`]: an empty database on the server of `PLEDGE_TEST_MYSQL_URL`;
//! - [`OwnServer`]: a MariaDB or a Redis for one test, to be stopped, killed and started again.

pub mod fault_proxy;
pub mod hostile_node;
mod mysql_place;
mod own_server;

pub use fault_proxy::FaultProxy;
pub use hostile_node::{HostileChain, HostileNode};
pub use mysql_place::MySqlPlace;
pub use own_server::OwnServer;
