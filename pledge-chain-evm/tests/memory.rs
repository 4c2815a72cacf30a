//! Much in bounded memory: the figure is of this process, which also runs the node. The node
//! generates its answers while it sends them, and holds none of them.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::convert::Infallible;
use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use alloy::primitives::{Address, B256, Bloom, U256, keccak256};
use axum::body::Body;
use axum::routing::post;
use axum::{Json, Router};
use futures::stream;
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
use pledge_core::types::{BlockNumber, BlockSpan, ChainId};
use serde_json::{Value, json};

const CHAIN: ChainId = ChainId::new(31_337);
const TOKEN: Address = Address::repeat_byte(0x33);
const BLOCKS: u64 = 10_000;
const LOGS_OF_BLOCK: u64 = 100;
/// Blocks above [`BLOCKS`], with the hashes of [`TRANSACTIONS`] transactions each: 200 KB.
const FULL_BLOCKS: u64 = 2_000;
const TRANSACTIONS: usize = 3_000;
const MEMORY_MAX_MB: u64 = 256;

static TOPICS: LazyLock<[B256; 3]> = LazyLock::new(|| {
    let [from, to] = [1, 2].map(|byte| Address::repeat_byte(byte).into_word());
    [keccak256("Transfer(address,address,uint256)"), from, to]
});

static BLOOM: LazyLock<Bloom> = LazyLock::new(|| {
    let mut bloom = Bloom::ZERO;
    bloom.accrue_raw_log(TOKEN, &*TOPICS);
    bloom
});

static TRANSACTION_HASHES: LazyLock<String> =
    LazyLock::new(|| json!(vec![B256::repeat_byte(9); TRANSACTIONS]).to_string());

fn hash(number: u64) -> B256 {
    B256::from(U256::from(number + 1))
}

fn header(number: u64) -> String {
    let mut header = json!({
        "number": format!("{number:#x}"),
        "hash": hash(number),
        "parentHash": hash(number.wrapping_sub(1)),
        "timestamp": format!("{:#x}", 1_000 + number),
        "logsBloom": *BLOOM,
    })
    .to_string();
    if number > BLOCKS {
        header.pop();
        write!(header, ",\"transactions\":{}}}", *TRANSACTION_HASHES).unwrap();
    }
    header
}

fn number(quantity: &Value) -> u64 {
    u64::from_str_radix(quantity.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

/// The logs of a block in the words of geth, with a comma before each but the very first.
fn logs(block: u64, is_first: bool) -> String {
    let mut template = json!({
        "address": TOKEN,
        "topics": *TOPICS,
        "data": B256::from(U256::from(1)),
        "blockNumber": format!("{block:#x}"),
        "transactionHash": B256::repeat_byte(9),
        "transactionIndex": "0x7",
        "blockHash": hash(block),
        "removed": false,
    })
    .to_string();
    template.pop();
    let mut text = String::new();
    for index in 0..LOGS_OF_BLOCK {
        let comma = if is_first && index == 0 { "" } else { "," };
        write!(text, "{comma}{template},\"logIndex\":\"{index:#x}\"}}").unwrap();
    }
    text
}

/// The parts of an answer, each made when its turn comes.
fn parts(call: &Value) -> Box<dyn Iterator<Item = String> + Send> {
    let id = call["id"].as_u64().unwrap();
    let start = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":");
    let result: Box<dyn Iterator<Item = String> + Send> = match call["method"].as_str().unwrap() {
        "eth_chainId" => {
            Box::new(std::iter::once(json!(format!("{:#x}", CHAIN.get())).to_string()))
        }
        "eth_getBlockByNumber" => {
            let number = number(&call["params"][0]);
            Box::new(std::iter::once_with(move || header(number)))
        }
        "eth_getLogs" => {
            let filter = &call["params"][0];
            let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
            let logs = (from..=to).map(move |block| logs(block, block == from));
            Box::new(std::iter::once("[".into()).chain(logs).chain(["]".into()]))
        }
        method => panic!("{method} is not expected"),
    };
    Box::new(std::iter::once(start).chain(result).chain(["}".into()]))
}

async fn serve(Json(request): Json<Value>) -> Body {
    let parts: Box<dyn Iterator<Item = String> + Send> = match request {
        Value::Array(calls) => {
            let answers = calls.into_iter().enumerate().flat_map(|(at, call)| {
                let comma = if at == 0 { "" } else { "," };
                std::iter::once(comma.to_owned()).chain(parts(&call))
            });
            Box::new(std::iter::once("[".into()).chain(answers).chain(["]".into()]))
        }
        call => parts(&call),
    };
    Body::from_stream(stream::iter(parts.map(Ok::<_, Infallible>)))
}

/// The most memory that this process ever had, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1_024
}

async fn connect() -> EvmChain {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(serve));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = EvmConfig {
        batch_requests_max: NonZeroUsize::new(25).unwrap(),
        ..EvmConfig::new(CHAIN, url.parse().unwrap())
    };
    EvmChain::connect(config).await.unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_full_blocks_are_read_in_bounded_memory() {
    let chain = connect().await;
    let (from, to) = (BlockNumber::new(BLOCKS + 1), BlockNumber::new(BLOCKS + FULL_BLOCKS));
    let headers = chain.headers(BlockSpan::new(from, to)).await.unwrap();
    assert_eq!(headers.len() as u64, FULL_BLOCKS);
    let peak = peak_mb();
    let sent = FULL_BLOCKS * TRANSACTION_HASHES.len() as u64 / 1_000_000;
    println!("{FULL_BLOCKS} headers in {sent} MB, {peak} MB at most");
    assert!(peak <= MEMORY_MAX_MB, "{peak} MB are more than {MEMORY_MAX_MB}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_logs_in_one_range_are_read_in_bounded_memory() {
    let chain = connect().await;
    let (mut next, mut read, mut answers) = (1, 0, 0);
    while next <= BLOCKS {
        let (from, to) = (BlockNumber::new(next), BlockNumber::new(BLOCKS));
        let (filters, detail) = ([transfers_of(&[TOKEN])], HeaderDetail::Sparse);
        let request = LogsRequest { from, to, filters: &filters, detail };
        let answer = chain.logs(request).await.unwrap();
        let last = answer.last().unwrap().number.get();
        let count = answer.logs.len() as u64;
        assert_eq!(count, (last + 1 - next) * LOGS_OF_BLOCK, "from block {next} on");
        (next, read, answers) = (last + 1, read + count, answers + 1);
    }
    assert_eq!(read, BLOCKS * LOGS_OF_BLOCK);
    let peak = peak_mb();
    println!("{read} logs in {answers} answers, {peak} MB at most");
    assert!(peak <= MEMORY_MAX_MB, "{peak} MB are more than {MEMORY_MAX_MB}");
}
