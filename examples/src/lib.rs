//! What the examples and the tests of pledge share: chains, and tokens to move on them.
//!
//! [`Anvil`] runs a development node that `npm ci` in the workspace's root installs, [`Token`]
//! deploys a preset of `@openzeppelin/contracts` on any node, and [`Traffic`] makes a lot happen to
//! it in a short time; its accounts are a [`Crowd`]. [`Simulated`] is a token on a chain that lives
//! in memory.

mod anvil;
mod crowd;
mod simulated;
mod token;
mod traffic;

use std::path::PathBuf;

pub use anvil::{Anvil, GENESIS_TIME};
pub use crowd::Crowd;
pub use simulated::{ALICE, BOB, NOBODY, Simulated, clock, instant};
pub use token::Token;
pub use traffic::{Played, Traffic};

/// A file that `npm ci` installs, as a path.
fn node_module(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "node_modules", path].iter().collect()
}
