use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::transports::{TransportError, TransportErrorKind};
use serde_json::json;

use super::*;
use crate::response::Packet;

const REPEATS: usize = 5;

fn refusal(code: i64, text: &'static str) -> Failure {
    let payload = ErrorPayload { code, message: text.into(), data: None };
    Failure::new("node.example", &TransportError::ErrorResp(payload))
}

fn unknown() -> Failure {
    refusal(-31_999, "the flux is out of phase")
}

fn status(status: u16) -> Failure {
    Failure::new("node.example", &TransportErrorKind::http_error(status, String::new()))
}

fn result(value: &str) -> Json {
    let body = Bytes::from(format!(r#"{{"id":0,"result":{value}}}"#).into_bytes());
    match Packet::parse(&body).unwrap() {
        Packet::Single(response) => response.result.unwrap(),
        Packet::Batch(_) => panic!("a batch"),
    }
}

fn logs() -> Call {
    Call::new("eth_getLogs", json!([])).divisible()
}

fn header() -> Call {
    Call::new("eth_getBlockByNumber", json!([])).expected()
}

fn questions(calls: usize, is_ordered: bool) -> Questions<String> {
    Questions::new(calls, REPEATS, 1, is_ordered)
}

fn read(_: &Call, answer: Json) -> Result<String, Failure> {
    Ok(answer.text().to_owned())
}

fn places(batch: &[Open]) -> Vec<usize> {
    batch.iter().map(|open| open.at).collect()
}

/// Answers a batch: the calls at these places with a failure, the others with their place.
fn answer(
    questions: &mut Questions<String>,
    batch: Vec<Open>,
    calls: &[Call],
    failing: &[(usize, Failure)],
) -> Brought {
    let answers = batch.iter().map(|open| {
        let failure = failing.iter().find(|(at, _)| *at == open.at);
        failure
            .map_or_else(|| Ok(result(&open.at.to_string())), |(_, failure)| Err(failure.clone()))
    });
    let answers = answers.collect();
    questions.answered(batch, calls, answers, &read)
}

#[test]
fn only_the_call_that_failed_is_asked_again() {
    let calls = vec![header(); 4];
    let mut asked = questions(4, false);
    let batch = asked.take(100);
    let brought = answer(&mut asked, batch, &calls, &[(1, unknown()), (3, unknown())]);
    assert!(brought.an_answer && brought.an_open_call);
    let batch = asked.take(100);
    assert_eq!(places(&batch), [1, 3]);
    answer(&mut asked, batch, &calls, &[]);
    let answers: Vec<String> = asked.into_answers().into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, ["0", "1", "2", "3"]);
}

#[test]
fn in_an_ordered_question_nothing_is_kept_that_comes_after_an_open_call() {
    let calls = vec![header(), logs(), header()];
    let mut asked = questions(3, true);
    let batch = asked.take(4);
    answer(&mut asked, batch, &calls, &[(1, unknown())]);
    assert_eq!(places(&asked.take(4)), [1, 2]);
}

#[test]
fn calls_that_fail_in_company_are_asked_in_smaller_company() {
    let calls = vec![header(); 200];
    let mut asked = questions(200, false);
    let mut sizes = Vec::new();
    while sizes.len() < 10 {
        let batch = asked.take(100);
        sizes.push(batch.len());
        let failing: Vec<_> = batch.iter().map(|open| (open.at, unknown())).collect();
        answer(&mut asked, batch, &calls, &failing);
    }
    assert_eq!(sizes, [100, 100, 100, 100, 100, 100, 25, 25, 25, 25]);
}

#[test]
fn a_few_calls_that_fail_together_again_and_again_are_asked_one_by_one() {
    let calls = vec![header(), logs(), header()];
    let mut asked = questions(3, true);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let batch = asked.take(4);
        sizes.push(batch.len());
        asked.failed(batch, &calls, &status(500), true, false);
    }
    assert_eq!(sizes, [3, 3, 3, 1]);
    let mut asked = questions(3, true);
    let batch = asked.take(4);
    asked.failed(batch, &calls, &status(504), true, false);
    assert_eq!(asked.take(4).len(), 1, "a time-out is not repeated in company");
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_again_and_then_in_another_way() {
    let calls = [logs()];
    let mut asked = questions(1, true);
    let mut requests = 0;
    let unreadable = |_: &Call, _| Err(Failure::malformed("no list".to_owned()));
    while !asked.has_limit() {
        requests += 1;
        let batch = asked.take(1);
        asked.answered(batch, &calls, vec![Ok(result("7"))], &unreadable);
    }
    assert_eq!(requests, 3);
}

#[test]
fn a_call_that_fails_alone_is_repeated_up_to_the_bound() {
    let calls = [header()];
    let mut asked = questions(1, false);
    let mut requests = 0;
    loop {
        let batch = asked.take(100);
        if batch.is_empty() {
            break;
        }
        requests += 1;
        asked.failed(batch, &calls, &status(500), false, false);
    }
    assert_eq!(requests, REPEATS + 1);
    assert_eq!(asked.into_answers().remove(0).unwrap_err().fault, Fault::ServerError);
}

/// How many requests a question for logs fails before it ends as one that is too large.
fn requests_until_too_large(failure: &Failure, others_pass: bool) -> Option<usize> {
    requests_until_too_large_for(1, failure, others_pass)
}

/// The same of a node that usually fails so often in a row.
fn requests_until_too_large_for(
    by_chance: u32,
    failure: &Failure,
    others_pass: bool,
) -> Option<usize> {
    let calls = [logs()];
    let mut asked = Questions::<String>::new(1, 20, by_chance, true);
    for requests in 1..=20 {
        let batch = asked.take(4);
        asked.failed(batch, &calls, failure, others_pass, false);
        if asked.has_limit() {
            return Some(requests);
        }
    }
    None
}

#[test]
fn a_question_is_too_large_once_it_fails_again_and_again_while_others_pass() {
    assert_eq!(requests_until_too_large(&unknown(), true), Some(3));
    assert_eq!(requests_until_too_large(&status(500), true), Some(3));
    assert_eq!(requests_until_too_large(&status(403), true), Some(3));
    assert_eq!(requests_until_too_large(&status(504), true), Some(2), "a time-out costs more");
}

#[test]
fn a_node_that_often_fails_is_asked_more_often_before_a_question_is_too_large() {
    let requests = |by_chance| requests_until_too_large_for(by_chance, &unknown(), true);
    assert_eq!([1, 2, 3, 4, 100].map(requests), [3, 3, 4, 5, 5].map(Some));
}

#[test]
fn a_question_is_not_too_large_while_nothing_else_passes_either() {
    for failure in [unknown(), status(500), status(403), status(429), status(504)] {
        assert_eq!(requests_until_too_large(&failure, false), None, "{failure:?}");
    }
}

#[test]
fn known_words_of_a_limit_save_the_repeats() {
    let known = refusal(-32_005, "query returned more than 10000 results");
    assert_eq!(requests_until_too_large(&known, false), Some(1));
}

#[test]
fn a_limit_on_a_whole_request_that_counts_blocks_is_that_of_its_logs() {
    let calls = vec![header(), logs(), header()];
    let mut asked = questions(3, true);
    let text = "eth_getLogs is limited to a 10,000 blocks range".to_owned();
    let failure = Failure::new("node.example", &TransportErrorKind::http_error(413, text));
    let batch = asked.take(4);
    asked.failed(batch, &calls, &failure, false, false);
    assert!(asked.has_limit());
    assert_eq!(asked.open.iter().map(|open| open.at).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_block_that_is_null_is_asked_for_again_and_then_null() {
    let calls = [header()];
    let mut asked = questions(1, false);
    for _ in 0..ABSENT_REPEATS {
        let batch = asked.take(1);
        let brought = asked.answered(batch, &calls, vec![Ok(result("null"))], &read);
        assert!(brought.an_absence && brought.an_open_call);
    }
    let batch = asked.take(1);
    asked.answered(batch, &calls, vec![Ok(result("null"))], &read);
    assert_eq!(asked.into_answers().remove(0).unwrap(), "null");
}

#[test]
fn null_is_an_answer_to_a_call_that_may_have_none() {
    let calls = [Call::new("eth_getBlockByNumber", json!([]))];
    let mut asked = questions(1, false);
    let batch = asked.take(1);
    assert!(!asked.answered(batch, &calls, vec![Ok(result("null"))], &read).an_open_call);
}

#[test]
fn a_revert_is_an_answer() {
    let calls = [header()];
    let mut asked = questions(1, false);
    let batch = asked.take(1);
    answer(&mut asked, batch, &calls, &[(0, refusal(3, "execution reverted"))]);
    assert_eq!(asked.into_answers().remove(0).unwrap_err().fault, Fault::Reverted);
}

#[test]
fn a_form_that_the_node_does_not_know_ends_only_where_there_is_another() {
    for (has_alternative, ends) in [(true, true), (false, false)] {
        let mut call = Call::new("eth_call", json!([]));
        call.has_alternative = has_alternative;
        let mut asked = questions(1, false);
        let batch = asked.take(1);
        let failing = [(0, refusal(-32_602, "invalid argument 1"))];
        let brought = answer(&mut asked, batch, &[call], &failing);
        assert_eq!(brought.an_open_call, !ends);
    }
}

#[test]
fn what_is_open_fails_as_the_node_did() {
    let calls = vec![header(); 2];
    let mut asked = questions(2, false);
    let batch = asked.take(1);
    answer(&mut asked, batch, &calls, &[]);
    asked.abandon(&status(503));
    let answers = asked.into_answers();
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().fault, Fault::Unreachable);
}
