//! A node's messages over its WebSocket, as far as a hint needs them.

use pledge_core::types::ChainId;
use serde::Deserialize;
use serde_json::{Value, json};

use alloy::primitives::U64;

/// One message, as far as a hint needs it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A block is new. Which one, and on which chain, is not looked at.
    Head,
    /// The answer to a question.
    Answer(Value),
    /// The node refuses, in its own words.
    Refusal(String),
    /// Anything else in JSON.
    Other,
}

#[derive(Deserialize)]
struct Wire {
    method: Option<String>,
    result: Option<Value>,
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    message: String,
}

pub(super) fn read(message: &[u8]) -> Result<Received, String> {
    let wire: Wire = serde_json::from_slice(message)
        .map_err(|_| format!("sends what is no JSON-RPC: {}", String::from_utf8_lossy(message)))?;
    Ok(match wire {
        Wire { error: Some(error), .. } => Received::Refusal(error.message),
        Wire { method: Some(method), .. } if method == "eth_subscription" => Received::Head,
        Wire { method: None, result: Some(result), .. } => Received::Answer(result),
        _ => Received::Other,
    })
}

/// A question. Only one is open at a time, so its id need not differ.
pub(super) fn question(method: &str, params: &[&str]) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// Whether an answer to `eth_chainId` is that of the chain.
pub(super) fn check_chain(answer: &Value, chain: ChainId) -> Result<(), String> {
    match U64::deserialize(answer) {
        Ok(id) if id.to::<u64>() == chain.get() => Ok(()),
        Ok(id) => Err(format!("is on chain {id}, not on chain {chain}")),
        Err(_) => Err(format!("answers eth_chainId with {answer}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_subscription_sends_is_a_head() {
        let head =
            r#"{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1"}}"#;
        assert_eq!(read(head.as_bytes()), Ok(Received::Head));
        let answer = read(br#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#);
        assert_eq!(answer, Ok(Received::Answer(json!("0x1"))));
        assert_eq!(read(br#"{"method":"net_message"}"#), Ok(Received::Other));
    }

    #[test]
    fn an_error_is_a_refusal_whatever_its_id() {
        let refusal = br#"{"id":null,"error":{"code":-32601,"message":"method not found"}}"#;
        assert_eq!(read(refusal), Ok(Received::Refusal("method not found".to_owned())));
    }

    #[test]
    fn garbage_is_repeated_in_the_error() {
        let error = read(b"<html>").unwrap_err();
        assert!(error.contains("<html>"), "{error}");
        assert!(read(b"\xff\xfe").is_err());
        assert!(read(br#"[{"method":"eth_subscription"}]"#).is_err());
    }

    #[test]
    fn a_wrong_chain_is_named() {
        let check = |answer| check_chain(&answer, ChainId::new(10));
        assert_eq!(check(json!("0xa")), Ok(()));
        assert_eq!(check(json!("0x1")), Err("is on chain 1, not on chain 10".to_owned()));
        assert!(check(json!(null)).unwrap_err().contains("null"));
    }
}
