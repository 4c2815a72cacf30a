//! What the examples and the tests of pledge share: a local chain and a token to move on it.
//!
//! [`Anvil`] runs a development node that `npm ci` in the workspace's root installs, [`Token`]
//! deploys a preset of `@openzeppelin/contracts` on any node, and [`Traffic`] makes a lot happen to
//! it in a short time.

mod anvil;
mod token;
mod traffic;

use std::path::PathBuf;

pub use anvil::{Anvil, GENESIS_TIME};
pub use token::Token;
pub use traffic::{Played, Traffic};

/// A file that `npm ci` installs, as a path.
fn node_module(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "node_modules", path].iter().collect()
}
