//! The real binary, from the outside: exit codes, what it prints, what it serves, how it stops.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod access;
mod acting;
mod admin;
mod archive;
mod bad_input;
mod canary;
mod config_commands;
mod database;
mod demo;
mod instances;
mod live_rights;
mod live_seeds;
mod logs;
mod migrating;
mod node;
mod notifying;
mod one_shot;
mod opening;
mod operations;
mod pages;
mod poisoned;
#[cfg(unix)]
mod private;
mod process;
mod redis;
mod rewind;
mod running;
mod serving;
mod several_nodes;
mod standing;
mod starting;
mod updates;
#[cfg(target_os = "linux")]
mod vanished;
mod watching;
