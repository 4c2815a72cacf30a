//! A node with scripted answers: a chain of empty blocks with some logs, and faults to switch on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bloom, U256, hex, keccak256};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, BlockNumber, ChainId};
use serde_json::{Value, json};

pub(crate) const CHAIN: ChainId = ChainId::new(31_337);
pub(crate) const API_KEY: &str = "0123456789abcdef";

/// An answer or an error: code and text.
pub(crate) type Reply = Result<Value, (i64, String)>;

/// What the node is, and what is wrong with it.
pub(crate) struct Script {
    pub(crate) chain_id: u64,
    pub(crate) head: u64,
    /// Blocks above it are of another branch.
    pub(crate) fork_after: u64,
    /// The fork happens when logs are asked for.
    pub(crate) forks_at_logs: bool,
    pub(crate) logs: Vec<Value>,
    /// Headers carry the bloom of their logs.
    pub(crate) has_blooms: bool,
    /// Blocks whose bloom holds a transfer of this token, which they do not have.
    pub(crate) false_positives: BTreeMap<u64, Address>,
    /// Blocks and indices of logs that are left out of the logs of a range.
    pub(crate) omitted: BTreeSet<(u64, u64)>,
    /// Blocks whose logs by hash are an empty list.
    pub(crate) empty_by_hash: BTreeSet<u64>,
    /// Blocks that are not found by their hash.
    pub(crate) lost: BTreeSet<u64>,
    /// Logs of any range, which no bloom has.
    pub(crate) invented: Vec<Value>,
    /// Logs of a range end here, without a word.
    pub(crate) logs_max: usize,
    /// Answers null for these.
    pub(crate) missing: BTreeSet<u64>,
    /// Names another parent for these.
    pub(crate) unlinked: BTreeSet<u64>,
    /// HTTP statuses to answer before anything else.
    pub(crate) statuses: VecDeque<u16>,
    /// What to answer under status 200 to anything but the chain id.
    pub(crate) body: Option<Value>,
    /// Errors to answer to `eth_getLogs` before anything else.
    pub(crate) log_errors: VecDeque<(i64, String)>,
    /// Refuses logs of more blocks.
    pub(crate) log_blocks_max: u64,
    /// The node's refusal then, given the first and the last block.
    pub(crate) log_refusal: fn(u64, u64) -> String,
    /// Hangs on logs of more blocks.
    pub(crate) log_blocks_slow: u64,
    /// A gateway gives up on logs of more blocks.
    pub(crate) log_blocks_gateway: u64,
    /// How it gives up: an HTTP status, or `None` for a connection that breaks off.
    pub(crate) gateway_status: Option<u16>,
    /// Refuses longer batches with one error object.
    pub(crate) batch_max: usize,
    /// A gateway gives up on longer batches.
    pub(crate) batch_gateway: usize,
    /// Put into every answer to a batch.
    pub(crate) batch_extra: Option<Value>,
    pub(crate) takes_block_hashes: bool,
    /// Answer to the `finalized` tag.
    pub(crate) finalized: Reply,
    pub(crate) code_since: u64,
    pub(crate) history_since: u64,
    pub(crate) decimals: Reply,
    pub(crate) symbol: Reply,
    pub(crate) balance: Reply,
    /// Every request: the methods in it.
    pub(crate) requests: Vec<Vec<String>>,
    /// The number of blocks of every `eth_getLogs`.
    pub(crate) log_ranges: Vec<u64>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            chain_id: CHAIN.get(),
            head: 1_000,
            fork_after: u64::MAX,
            forks_at_logs: false,
            logs: Vec::new(),
            has_blooms: false,
            false_positives: BTreeMap::new(),
            omitted: BTreeSet::new(),
            empty_by_hash: BTreeSet::new(),
            lost: BTreeSet::new(),
            invented: Vec::new(),
            logs_max: usize::MAX,
            missing: BTreeSet::new(),
            unlinked: BTreeSet::new(),
            statuses: VecDeque::new(),
            body: None,
            log_errors: VecDeque::new(),
            log_blocks_max: u64::MAX,
            log_refusal: |_, _| "query returned more than 10000 results".to_owned(),
            log_blocks_slow: u64::MAX,
            log_blocks_gateway: u64::MAX,
            gateway_status: Some(502),
            batch_max: usize::MAX,
            batch_gateway: usize::MAX,
            batch_extra: None,
            takes_block_hashes: true,
            finalized: Ok(Value::Null),
            code_since: 0,
            history_since: 0,
            decimals: Ok(word(18)),
            symbol: Ok(json!("0x")),
            balance: Ok(word(7)),
            requests: Vec::new(),
            log_ranges: Vec::new(),
        }
    }
}

/// A word of an ABI answer.
pub(crate) fn word(value: u64) -> Value {
    json!(B256::from(U256::from(value)))
}

