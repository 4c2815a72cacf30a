//! Rewinds that take longer than their requests.

use std::time::Duration;

use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_core::operate;
use pledge_core::ports::{AuditQuery, AuditReads};
use pledge_core::types::{BlockNumber, ChainId};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::office::{Office, Rules, request};
use crate::support::{CLOCK, body_of, time};

const REWIND: &str = "/chains/1/rewind";
/// A request does not wait any longer, and a test hardly.
const SHORT: Duration = Duration::from_millis(50);

/// An office whose rewinds wait at its gate, with a chain that is paused, an operator's access token, and the body of
/// the request that takes the chain back.
async fn office(patience: Duration) -> (Office, String, Value) {
    let rules = Rules { waits: true, patience, ..Rules::default() };
    let (office, access) = Office::paused(rules).await;
    let plan = office.ok(Some(&access), "GET", "/chains/1/rewind?to_block=0", None).await;
    let body = json!({ "to_block": 0, "digest": plan["digest"], "reason": "a deep fork" });
    (office, access, body)
}

async fn ask(office: &Office, access: &str, key: &str, body: &Value) -> (u16, Value) {
    let response = office.send(Some(access), "POST", REWIND, key, Some(body.clone())).await;
    (response.status().as_u16(), body_of(response).await)
}

/// Ends once a rewind is under way.
async fn begun(office: &Office) {
    while office.api.operator.background.count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn rewinds(office: &Office) -> usize {
    let records = office.store.audit(&AuditQuery::newest(1_000)).await.expect("a read");
    records.iter().filter(|record| record.act.action.name() == "rewind_chain").count()
}

#[tokio::test]
async fn a_rewind_that_outlives_its_request_is_answered_under_its_key() {
    let (office, access, body) = office(SHORT).await;
    for _ in 0..2 {
        let (status, running) = ask(&office, &access, "key-00001", &body).await;
        assert_eq!((status, &running["idempotency_key"]), (202, &json!("key-00001")), "{running}");
        let look = (&running["audit_action"], &running["audit_object"]);
        assert_eq!(look, (&json!("rewind_chain"), &json!("chain:1")));
    }
    assert_eq!(rewinds(&office).await, 0);
    office.gate.add_permits(1);
    office.api.operator.background.ended().await;
    for _ in 0..2 {
        let (status, done) = ask(&office, &access, "key-00001", &body).await;
        assert_eq!((status, &done["tokens"]), (200, &json!(1)), "{done}");
    }
    assert_eq!(rewinds(&office).await, 1);
}

/// Its connection breaks, or the host has no more time for it.
#[tokio::test]
async fn a_rewind_goes_on_when_its_request_is_dropped() {
    let (office, access, body) = office(Duration::from_secs(30)).await;
    let asked = request(Some(&access), "POST", REWIND, "key-00001", Some(body.clone()));
    let asking = tokio::spawn(office.router.clone().oneshot(asked));
    begun(&office).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    office.gate.add_permits(1);
    office.api.operator.background.ended().await;
    let (status, done) = ask(&office, &access, "key-00001", &body).await;
    assert_eq!((status, &done["tokens"], rewinds(&office).await), (200, &json!(1), 1), "{done}");
}

#[tokio::test]
async fn a_second_rewind_of_a_chain_is_refused_and_names_the_first() {
    let (office, access, body) = office(SHORT).await;
    assert_eq!(ask(&office, &access, "key-00001", &body).await.0, 202);
    let (status, problem) = ask(&office, &access, "key-00002", &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("request-under-way")), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("person:olga") && detail.contains("block 0"), "{detail}");
    office.gate.add_permits(1);
    office.api.operator.background.ended().await;
    // Nothing was done under its key, which is free.
    let (status, problem) = ask(&office, &access, "key-00002", &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("nothing-to-do")), "{problem}");
    assert_eq!(rewinds(&office).await, 1);
}

#[tokio::test]
async fn a_refusal_after_the_request_is_the_answer_to_its_repetition() {
    let (office, access, body) = office(SHORT).await;
    let ports = &office.api.operator.ports;
    let plan = operate::plan_rewind(ports, ChainId::new(1), BlockNumber::new(0)).await.unwrap();
    assert_eq!(ask(&office, &access, "key-00001", &body).await.0, 202);
    let other = Actor::new(ActorKind::CommandLine, "root").unwrap();
    office.rewind_at_once(&plan, &Attribution::new(other, time(CLOCK))).await;
    office.gate.add_permits(1);
    office.api.operator.background.ended().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let body = Some(body.clone());
        let response = office.send(Some(&access), "POST", REWIND, "key-00001", body).await;
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!((response.status().as_u16(), &*kind), (409, "application/problem+json"));
        answers.push(body_of(response).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["status"], 409);
}

/// As a server does before it ends.
#[tokio::test]
async fn a_rewind_that_is_under_way_is_waited_for() {
    let (office, access, body) = office(SHORT).await;
    let acts = office.api.operator.background.clone();
    acts.ended().await;
    assert_eq!(ask(&office, &access, "key-00001", &body).await.0, 202);
    assert!(tokio::time::timeout(SHORT, acts.ended()).await.is_err());
    office.gate.add_permits(1);
    acts.ended().await;
    assert_eq!((acts.count(), rewinds(&office).await), (0, 1));
}
