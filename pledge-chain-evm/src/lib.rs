//! [`ChainSource`](pledge_core::ports::ChainSource) over Ethereum JSON-RPC.
//!
//! [`EvmNodes`] reads a chain through several nodes, of which one answers and the others stand by
//! and vote. [`EvmChain`] reads one node over HTTP. It trusts nothing that it can check: the chain
//! id (when it connects, after every outage and every five minutes), the number of each header, the
//! parent links, the block hash of each log, and, as far as [`LogProof`] proves it, that no log is
//! missing. What it cannot get it reports as an error of the right kind, never as an empty answer.
//! [`HeadHints`] wakes its caller when the node announces a new block over a WebSocket.
//!
//! ```no_run
//! use pledge_chain_evm::{EvmChain, EvmConfig};
//! use pledge_core::ports::ChainSource;
//! use pledge_core::types::ChainId;
//!
//! # async fn head() -> Result<(), Box<dyn std::error::Error>> {
//! let config = EvmConfig::new(ChainId::new(31337), "http://127.0.0.1:8545".parse()?);
//! let chain = EvmChain::connect(config).await?;
//! println!("head: {}", chain.head().await?);
//! # Ok(())
//! # }
//! ```

mod adaptive_size;
mod asker;
mod backoff;
mod chain;
mod classify;
mod config;
mod contract_state;
mod deployment;
mod discovery;
mod failure;
mod headers;
mod heads;
mod http;
mod limit_text;
mod nodes;
mod questions;
mod range;
mod receipts;
mod redact;
mod response;
mod rpc;
mod state_sync;
mod traffic;
mod wire;

pub use chain::EvmChain;
pub use config::{EvmConfig, LogProof};
pub use discovery::{StartFound, StartQuery, TokenDiscovery, TokenQuery};
pub use failure::WrongChain;
pub use heads::{HeadHints, HeadsConfig};
pub use nodes::{EvmNodes, NodeReport, NodeState, NodesConfig, StandbyNodes};
pub use traffic::{Durations, NodeTraffic};
pub use url;
