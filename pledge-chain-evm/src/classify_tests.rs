use std::borrow::Cow;

use serde_json::value::to_raw_value;

use super::*;
use crate::failure::{Failure, describe};

fn answer(code: i64, message: &'static str) -> TransportError {
    TransportError::ErrorResp(ErrorPayload { code, message: Cow::Borrowed(message), data: None })
}

fn status(status: u16) -> TransportError {
    TransportErrorKind::http_error(status, "text".to_owned())
}

#[test]
fn every_failure_has_the_kind_of_its_remedy() {
    use ChainErrorKind::{BlockGone, Persistent, Transient};
    let cases = [
        (status(429), Fault::RateLimited, Transient),
        (status(408), Fault::TimedOut, Transient),
        (status(504), Fault::TimedOut, Transient),
        (status(413), Fault::TooLarge, Transient),
        (status(500), Fault::ServerError, Transient),
        (status(502), Fault::Unreachable, Transient),
        (status(503), Fault::Unreachable, Transient),
        (status(400), Fault::Refused, Transient),
        (status(301), Fault::Denied, Persistent),
        (status(401), Fault::Denied, Persistent),
        (status(403), Fault::Denied, Persistent),
        (status(404), Fault::Denied, Persistent),
        (answer(429, "slow down"), Fault::RateLimited, Transient),
        (
            answer(-32005, "daily request count exceeded, request rate limited"),
            Fault::RateLimited,
            Transient,
        ),
        (answer(-32000, "Too Many Requests"), Fault::RateLimited, Transient),
        (answer(-32005, "query returned more than 10000 results"), Fault::Refused, Transient),
        (answer(-32000, "block range is too wide"), Fault::Refused, Transient),
        (answer(-32603, "Internal error"), Fault::Refused, Transient),
        (answer(-32602, "Log response size exceeded"), Fault::BadParams, Transient),
        (answer(-32601, "the method eth_foo does not exist"), Fault::Unsupported, Persistent),
        (answer(-32600, "Batch too large"), Fault::BatchTooLong, Transient),
        (answer(3, "execution reverted: paused"), Fault::Reverted, Persistent),
        (answer(-32000, "execution reverted"), Fault::Reverted, Persistent),
        (answer(-32000, "invalid opcode: INVALID"), Fault::Reverted, Persistent),
        (answer(-32603, "EVM error InvalidFEOpcode"), Fault::Reverted, Persistent),
        (answer(-32603, "EVM error PrecompileError"), Fault::Reverted, Persistent),
        (answer(-32003, "EVM error: OutOfGas(Basic)"), Fault::Reverted, Persistent),
        (answer(-32000, "write protection"), Fault::Reverted, Persistent),
        (answer(-32603, "EVM error FatalExternalError"), Fault::Refused, Transient),
        (answer(-32000, "header not found"), Fault::BlockMissing, BlockGone),
        (answer(-32000, "finalized block not found"), Fault::BlockMissing, BlockGone),
        (answer(-32001, "Resource not found"), Fault::BlockMissing, BlockGone),
        (
            answer(-32602, "BlockOutOfRangeError: block height is 0 but requested was 5"),
            Fault::BlockMissing,
            BlockGone,
        ),
        (TransportErrorKind::custom_str("connection reset"), Fault::Unreachable, Transient),
        (TransportErrorKind::custom(AnswerTooLarge { bytes_max: 9 }), Fault::TooLarge, Transient),
        (TransportError::NullResp, Fault::Malformed, Transient),
    ];
    for (error, fault, kind) in cases {
        let text = error.to_string();
        assert_eq!(fault_of(&error), fault, "{text}");
        assert_eq!(fault_of(&error).kind(), kind, "{text}");
    }
}

#[test]
fn a_revert_reported_in_the_data_is_a_revert() {
    let error = TransportError::ErrorResp(ErrorPayload {
        code: -32015,
        message: Cow::Borrowed("VM execution error."),
        data: Some(to_raw_value("Reverted 0x").unwrap()),
    });
    assert_eq!(fault_of(&error), Fault::Reverted);
}

#[test]
fn a_rate_limit_never_shrinks_a_range() {
    for error in [status(429), answer(-32005, "rate limit reached: too many requests")] {
        assert!(!Failure::new("node.example", &error).names_limit);
    }
}

#[test]
fn a_url_that_has_let_us_in_before_is_not_wrong() {
    for refused in [301, 401, 402, 403, 404] {
        let failure = Failure::new("node.example", &status(refused));
        assert_eq!(failure.fault.kind(), ChainErrorKind::Persistent, "{refused}");
        let failure = failure.of_a_known_url();
        assert_eq!(failure.fault.kind(), ChainErrorKind::Transient, "{refused}");
        assert!(failure.fault.is_outage(), "another node may be there now");
    }
}

