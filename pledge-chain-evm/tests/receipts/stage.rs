//! A chain of two tokens, a node of it and a source that wants proofs.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::transports::http::reqwest;
use pledge_chain_evm::{EvmChain, EvmConfig, LogProof};
use pledge_core::error::ChainError;
use pledge_core::ledger::erc20::{decode, transfers_of};
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockNumber, ChainId};
use pledge_testing::hostile_node::transfer;
use pledge_testing::{HostileChain, HostileNode};
use serde_json::{Value, json};

const CHAIN: ChainId = ChainId::new(31_337);
const TOKEN: Address = Address::repeat_byte(0x70);
const OTHER: Address = Address::repeat_byte(0x71);
pub(crate) const HEAD: u64 = 60;

pub(crate) struct Stage {
    pub(crate) chain: HostileChain,
    pub(crate) node: HostileNode,
    pub(crate) evm: EvmChain,
    client: reqwest::Client,
}

impl Stage {
    pub(crate) async fn new(log_proof: LogProof) -> Self {
        let chain = chain();
        let node = HostileNode::of(&chain).await;
        let config = EvmConfig {
            retries_max: 1,
            retry_delay_min: Duration::from_millis(1),
            log_proof,
            ..EvmConfig::new(CHAIN, node.url().parse().unwrap())
        };
        let evm = EvmChain::connect(config).await.unwrap();
        Self { chain, node, evm, client: reqwest::Client::new() }
    }

    pub(crate) async fn read(&self, from: u64, to: u64) -> Result<LogsAnswer, ChainError> {
        self.read_with(from, to, HeaderDetail::All).await
    }

    pub(crate) async fn read_with(
        &self,
        from: u64,
        to: u64,
        detail: HeaderDetail,
    ) -> Result<LogsAnswer, ChainError> {
        let (from, to) = (BlockNumber::new(from), BlockNumber::new(to));
        self.evm.logs(LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail }).await
    }

    /// What the chain has: block, log index and amount.
    pub(crate) fn truth(&self, from: u64, to: u64) -> Vec<(u64, u64, U256)> {
        let mut found = Vec::new();
        for height in from..=to {
            let block = self.chain.block(height);
            let logs = block.transactions.iter().flat_map(|transaction| &transaction.logs);
            for (index, log) in (0..).zip(logs).filter(|(_, log)| log.address == TOKEN) {
                found.push((height, index, U256::from_be_slice(&log.data.data)));
            }
        }
        found
    }

    /// The node's answer to one question.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let request = self.client.post(self.node.url()).body(call.to_string());
        let answer = request.send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answer["result"].clone()
    }

    pub(crate) async fn receipts(&self, height: u64) -> Value {
        self.ask("eth_getBlockReceipts", json!([self.chain.block(height).hash])).await
    }
}

pub(crate) fn found(answer: &LogsAnswer) -> Vec<(u64, u64, U256)> {
    let transfers = answer.logs.iter().map(|log| decode(log).unwrap().unwrap());
    transfers.map(|t| (t.block.get(), t.log_index.get(), t.amount.get())).collect()
}

/// Every third block has none of the token, every sixth is empty.
fn chain() -> HostileChain {
    let chain = HostileChain::new(CHAIN.get(), 0);
    for height in 1..=HEAD {
        let log = |index: u64| {
            let is_other = index % 4 == 3 || height % 3 == 0;
            let token = if is_other { OTHER } else { TOKEN };
            let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
            transfer(token, from, to, U256::from(100 * height + index))
        };
        let logs: Vec<_> = (0..2 * (height % 6)).map(log).collect();
        chain.mine(12 * height, &logs);
    }
    chain
}
