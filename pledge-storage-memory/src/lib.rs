//! The stores of pledge in memory: for tests, simulation and the demo.
//!
//! [`MemoryStore`] implements every store over one state, [`MemoryPending`] holds pending blocks.
//! Every write happens under one lock and on a copy of what it changes, so a refused write leaves
//! nothing behind.
//!
//! ```
//! use std::sync::Arc;
//!
//! use pledge_core::event::Consumer;
//! use pledge_core::indexer::{Indexer, IndexerConfig, Poll};
//! use pledge_core::ledger::{TokenMetadata, TokenSpec};
//! use pledge_core::notify::{Dispatcher, LogNotifier};
//! use pledge_core::points::{Programme, Settler, SettlerConfig};
//! use pledge_core::ports::{BalanceStore, PointsStore};
//! use pledge_core::primitives::Address;
//! use pledge_core::query::Queries;
//! use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
//! use pledge_core::stop::Stop;
//! use pledge_core::types::{
//!     Account, BlockNumber, ChainId, Decimals, ProgrammeId, Timestamp, TokenId,
//! };
//! use pledge_storage_memory::{MemoryPending, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A chain on which somebody receives 200 tokens at 15:00, and an hour passes.
//! let three_pm = 1_767_279_600;
//! let id = TokenId { chain: ChainId::new(31337), address: Address::repeat_byte(0x70) };
//! let holder = Address::repeat_byte(0xa1);
//! let chain = ScriptedChain::new(id.chain, Timestamp::new(three_pm)?);
//! let amount = "200000000000000000000".parse()?;
//! let mint = ScriptedTransfer { token: id.address, from: Address::ZERO, to: holder, amount };
//! chain.mine(Timestamp::new(three_pm)?, &[mint]);
//! for _ in 0..7 {
//!     chain.mine(Timestamp::new(three_pm + 3600)?, &[]);
//! }
//!
//! let store = Arc::new(MemoryStore::new());
//! store.register_chain(id.chain, "example").await?;
//! let metadata = TokenMetadata { symbol: "PLG".to_owned(), decimals: Decimals::new(18)? };
//! store.register_token(&TokenSpec { id, metadata, start_block: BlockNumber::new(0) }).await?;
//! store.put_programme(&Programme::main(id, "0.05".parse()?)).await?;
//!
//! let pending = Arc::new(MemoryPending::default());
//! let config = IndexerConfig::default();
//! let source = Arc::new(chain);
//! let mut indexer = Indexer::new(id.chain, source, store.clone(), pending.clone(), config);
//! loop {
//!     match indexer.poll().await {
//!         Poll::Advanced(_) | Poll::Rewound(_) => {}
//!         Poll::Idle => break,
//!         Poll::Retry(error) => return Err(error.into()),
//!         Poll::Stopped(status) => return Err(status.to_string().into()),
//!     }
//! }
//! let settler = Settler::new(store.clone(), store.clone(), SettlerConfig::default());
//! settler.run(id, &Stop::never(), |_| {}).await?;
//!
//! let notifier = Arc::new(LogNotifier);
//! let log = Dispatcher::new(store.clone(), notifier, Consumer::new("log")?);
//! assert_eq!(log.drain(&Stop::never()).await?.delivered, 2); // blocks confirmed, an hour settled
//!
//! let queries = Queries::new(store.clone(), store, pending);
//! let holder = Account::try_from(holder)?;
//! let view = queries.account(id, holder, Some(&ProgrammeId::main(id)), None).await?;
//! let points = view.points.ok_or("the token has the programme")?;
//! assert_eq!(points.scale.points(points.raw), "10");
//! # Ok(())
//! # }
//! ```

mod events;
mod ledger;
mod pending;
mod points;
mod rewind;
mod state;

pub use pending::MemoryPending;
pub use state::MemoryStore;
