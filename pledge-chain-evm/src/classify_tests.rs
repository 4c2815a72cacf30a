use std::borrow::Cow;

use alloy::rpc::json_rpc::Id;
use serde_json::value::to_raw_value;

use super::*;

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
        (status(500), Fault::Unreachable, Transient),
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
        (answer(-32602, "Log response size exceeded"), Fault::BadParams, Persistent),
        (answer(-32601, "the method eth_foo does not exist"), Fault::Unsupported, Persistent),
        (answer(-32600, "Batch too large"), Fault::TooLarge, Transient),
        (answer(3, "execution reverted: paused"), Fault::Reverted, Persistent),
        (answer(-32000, "execution reverted"), Fault::Reverted, Persistent),
        (answer(-32000, "invalid opcode: INVALID"), Fault::Reverted, Persistent),
        (answer(-32000, "header not found"), Fault::BlockMissing, BlockGone),
        (answer(-32000, "finalized block not found"), Fault::BlockMissing, BlockGone),
        (answer(-32001, "Resource not found"), Fault::BlockMissing, BlockGone),
        (
            answer(-32602, "BlockOutOfRangeError: block height is 0 but requested was 5"),
            Fault::BlockMissing,
            BlockGone,
        ),
        (TransportErrorKind::missing_batch_response(Id::Number(1)), Fault::Malformed, Transient),
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
fn a_revert_told_in_the_data_is_a_revert() {
    let error = TransportError::ErrorResp(ErrorPayload {
        code: -32015,
        message: Cow::Borrowed("VM execution error."),
        data: Some(to_raw_value("Reverted 0x").unwrap()),
    });
    assert_eq!(fault_of(&error), Fault::Reverted);
}

#[test]
fn a_rate_limit_never_shrinks_a_range() {
    assert!(!Fault::RateLimited.may_be_range_size());
    assert!(!Fault::Unreachable.may_be_range_size());
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
fn a_failure_names_the_node_and_what_it_said() {
    let failure = Failure::new("node.example", &answer(-32000, "no"));
    let error = failure.during("ask");
    assert_eq!(error.to_string(), "ask: node.example: the node answers error -32000: no");
}
