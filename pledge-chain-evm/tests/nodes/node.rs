//! A JSON-RPC node over a scripted chain, with what can be wrong with a node.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use alloy::primitives::{Address, B256, U256, keccak256};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use pledge_chain_evm::EvmConfig;
use pledge_core::ledger::{TokenMetadata, Transfer};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Amount, BlockRef, ChainId, Decimals, Timestamp};
use serde_json::{Value, json};

pub(crate) const CHAIN: ChainId = ChainId::new(31_337);
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
pub(crate) const HOLDER: Address = Address::repeat_byte(0xa1);

/// How a node takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Answers,
    /// Every request fails with this status.
    Fails(u16),
    /// It is busy, and asks to be left alone for so many seconds.
    IsBusyFor(u64),
    /// It takes a request and says nothing.
    Hangs,
    /// It answers so many requests, then fails.
    DiesAfter(usize),
}

/// What a node shows, and how.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) chain: ScriptedChain,
    /// It has not seen so many of the newest blocks.
    pub(crate) behind: u64,
    pub(crate) chain_id: u64,
    /// Another block 0 than the chain's.
    pub(crate) genesis: Option<B256>,
    pub(crate) mode: Mode,
    /// The methods of every request, in the order of arrival.
    pub(crate) requests: Vec<Vec<String>>,
}

/// A node on a free port for as long as the test runs.
pub(crate) struct Node {
    view: Arc<Mutex<View>>,
    port: u16,
}

/// A chain with a height and a token; every tenth block mints one unit.
pub(crate) fn chain(height: u64) -> ScriptedChain {
    let metadata = TokenMetadata { symbol: "PLG".to_owned(), decimals: Decimals::new(18).unwrap() };
    let chain = ScriptedChain::new(CHAIN, Timestamp::new(1_000).unwrap());
    let chain = chain.with_token(TOKEN, metadata);
    mine(&chain, height);
    chain
}

/// So many blocks more.
pub(crate) fn mine(chain: &ScriptedChain, blocks: u64) {
    for _ in 0..blocks {
        let head = chain.head();
        let transfer = ScriptedTransfer {
            token: TOKEN,
            from: Address::ZERO,
            to: HOLDER,
            amount: Amount::from(1),
        };
        let is_tenth = head.number.next().get().is_multiple_of(10);
        let transfers = is_tenth.then_some(transfer);
        let time = Timestamp::new(head.time.get() + 1).unwrap();
        chain.mine(time, transfers.as_slice());
    }
}

/// Another chain with the same blocks up to a height and so many of its own above.
pub(crate) fn fork(chain: &ScriptedChain, at: u64, blocks: u64) -> ScriptedChain {
    let fork = ScriptedChain::new(CHAIN, Timestamp::new(1_000).unwrap());
    fork.return_to(&chain.branch());
    fork.fork_at(at);
    mine(&fork, blocks);
    fork
}

impl Node {
    pub(crate) async fn start(chain: &ScriptedChain) -> Self {
        let view = Arc::new(Mutex::new(View {
            chain: chain.clone(),
            behind: 0,
            chain_id: CHAIN.get(),
            genesis: None,
            mode: Mode::Answers,
            requests: Vec::new(),
        }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/", post(serve)).with_state(view.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { view, port }
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.view().mode = mode;
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How often it was asked since this was called last.
    pub(crate) fn requests(&self) -> usize {
        std::mem::take(&mut self.view().requests).len()
    }

    pub(crate) fn config(&self) -> EvmConfig {
        EvmConfig {
            request_timeout: Duration::from_millis(500),
            retry_delay_min: Duration::from_millis(1),
            retry_delay_max: Duration::from_millis(5),
            ..EvmConfig::new(CHAIN, format!("http://{}", self.endpoint()).parse().unwrap())
        }
    }
}

async fn serve(State(view): State<Arc<Mutex<View>>>, Json(body): Json<Value>) -> Response {
    let mode = view.lock().unwrap().take_request(&body);
    match mode {
        Mode::Answers | Mode::DiesAfter(_) => {}
        Mode::Fails(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Mode::IsBusyFor(seconds) => {
            let rest = [(header::RETRY_AFTER, seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, rest).into_response();
        }
        Mode::Hangs => std::future::pending().await,
    }
    let view = view.lock().unwrap();
    let reply = |call: &Value| {
        let result = view.answer(call["method"].as_str().unwrap(), &call["params"]);
        json!({ "jsonrpc": "2.0", "id": call["id"], "result": result })
    };
    match &body {
        Value::Array(calls) => Json(calls.iter().map(reply).collect()),
        call => Json(reply(call)),
    }
    .into_response()
}

impl View {
    fn take_request(&mut self, body: &Value) -> Mode {
        let calls = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
        let methods = calls.iter().map(|call| call["method"].as_str().unwrap().to_owned());
        self.requests.push(methods.collect());
        let mode = self.mode;
        match mode {
            Mode::DiesAfter(0) => return Mode::Fails(503),
            Mode::DiesAfter(left) => self.mode = Mode::DiesAfter(left - 1),
            _ => {}
        }
        mode
    }

    fn answer(&self, method: &str, params: &Value) -> Value {
        match method {
            "eth_chainId" => json!(quantity(self.chain_id)),
            "eth_getBlockByNumber" => self.header(&params[0]),
            "eth_getLogs" => self.logs(&params[0]),
            "eth_call" => json!(B256::from(U256::from(18))),
            "eth_getCode" => json!("0x60"),
            other => panic!("unexpected method {other}"),
        }
    }

    fn head(&self) -> u64 {
        self.chain.head().number.get().saturating_sub(self.behind)
    }

    fn header(&self, block: &Value) -> Value {
        let number = match block.as_str().unwrap() {
            "latest" => self.head(),
            "finalized" => self.head().saturating_sub(20),
            text => number(text),
        };
        let block = (number <= self.head()).then(|| self.chain.block(number)).flatten();
        let wire = |header: BlockRef| {
            let genesis = self.genesis.filter(|_| number == 0);
            json!({
                "number": quantity(number),
                "hash": genesis.unwrap_or(header.hash),
                "parentHash": header.parent_hash,
                "timestamp": quantity(header.time.get()),
            })
        };
        block.map_or(Value::Null, wire)
    }

    fn logs(&self, filter: &Value) -> Value {
        let bound = |key: &str| number(filter[key].as_str().unwrap());
        let blocks = bound("fromBlock")..=bound("toBlock").min(self.head());
        let transfers = self.chain.transfers().into_iter();
        let wanted = transfers.filter(|(header, _)| blocks.contains(&header.number.get()));
        wanted.map(|(header, transfer)| log(&header, &transfer)).collect()
    }
}

fn log(header: &BlockRef, transfer: &Transfer) -> Value {
    let topic = keccak256("Transfer(address,address,uint256)");
    json!({
        "address": transfer.token,
        "topics": [topic, transfer.from.into_word(), transfer.to.into_word()],
        "data": B256::from(transfer.amount.to_be_bytes()),
        "blockNumber": quantity(header.number.get()),
        "blockHash": header.hash,
        "transactionHash": transfer.tx_hash,
        "logIndex": quantity(transfer.log_index.get()),
    })
}

fn quantity(value: u64) -> String {
    format!("{value:#x}")
}

fn number(quantity: &str) -> u64 {
    u64::from_str_radix(quantity.strip_prefix("0x").unwrap(), 16).unwrap()
}
