//! The stores of the office: the domains around the engine, in tables of their own.
//!
//! A write that names a claim begins with [`claims::require`], before it locks anything else, and takes the
//! number of its event last. So two writes wait for each other in one order. Writes of [`access`] name none and have an
//! order of their own.

mod access;
mod claims;
mod column;
mod outbox;
mod ports;
mod time;
