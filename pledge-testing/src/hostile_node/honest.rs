//! The answers of an honest node.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256, hex};
use alloy::rpc::types;
use serde_json::{Value, json};

use super::block::{Block, SENDER};
use super::chain::{Token, View, transfer_topic};

/// A call as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `null` if there is none.
    pub id: Value,
    /// For instance `eth_getLogs`.
    pub method: String,
    /// Mostly a list.
    pub params: Value,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorAnswer {
    /// The HTTP status of the whole answer.
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) message: String,
}

pub(super) type Reply = Result<Value, ErrorAnswer>;

/// An error under HTTP status 200.
pub(super) fn error(code: i64, message: impl Into<String>) -> ErrorAnswer {
    ErrorAnswer { status: 200, code, message: message.into() }
}

impl Call {
    pub(super) fn of(json: &Value) -> Self {
        Self {
            id: json["id"].clone(),
            method: json["method"].as_str().unwrap_or_default().to_owned(),
            params: json["params"].clone(),
        }
    }

    /// The block parameter, if the method has one.
    fn block_param(&self) -> Option<&Value> {
        match self.method.as_str() {
            "eth_getBlockByNumber" | "eth_getBlockByHash" | "eth_getBlockReceipts" => {
                self.params.get(0)
            }
            "eth_call" | "eth_getCode" | "eth_getTransactionCount" | "eth_getBalance" => {
                self.params.get(1)
            }
            _ => None,
        }
    }

    /// The tag in the block parameter, `latest` for instance.
    pub(super) fn tag(&self) -> Option<&str> {
        let tag = self.block_param()?.as_str()?;
        (!tag.starts_with("0x")).then_some(tag)
    }

    /// The first and the last block that the call is about, if they are known.
    pub(super) fn blocks(&self, view: &View) -> Option<(u64, u64)> {
        if self.method == "eth_getLogs" {
            return range(view, self.params.get(0)?).ok();
        }
        let number = block(view, self.block_param()?)?.number();
        Some((number, number))
    }
}

/// The answer of a node with this view of the chain.
pub(super) fn answer(view: &View, call: &Call) -> Reply {
    let param = |at: usize| call.params.get(at).unwrap_or(&Value::Null);
    match call.method.as_str() {
        "eth_chainId" => Ok(quantity(view.id)),
        "eth_blockNumber" => Ok(quantity(view.head())),
        "web3_clientVersion" => Ok(json!("hostile/1.0")),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            Ok(block(view, param(0)).map_or(Value::Null, |block| match param(1) {
                Value::Bool(true) => block.to_json_in_full(
                    block.number().checked_sub(1).map_or(0, |n| view.sent_up_to(n)),
                ),
                _ => block.to_json(),
            }))
        }
        "eth_getLogs" => logs(view, param(0)),
        "eth_getBlockReceipts" => {
            Ok(block(view, param(0)).map_or(Value::Null, |block| json!(block.receipts())))
        }
        "eth_getTransactionReceipt" => Ok(receipt(view, param(0))),
        "eth_call" => eth_call(view, param(0), param(1)),
        "eth_getCode" | "eth_getTransactionCount" | "eth_getBalance" => {
            account(view, &call.method, param(0), param(1))
        }
        method => Err(error(-32601, format!("the method {method} does not exist"))),
    }
}

/// Code, nonce or balance at the end of a block.
fn account(view: &View, method: &str, of: &Value, at: &Value) -> Reply {
    let height = block(view, at).ok_or_else(|| error(-32000, "header not found"))?.number();
    let of = address(of).ok_or_else(|| error(-32602, "no address"))?;
    let has_code = view.tokens.get(&of).is_some_and(|token| token.since <= height);
    Ok(match method {
        "eth_getCode" if has_code => json!("0x60"),
        "eth_getCode" => json!("0x"),
        "eth_getTransactionCount" if of == SENDER => quantity(view.sent_up_to(height)),
        _ => quantity(0),
    })
}

fn logs(view: &View, filter: &Value) -> Reply {
    let (from, to) = range(view, filter)?;
    let within = view.visible().iter().filter(|block| (from..=to).contains(&block.number()));
    let logs = within.flat_map(|block| block.logs());
    let found: Vec<types::Log> = logs.filter(|log| matches(filter, log)).collect();
    Ok(json!(found))
}

fn range(view: &View, filter: &Value) -> Result<(u64, u64), ErrorAnswer> {
    if let Some(hash) = hash(&filter["blockHash"]) {
        let block = view.block_of_hash(hash).ok_or_else(|| error(-32000, "unknown block"))?;
        return Ok((block.number(), block.number()));
    }
    let end = |name| height(view, &filter[name]).ok_or_else(|| error(-32602, "invalid block"));
    let (from, to) = (end("fromBlock")?, end("toBlock")?);
    if from > to {
        return Err(error(-32602, "invalid block range"));
    }
    Ok((from, to))
}