#[test]
fn a_status_without_a_text_ends_with_itself() {
    let described =
        |status, body: &str| describe(&TransportErrorKind::http_error(status, body.to_owned()));
    assert_eq!(described(502, "\n"), "HTTP status 502");
    assert_eq!(described(502, "bad gateway"), "HTTP status 502: bad gateway");
    assert_eq!(described(404, ""), "HTTP status 404 (is the url right, its key included?)");
}

#[test]
fn a_failure_names_the_node_and_its_answer() {
    let failure = Failure::new("node.example", &answer(-32000, "no"));
    let error = failure.during("ask");
    assert_eq!(error.to_string(), "ask: node.example: the node answers error -32000: no");
}

/// A refusal as one of the known nodes words it.
struct Refusal(i64, &'static str, Fault, Option<u64>);

#[test]
fn every_known_refusal_of_a_range_is_understood() {
    use Fault::{BadParams, BlockMissing, Refused, TooLarge, Unreachable};
    let alchemy = "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block \
                   range and no limit on the response size, or you can request any block range with a \
                   cap of 10K logs in the response. Based on your parameters and the response size \
                   limit, this block range should work: [0xe1f1a5, 0xe1f2a4]";
    let inverted = "Log response size exceeded. this block range should work: [0xe1f2a4, 0xe1f1a5]";
    let free = "You can make eth_getLogs requests with up to a 10 block range. Based on your \
                parameters, this block range should work: [0x64, 0x6d]";
    let infura = "query returned more than 10000 results. Try with this block range [0x1, 0x64].";
    let avalanche = "requested too many blocks from 1 to 5000, maximum is set to 2048";
    let cases = [
        Refusal(-32602, alchemy, BadParams, Some(256)),
        Refusal(-32602, inverted, BadParams, Some(256)),
        Refusal(-32600, free, Refused, Some(10)),
        Refusal(-32005, infura, Refused, Some(100)),
        Refusal(-32005, "query timeout exceeded", Refused, None),
        Refusal(-32602, "range 1000000 exceeds limit of 10000", BadParams, Some(10_000)),
        Refusal(-32600, "block range is too wide", Refused, None),
        Refusal(-32600, "query exceeds max results", Refused, None),
        Refusal(-32602, "limited to 1024 block", BadParams, Some(1_024)),
        Refusal(-32047, "Max range: 800", Refused, Some(800)),
        Refusal(-32000, "Maximum allowed number of requested blocks is 1000", Refused, Some(1_000)),
        Refusal(-32000, "Block range limit exceeded.", Refused, None),
        Refusal(-32000, "please limit the query to at most 1000 blocks", Refused, Some(1_000)),
        Refusal(-32701, "maximum block range: 50000", Refused, Some(50_000)),
        Refusal(-32614, "block range too large", Refused, None),
        Refusal(-32614, "block range too large, maximum allowed is 500 blocks", Refused, Some(500)),
        Refusal(-32011, "no backend is currently healthy to serve traffic", Unreachable, None),
        Refusal(-32020, "backend response too large", TooLarge, None),
        Refusal(-32000, "logs matched by query exceeds limit of 10000", Refused, None),
        Refusal(-32000, "query returned more than 20000 results", Refused, None),
        Refusal(-32000, "response size should not greater than 10000000 bytes", Refused, None),
        Refusal(
            35,
            "ranges over 10000 blocks are not supported on freetier",
            Refused,
            Some(10_000),
        ),
        Refusal(-32600, "exceeded max allowed", Refused, None),
        Refusal(-32602, "query exceeds max block range 1000", BadParams, Some(1_000)),
        Refusal(-32603, "invalid block height: 5000", BlockMissing, None),
        Refusal(-32000, "block range greater than 1000 max", Refused, Some(1_000)),
        Refusal(-32000, "block range exceeds 1000", Refused, Some(1_000)),
        Refusal(-32000, "range is too large, max is 10k blocks", Refused, Some(10_000)),
        Refusal(-32000, "query must be smaller than size 1024", Refused, Some(1_024)),
        Refusal(-32000, "up to a 2,000 block range", Refused, Some(2_000)),
        Refusal(-32000, "exceed max block range: 5000", Refused, Some(5_000)),
        Refusal(-32000, avalanche, Refused, Some(2_048)),
        Refusal(-32000, "cannot query unfinalized data", BlockMissing, None),
        Refusal(-32000, "requested block 9 after last accepted block 8", BlockMissing, None),
        Refusal(-32005, "More than 50000 logs returned", Refused, None),
        Refusal(-32005, "too many logs, retry with the range 100-199", Refused, Some(100)),
    ];
    for Refusal(code, text, fault, hint) in cases {
        let failure = Failure::new("node.example", &answer(code, text));
        assert_eq!((failure.fault, failure.blocks_at_most), (fault, hint), "{text}");
        let says_nothing = matches!(fault, BlockMissing | Unreachable);
        assert_ne!(failure.names_limit, says_nothing, "{text}");
    }
    let text = "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range".to_owned();
    let failure = Failure::new("node.example", &TransportErrorKind::http_error(413, text));
    assert_eq!((failure.fault, failure.blocks_at_most), (TooLarge, Some(10_000)));
}