impl Script {
    pub(crate) fn hash(&self, number: u64) -> B256 {
        keccak256(
            [number.to_be_bytes(), u64::from(number > self.fork_after).to_be_bytes()].concat(),
        )
    }

    pub(crate) fn block(&self, number: u64) -> BlockId {
        BlockId { number: BlockNumber::new(number), hash: self.hash(number) }
    }

    fn header(&self, number: u64) -> Value {
        if number > self.head || self.missing.contains(&number) {
            return Value::Null;
        }
        let parent = if self.unlinked.contains(&number) {
            B256::ZERO
        } else {
            self.hash(number.wrapping_sub(1))
        };
        json!({
            "number": quantity(number),
            "hash": self.hash(number),
            "parentHash": parent,
            "timestamp": quantity(1_000 + number),
            "l1BlockNumber": "0x1",
            "logsBloom": self.has_blooms.then(|| self.bloom(number)),
        })
    }

    fn block_in_full(&self, number: u64) -> Value {
        let mut block = self.header(number);
        let sender = Address::repeat_byte(0xf0);
        block["transactions"] =
            json!([{ "from": sender, "to": sender, "nonce": quantity(number) }]);
        block
    }

    fn logs_within(&self, blocks: RangeInclusive<u64>) -> impl Iterator<Item = &Value> {
        self.logs.iter().filter(move |log| blocks.contains(&number(&log["blockNumber"])))
    }

