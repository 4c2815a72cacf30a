//! The parts of the `pledge` server.

pub mod http;
