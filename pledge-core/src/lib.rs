//! Ports, ledger, reorg-aware indexer and exact points engine of pledge.
//!
//! An [`Engine`](engine::Engine) follows ERC-20 tokens through [`ChainSource`](ports::ChainSource)s
//! into a store, keeps every balance with its integral over time, and settles that into points,
//! exactly, through outages and reorgs. [`Queries`](query::Queries) answer what an account held and
//! had earned at any instant. Each part can be used alone: [`indexer`], [`points`], [`query`].
//!
//! The [`ports`] are what it needs from the outside. A port's documentation is its contract; each
//! sentence of it is a law in `pledge-testing`, which your own implementation can run.
//!
//! This crate opens no socket, reads no clock, spawns nothing and knows no SQL.
//!
//! # Features
//!
//! - `simulation`, off by default: a scripted chain in memory, as in the program below.
//!
//! # An engine in memory
//!
//! ```
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use pledge_core::audit::Attribution;
//! use pledge_core::engine::{Engine, FollowedChain, FollowedToken};
//! use pledge_core::event::Consumer;
//! use pledge_core::ledger::TokenMetadata;
//! use pledge_core::notify::LogNotifier;
//! use pledge_core::primitives::Address;
//! use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
//! use pledge_core::stop::Stop;
//! use pledge_core::types::{
//!     BlockNumber, ChainId, Decimals, ProgrammeId, Timestamp, TokenId,
//! };
//! use pledge_storage_memory::{MemoryPending, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A chain on which a user receives 200 tokens at 15:00, and an hour passes.
//! let three_pm = 1_767_279_600;
//! let token = TokenId { chain: ChainId::new(31337), address: Address::repeat_byte(0x70) };
//! let holder = Address::repeat_byte(0xa1);
//! let metadata = TokenMetadata { symbol: "PLG".to_owned(), decimals: Decimals::new(18)? };
//! let chain = ScriptedChain::new(token.chain, Timestamp::new(three_pm)?)
//!     .with_token(token.address, metadata);
//! let amount = "200000000000000000000".parse()?;
//! let mint = ScriptedTransfer { token: token.address, from: Address::ZERO, to: holder, amount };
//! chain.mine(Timestamp::new(three_pm)?, &[mint]);
//! for _ in 0..7 {
//!     chain.mine(Timestamp::new(three_pm + 3600)?, &[]);
//! }
//!
//! let store = Arc::new(MemoryStore::new());
//! let followed = FollowedToken::new(token.address, BlockNumber::new(0)).earning("0.05".parse()?);
//! let mut engine = Engine::builder(store, Arc::new(MemoryPending::default()))
//!     .follow(FollowedChain::new("example", chain).token(followed))
//!     .notifier(Consumer::new("log")?, LogNotifier)
//!     .build(&Attribution::program("example", SystemTime::now())?)
//!     .await?;
//! engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
//!
//! let main = ProgrammeId::main(token);
//! let view = engine.queries().account(token, holder.try_into()?, Some(&main), None).await?;
//! let points = view.points.ok_or("the token has the programme")?;
//! assert_eq!(points.scale.points(points.raw), "10");
//! # Ok(())
//! # }
//! ```

pub mod admission;
pub mod archive;
pub mod audit;
pub mod edges;
pub mod engine;
pub mod error;
pub mod event;
pub mod indexer;
pub mod ledger;
pub mod logs;
mod moving;
pub mod notify;
pub mod operate;
pub mod points;
pub mod ports;
pub mod prices;
pub mod query;
pub mod sharing;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod stop;
pub mod types;

// Types in public signatures, in the version used there.
pub use alloy_primitives as primitives;
pub use rust_decimal;
pub use tokio_util;