    fn bloom(&self, block: u64) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for log in self.logs_within(block..=block) {
            let address = serde_json::from_value(log["address"].clone()).unwrap();
            let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).unwrap();
            bloom.accrue_raw_log(address, &topics);
        }
        if let Some(token) = self.false_positives.get(&block) {
            bloom.accrue_raw_log(*token, &[keccak256("Transfer(address,address,uint256)")]);
        }
        bloom
    }

    fn number_of(&self, hash: &Value) -> Option<u64> {
        (0..=self.head).find(|number| json!(self.hash(*number)) == *hash)
    }

    fn logs_by_hash(&self, hash: &Value) -> Vec<Value> {
        match self.number_of(hash) {
            Some(block) if !self.empty_by_hash.contains(&block) => {
                self.logs_within(block..=block).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    fn logs(&mut self, filter: &Value) -> Reply {
        if let Some(error) = self.log_errors.pop_front() {
            return Err(error);
        }
        if let Some(hash) = filter.get("blockHash") {
            return Ok(json!(self.logs_by_hash(hash)));
        }
        let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
        let blocks = to - from + 1;
        self.log_ranges.push(blocks);
        if blocks > self.log_blocks_max {
            return Err((-32_005, (self.log_refusal)(from, to)));
        }
        if self.forks_at_logs {
            self.fork_after = 0;
        }
        let place = |log: &Value| (number(&log["blockNumber"]), number(&log["logIndex"]));
        let given = self.logs_within(from..=to).filter(|log| !self.omitted.contains(&place(log)));
        let given = given.chain(&self.invented);
        Ok(given.take(self.logs_max).cloned().collect())
    }

    fn call(&self, call: &Value, block: &Value) -> Reply {
        if block.is_object() && !self.takes_block_hashes {
            return Err((-32_602, "invalid argument 1: json: cannot unmarshal object".into()));
        }
        match call["data"].as_str().and_then(|data| data.get(..10)) {
            Some("0x313ce567") => self.decimals.clone(),
            Some("0x95d89b41") => self.symbol.clone(),
            _ => self.balance.clone(),
        }
    }

    fn answer(&mut self, method: &str, params: &Value) -> Reply {
        match method {
            "eth_chainId" => Ok(json!(quantity(self.chain_id))),
            "eth_getBlockByNumber" => match params[0].as_str() {
                Some("latest") => Ok(self.header(self.head)),
                Some("finalized") => self.finalized.clone(),
                _ if params[1] == true => Ok(self.block_in_full(number(&params[0]))),
                _ => Ok(self.header(number(&params[0]))),
            },
            // Every account has sent one transaction in every block.
            "eth_getTransactionCount" => Ok(json!(quantity(number(&params[1]) + 1))),
            "eth_getBalance" => Ok(json!("0x0")),
            "eth_getBlockByHash" => {
                let number = self.number_of(&params[0]);
                let number = number.filter(|number| !self.lost.contains(number));
                Ok(number.map_or(Value::Null, |number| self.header(number)))
            }
            "eth_getLogs" => self.logs(&params[0]),
            "eth_call" => self.call(&params[0], &params[1]),
            "eth_getCode" => match params[1].as_str() {
                Some(block) if block.starts_with("0x") => self.code(number(&params[1])),
                _ => self.code(self.head),
            },
            _ => Err((-32_601, "method not found".into())),
        }
    }

    fn code(&self, block: u64) -> Reply {
        if block < self.history_since {
            return Err((-32_000, "missing trie node".into()));
        }
        Ok(json!(if block >= self.code_since { "0x60" } else { "0x" }))
    }
}

pub(crate) fn quantity(value: u64) -> String {
    format!("{value:#x}")
}

fn number(quantity: &Value) -> u64 {
    let digits = quantity.as_str().unwrap().strip_prefix("0x").unwrap();
    u64::from_str_radix(digits, 16).unwrap()
}

/// The node, listening on a free port for as long as the test runs.
pub(crate) struct FakeNode {
    script: Arc<Mutex<Script>>,
    port: u16,
}

impl FakeNode {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/{*key}", post(serve)).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, port }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// A config whose url holds an API key, with waits that suit a test.
    pub(crate) fn config(&self) -> EvmConfig {
        config(self.port)
    }

    pub(crate) async fn connect(&self) -> EvmChain {
        EvmChain::connect(self.config()).await.unwrap()
    }

    /// A transfer log of one unit in a block, as the node would send it.
    pub(crate) fn log(&self, token: Address, block: u64, index: u64) -> Value {
        json!({
            "address": token,
            "topics": [
                keccak256("Transfer(address,address,uint256)"),
                Address::repeat_byte(1).into_word(),
                Address::repeat_byte(2).into_word(),
            ],
            "data": word(1),
            "blockNumber": quantity(block),
            "blockHash": self.script().hash(block),
            "transactionHash": B256::repeat_byte(9),
            "logIndex": quantity(index),
        })
    }
}

pub(crate) fn config(port: u16) -> EvmConfig {
    let url = format!("http://user:{API_KEY}@127.0.0.1:{port}/v2/{API_KEY}?key={API_KEY}");
    EvmConfig {
        request_timeout: Duration::from_secs(1),
        retries_max: 3,
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(5),
        ..EvmConfig::new(CHAIN, url.parse().unwrap())
    }
}

/// An error and its causes, in every form in which they may be printed.
pub(crate) fn all_texts(error: &ChainError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

async fn serve(State(script): State<Arc<Mutex<Script>>>, Json(body): Json<Value>) -> Response {
    let blocks = log_blocks(&body);
    if blocks > script.lock().unwrap().log_blocks_slow {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let mut script = script.lock().unwrap();
    if let Some(status) = script.statuses.pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, format!("no service for {API_KEY}")).into_response();
    }
    if blocks > script.log_blocks_gateway {
        return gives_up(script.gateway_status);
    }
    if let Some(answer) = script.body.clone().filter(|_| body["method"] != "eth_chainId") {
        return Json(answer).into_response();
    }
    let calls = match &body {
        Value::Array(calls) => calls.clone(),
        call => vec![call.clone()],
    };
    let methods = calls.iter().map(|call| call["method"].as_str().unwrap().to_owned());
    script.requests.push(methods.collect());
    if calls.len() > script.batch_gateway {
        return gives_up(script.gateway_status);
    }
    if calls.len() > script.batch_max {
        let error = json!({ "code": -32_600, "message": "too many calls in the batch" });
        return Json(json!({ "jsonrpc": "2.0", "id": null, "error": error })).into_response();
    }
    let mut answers: Vec<Value> = calls.iter().map(|call| reply(&mut script, call)).collect();
    if body.is_array() {
        // The order of a batch's answers is the node's own.
        answers.reverse();
        answers.extend(script.batch_extra.clone());
        Json(Value::Array(answers)).into_response()
    } else {
        Json(answers.remove(0)).into_response()
    }
}

fn reply(script: &mut Script, call: &Value) -> Value {
    let id = &call["id"];
    match script.answer(call["method"].as_str().unwrap(), &call["params"]) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err((code, message)) => {
            let error = json!({ "code": code, "message": message });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// The most blocks in an `eth_getLogs` of a request.
fn log_blocks(body: &Value) -> u64 {
    let calls = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
    let ranges = calls.iter().filter(|call| call["method"] == "eth_getLogs").map(|call| {
        let filter = &call["params"][0];
        let is_range = filter.get("blockHash").is_none();
        if is_range { number(&filter["toBlock"]) - number(&filter["fromBlock"]) + 1 } else { 1 }
    });
    ranges.max().unwrap_or(0)
}

fn gives_up(status: Option<u16>) -> Response {
    match status {
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => {
            let broken = std::io::Error::other("connection lost");
            let chunks = [Ok("[{"), Err(broken)];
            Body::from_stream(futures::stream::iter(chunks)).into_response()
        }
    }
}

/// Bytes as JSON has them.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    json!(hex::encode_prefixed(bytes))
}
