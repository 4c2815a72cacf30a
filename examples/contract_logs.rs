//! The events of any contract, kept exactly: here the states of a pool, and a reorg.
//!
//! ```text
//! cargo run -p pledge-examples --example contract_logs
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, bail};
use pledge_core::audit::Attribution;
use pledge_core::engine::{Engine, FollowedChain, FollowedContract};
use pledge_core::indexer::Finality;
use pledge_core::logs::{ConfirmedLog, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder, LogReads};
use pledge_core::primitives::{Address, B256, Bytes, U256, keccak256};
use pledge_core::simulation::{ScriptedChain, ScriptedLog};
use pledge_core::stop::Stop;
use pledge_core::types::{BlockNumber, ChainId, ContractId, Topics};
use pledge_examples::{clock, instant};
use pledge_storage_memory::{MemoryPending, MemoryStore};

const CHAIN: ChainId = ChainId::new(31_337);
const POOL: Address = Address::repeat_byte(0x90);
/// A pool's number, its state before and its state after, all three indexed.
const STATE_CHANGE: &str = "StateChange(uint256,uint256,uint256)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let chain = ScriptedChain::new(CHAIN, instant("00:00")?);
    let events = Events::only([keccak256(STATE_CHANGE)])?;
    let pool = FollowedContract::new("pool", POOL, BlockNumber::new(1)).keeping(events);
    let followed = FollowedChain::new("simulated", chain.clone()).contract(pool);
    let followed = followed.confirmed_by(Finality::Depth(1));
    let store = Arc::new(MemoryStore::new());
    let builder = Engine::builder(store.clone(), Arc::new(MemoryPending::default()));
    let by = Attribution::program("example", SystemTime::now())?;
    let mut engine = builder.follow(followed).build(&by).await?;
    mine(&chain, "15:00", [7, 0, 1])?;
    mine(&chain, "15:20", [7, 1, 2])?;
    chain.mine(instant("16:00")?, &[]);
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    show(&store).await?;
    println!("\nThe chain forks above block 1: now the state changes at 15:30, to another one.");
    chain.fork_at(1);
    mine(&chain, "15:30", [7, 1, 4])?;
    chain.mine(instant("16:00")?, &[]);
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    show(&store).await
}

fn mine(chain: &ScriptedChain, time: &str, change: [u64; 3]) -> Result<()> {
    let [number, before, after] = change.map(|value| B256::from(U256::from(value)));
    let topics = Topics::new(&[keccak256(STATE_CHANGE), number, before, after])?;
    chain.mine_logs(instant(time)?, &[ScriptedLog { address: POOL, topics, data: Bytes::new() }]);
    Ok(())
}

async fn show(store: &MemoryStore) -> Result<()> {
    let (contract, order) = (ContractId::new(CHAIN, "pool")?, LogOrder::OldestFirst);
    let query = ContractLogsQuery { contract, order, after: None, limit: 100 };
    let logs = store.contract_logs(&query).await?;
    println!("The logs in epoch {}:", logs.epoch.get());
    for ConfirmedLog { log, time } in logs.value {
        let [_, number, before, after] = log.topics.as_slice() else {
            bail!("{log:?} has not the topics of a StateChange")
        };
        let [number, before, after] =
            [number, before, after].map(|word| U256::from_be_bytes(word.0));
        println!(
            "  block {} at {}: pool {number} goes from {before} to {after}",
            log.block,
            clock(time)
        );
    }
    Ok(())
}
