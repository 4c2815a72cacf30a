//! The stores of the office: the domains around the engine, in tables of their own.
//!
//! A write that names a claim begins with [`claims::require`], before it locks anything else, and takes the
//! number of its event last. So two writes wait for each other in one order.

mod claims;
mod column;
mod outbox;
mod ports;
mod time;
