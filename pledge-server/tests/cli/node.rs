//! A JSON-RPC node over a scripted chain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use pledge_core::ledger::TokenMetadata;
use pledge_core::ports::{ChainSource, ChainSourceExt, HeaderDetail, LogsRequest};
use pledge_core::primitives::{Address, B256, U256, hex};
use pledge_core::simulation::{ScriptedChain, ScriptedLog, ScriptedTransfer};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Decimals, Log, LogFilter, Timestamp,
    Topics,
};
use serde_json::{Value, json};

// 2026-01-01T15:00:00Z in unix seconds.
pub(crate) const THREE_PM: u64 = 1_767_279_600;
pub(crate) const CHAIN: u64 = 31_337;

/// A node with one token, on a port and a runtime of its own for as long as it lives.
pub(crate) struct Node {
    pub(crate) chain: ScriptedChain,
    pub(crate) address: SocketAddr,
    withheld: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Script {
    chain: ScriptedChain,
    decimals: u64,
    supply_offset: u64,
    balance_offset: u64,
    /// The block whose header is not given.
    withheld: Arc<AtomicU64>,
}

/// What is wrong with the node's token.
#[derive(Clone, Copy)]
pub(crate) struct Oddities {
    pub(crate) decimals: u64,
    /// How much more `totalSupply` returns than was minted.
    pub(crate) supply_offset: u64,
    /// How much more `balanceOf` returns than was received.
    pub(crate) balance_offset: u64,
}

/// The decimals of a contract that does not implement `decimals()`.
pub(crate) const NO_DECIMALS: u64 = u64::MAX;

pub(crate) const NORMAL: Oddities = Oddities { decimals: 18, supply_offset: 0, balance_offset: 0 };

/// The token's contract.
pub(crate) fn token() -> Address {
    Address::repeat_byte(0x70)
}

/// The contract of a token without transfers.
pub(crate) fn unused_token() -> Address {
    Address::repeat_byte(0x7e)
}

/// A contract that is no token.
pub(crate) fn pool() -> Address {
    Address::repeat_byte(0x90)
}

/// The account with this number.
pub(crate) fn account(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A number of whole tokens with 18 decimals, in base units.
pub(crate) fn tokens(whole: u64) -> Amount {
    Amount::new(U256::from(whole) * U256::from(10).pow(U256::from(18)))
}

impl Node {
    /// A node of chain 31337 with genesis at 15:00.
    pub(crate) fn start(oddities: Oddities) -> Self {
        Self::start_as(CHAIN, oddities)
    }

    /// The same of another chain.
    pub(crate) fn start_as(chain: u64, oddities: Oddities) -> Self {
        let genesis = Timestamp::new(THREE_PM).unwrap();
        let metadata =
            TokenMetadata { symbol: "PLG".to_owned(), decimals: Decimals::new(18).unwrap() };
        let chain = ScriptedChain::new(ChainId::new(chain), genesis).with_token(token(), metadata);
        Self::serve(chain, oddities, "127.0.0.1:0")
    }

    /// The hour of the worked case: 100 tokens at 15:10, 200 at 15:30, confirmed past 16:00.
    pub(crate) fn with_the_first_hour(oddities: Oddities) -> Self {
        let node = Self::start(oddities);
        for minute in [10, 30] {
            node.mine(THREE_PM + minute * 60, Address::ZERO, account(1), tokens(100));
        }
        node.mine_empty(THREE_PM + 3_600, 8);
        node
    }

    pub(crate) fn serve(chain: ScriptedChain, oddities: Oddities, listen: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(listen)).unwrap();
        let address = listener.local_addr().unwrap();
        let withheld = Arc::new(AtomicU64::new(u64::MAX));
        let script = Script {
            chain: chain.clone(),
            decimals: oddities.decimals,
            supply_offset: oddities.supply_offset,
            balance_offset: oddities.balance_offset,
            withheld: withheld.clone(),
        };
        let router = Router::new().route("/", post(answer)).with_state(script);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { chain, address, withheld, _runtime: runtime }
    }

    /// Gives no header of a block from now on.
    pub(crate) fn withhold(&self, block: u64) {
        self.withheld.store(block, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn mine(&self, time: u64, from: Address, to: Address, amount: Amount) {
        let transfer = ScriptedTransfer { token: token(), from, to, amount };
        self.chain.mine(Timestamp::new(time).unwrap(), &[transfer]);
    }

    /// A block with one log of the pool.
    pub(crate) fn mine_log(&self, time: u64, topics: &[B256], data: &[u8]) {
        let (address, data) = (pool(), data.to_vec().into());
        let log = ScriptedLog { address, topics: Topics::new(topics).unwrap(), data };
        self.chain.mine_logs(Timestamp::new(time).unwrap(), &[log]);
    }

    /// Empty blocks, 12 seconds apart.
    pub(crate) fn mine_empty(&self, from: u64, blocks: u64) {
        for block in 0..blocks {
            self.chain.mine(Timestamp::new(from + block * 12).unwrap(), &[]);
        }
    }
}

async fn answer(State(script): State<Script>, Json(body): Json<Value>) -> Json<Value> {
    let Value::Array(calls) = body else {
        return Json(script.reply(&body).await);
    };
    let mut replies = Vec::new();
    for call in &calls {
        replies.push(script.reply(call).await);
    }
    Json(Value::Array(replies))
}

impl Script {
    async fn reply(&self, call: &Value) -> Value {
        let params = &call["params"];
        let result = match call["method"].as_str().unwrap() {
            "eth_chainId" => json!(quantity(self.chain.chain_id().await.unwrap().get())),
            "eth_getBlockByNumber" => self.header(&params[0]),
            "eth_getLogs" => self.logs(&params[0]).await,
            "eth_getCode"
                if [token(), unused_token(), pool()].map(|one| json!(one)).contains(&params[0]) =>
            {
                json!("0x60")
            }
            "eth_getCode" => json!("0x"),
            "web3_clientVersion" => json!("scripted/v1"),
            "eth_call" => json!(self.call(&params[0], &params[1]).await),
            other => panic!("unexpected method {other}"),
        };
        json!({ "jsonrpc": "2.0", "id": call["id"], "result": result })
    }

    fn header(&self, block: &Value) -> Value {
        let header = match block.as_str().unwrap() {
            "latest" => Some(self.chain.head()),
            "finalized" => None,
            text if number(text) == self.withheld.load(Ordering::SeqCst) => None,
            text => self.chain.block(number(text)),
        };
        let wire = |header: BlockRef| {
            json!({
                "number": quantity(header.number.get()),
                "hash": header.hash,
                "parentHash": header.parent_hash,
                "timestamp": quantity(header.time.get()),
            })
        };
        header.map_or(Value::Null, wire)
    }

    async fn logs(&self, filter: &Value) -> Value {
        let bound = |key: &str| BlockNumber::new(number(filter[key].as_str().unwrap()));
        let addresses: Vec<Address> = serde_json::from_value(filter["address"].clone()).unwrap();
        let topic0s: Option<Vec<B256>> = match &filter["topics"][0] {
            Value::Null => None,
            one @ Value::String(_) => Some(vec![serde_json::from_value(one.clone()).unwrap()]),
            list => Some(serde_json::from_value(list.clone()).unwrap()),
        };
        let filters = [LogFilter { addresses: &addresses, topic0s: topic0s.as_deref() }];
        let (from, to, detail) = (bound("fromBlock"), bound("toBlock"), HeaderDetail::Sparse);
        let to = to.min(self.chain.head().number);
        let request = LogsRequest { from, to, filters: &filters, detail };
        let answer = self.chain.logs(request).await;
        answer.map_or_else(|_| json!([]), |answer| answer.logs.iter().map(wire_log).collect())
    }

    async fn call(&self, call: &Value, block: &Value) -> String {
        let data = hex::decode(call["input"].as_str().unwrap()).unwrap();
        let word = match hex::encode(&data[..4]).as_str() {
            "313ce567" if self.decimals == NO_DECIMALS => return "0x".to_owned(),
            "313ce567" => U256::from(self.decimals),
            "95d89b41" => return "0x".to_owned(),
            "18160ddd" => {
                let at = self.block_of(block);
                let supply = self.chain.total_supply(token(), at).await.unwrap();
                supply.get() + U256::from(self.supply_offset)
            }
            "70a08231" => {
                let account = Account::new(Address::from_slice(&data[16..36])).unwrap();
                let at = self.block_of(block);
                let balances = self.chain.balances(token(), &[account], at).await.unwrap();
                balances[0].get() + U256::from(self.balance_offset)
            }
            other => panic!("unexpected function {other}"),
        };
        hex::encode_prefixed(word.to_be_bytes::<32>())
    }

    fn block_of(&self, block: &Value) -> BlockId {
        let hash: B256 = block["blockHash"].as_str().unwrap().parse().unwrap();
        let mut heights = 0..=self.chain.head().number.get();
        let found = heights.find(|height| self.chain.block(*height).unwrap().hash == hash);
        BlockId { number: BlockNumber::new(found.unwrap()), hash }
    }
}

fn wire_log(log: &Log) -> Value {
    json!({
        "address": log.address,
        "topics": log.topics.as_slice(),
        "data": log.data,
        "blockNumber": quantity(log.block.get()),
        "blockHash": log.block_hash,
        "transactionHash": log.tx_hash,
        "logIndex": quantity(log.log_index.get()),
    })
}

fn quantity(value: u64) -> String {
    format!("{value:#x}")
}

fn number(quantity: &str) -> u64 {
    u64::from_str_radix(quantity.strip_prefix("0x").unwrap(), 16).unwrap()
}
