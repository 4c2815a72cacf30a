//! Live updates over a real socket: one claim a test.

mod contract;
mod framing;
mod limits;
mod rights;
mod seeds;
mod sockets;
mod streams;
mod support;
