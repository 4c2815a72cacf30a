//! Who may do what: sign-in, the gatekeeper, operators and admins.

mod admins;
mod auth;
mod background;
mod bodies;
mod document;
mod gate;
mod matrix;
mod once;
mod operators;
mod viewers;