fn matches(filter: &Value, log: &types::Log) -> bool {
    let is_one_of = |wanted: &Value, value: Value| match wanted {
        Value::Null => true,
        Value::Array(list) => list.iter().any(|wanted| same(wanted, &value)),
        wanted => same(wanted, &value),
    };
    let no_topics = Vec::new();
    let wanted = filter["topics"].as_array().unwrap_or(&no_topics);
    let topics = log.inner.data.topics();
    is_one_of(&filter["address"], json!(log.inner.address))
        && wanted.len() <= topics.len()
        && wanted.iter().zip(topics).all(|(wanted, topic)| is_one_of(wanted, json!(topic)))
}

fn same(a: &Value, b: &Value) -> bool {
    matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
}

fn receipt(view: &View, tx_hash: &Value) -> Value {
    let wanted = hash(tx_hash);
    let found = view.visible().iter().find_map(|block| {
        let at = block.transactions.iter().position(|made| Some(made.hash) == wanted)?;
        Some(block.receipts().swap_remove(at))
    });
    json!(found)
}

fn eth_call(view: &View, call: &Value, at: &Value) -> Reply {
    let Some(block) = block(view, at) else {
        return Err(error(-32000, "header not found"));
    };
    let Some(token) = address(&call["to"]) else {
        return Err(error(-32602, "no contract to call"));
    };
    let there = view.tokens.get(&token).filter(|there| there.since <= block.number());
    let Some(Token { symbol, decimals, .. }) = there else {
        return Ok(json!("0x"));
    };
    let input = call["input"].as_str().or(call["data"].as_str()).unwrap_or_default();
    let input = hex::decode(input).map_err(|_| error(-32602, "input is not hex"))?;
    let sum = |account| json!(B256::from(balance(view, block.number(), token, account)));
    match input.first_chunk::<4>().map(hex::encode).as_deref() {
        Some("313ce567") => Ok(json!(B256::from(U256::from(*decimals)))),
        Some("95d89b41") => Ok(json!(abi_string(symbol))),
        Some("18160ddd") => Ok(sum(None)),
        Some("70a08231") if input.len() == 36 => Ok(sum(Some(Address::from_slice(&input[16..])))),
        _ => Err(error(3, "execution reverted")),
    }
}

/// The sum of the transfers up to a block: of one account, or of all mints without the burns.
fn balance(view: &View, height: u64, token: Address, account: Option<Address>) -> U256 {
    let party = account.unwrap_or_default();
    let mut sums = [U256::ZERO; 2];
    let blocks = view.visible().iter().take_while(|block| block.number() <= height);
    for log in blocks.flat_map(|block| block.logs()).filter(|log| log.inner.address == token) {
        if let [topic, from, to] = log.inner.data.topics()
            && *topic == transfer_topic()
        {
            let amount = U256::from_be_slice(&log.inner.data.data);
            for (sum, topic) in sums.iter_mut().zip([from, to]) {
                if Address::from_word(*topic) == party {
                    *sum = sum.wrapping_add(amount);
                }
            }
        }
    }
    let [sent, received] = sums;
    if account.is_some() { received.wrapping_sub(sent) } else { sent.wrapping_sub(received) }
}

fn abi_string(text: &str) -> Bytes {
    let mut bytes =
        [U256::from(32), U256::from(text.len())].map(|word| word.to_be_bytes_vec()).concat();
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.into()
}

/// The block that a parameter names: by number, tag, hash, or an object with one of them.
fn block<'a>(view: &'a View, param: &Value) -> Option<&'a Arc<Block>> {
    if let Some(hash) = hash(param).or_else(|| hash(&param["blockHash"])) {
        return view.block_of_hash(hash);
    }
    if param.is_object() {
        return block(view, &param["blockNumber"]);
    }
    view.block(height(view, param)?)
}

fn height(view: &View, param: &Value) -> Option<u64> {
    match param.as_str()? {
        "latest" | "pending" => Some(view.head()),
        "finalized" | "safe" => view.finalized,
        "earliest" => Some(0),
        digits => u64::from_str_radix(digits.strip_prefix("0x")?, 16).ok(),
    }
}

fn hash(param: &Value) -> Option<B256> {
    param.as_str().filter(|text| text.len() == 66)?.parse().ok()
}

fn address(param: &Value) -> Option<Address> {
    param.as_str()?.parse().ok()
}

fn quantity(value: u64) -> Value {
    json!(format!("{value:#x}"))
}
