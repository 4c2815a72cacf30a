//! The shortest whole program: follows a token on a node into `SQLite`, and prints what a holder has
//! earned. Run it again, and it goes on from the file.
//!
//! ```text
//! RPC_URL=http://127.0.0.1:8545 TOKEN=0x… HOLDER=0x… cargo run -p pledge-examples --example follow_token
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::{Duration, SystemTime};
use std::{env::var, sync::Arc};

use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::engine::{Engine, FollowedChain, FollowedToken};
use pledge_core::types::{Account, BlockNumber, ChainId, ProgrammeId, TokenId};
use pledge_core::{audit::Attribution, stop::Stop};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let token = TokenId { chain: ChainId::new(31_337), address: var("TOKEN")?.parse()? };
    let holder: Account = var("HOLDER")?.parse::<pledge_core::primitives::Address>()?.try_into()?;
    let node = EvmChain::connect(EvmConfig::new(token.chain, var("RPC_URL")?.parse()?)).await?;
    let store = pledge_storage_sqlite::SqliteStore::open("sqlite:points.db").await?;
    let pending = Arc::new(pledge_storage_memory::MemoryPending::default());
    // 0.05 points per whole token per hour, from the block of the token's deployment or any before.
    let usdx = FollowedToken::new(token.address, BlockNumber::new(0)).earning("0.05".parse()?);
    let chain = FollowedChain::new("local", node).token(usdx);
    let by = Attribution::program("follow-token", SystemTime::now())?;
    let mut engine = Engine::builder(Arc::new(store), pending).follow(chain).build(&by).await?;
    let main = ProgrammeId::main(token);
    loop {
        // What failed is due again in the next call.
        let failed = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.err();
        let view = engine.queries().account(token, holder, Some(&main), None).await.ok();
        println!("{:?} {failed:?}", view.and_then(|v| v.points).map(|p| p.scale.points(p.raw)));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
