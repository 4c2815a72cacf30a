//! What operators do over HTTP, and what the audit log has of it.

use axum::body::Body;
use pledge_core::audit::AuditRecord;
use pledge_core::ports::{AuditQuery, AuditReads};
use pledge_core::types::{ProgrammeId, TokenId};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::office::{Office, Rules, fresh_key, request, text};
use crate::support::{ALICE, World, mint, time, token_path, whole};
use crate::worlds::{HOUR, MINUTE, THREE_PM, TOKEN};

/// An office with a token that earns, settled for an hour, and an operator's access token.
async fn office() -> (Office, TokenId, String) {
    declaring(false).await
}

async fn declaring(is_declared: bool) -> (Office, TokenId, String) {
    let office = Office::played(Rules::default(), async |world: &mut World| {
        let chain = world.chain(1, THREE_PM).await;
        let token = world.earning(1, TOKEN, 18, "0.05").await;
        chain.mine(time(THREE_PM + 10 * MINUTE), &[mint(token, ALICE, whole(100))]);
        chain.mine(time(THREE_PM + HOUR), &[]);
        world.confirm().await;
        world.settle(token).await;
        is_declared.then(|| ProgrammeId::main(token)).into_iter().collect()
    })
    .await;
    let token = TokenId { chain: pledge_core::types::ChainId::new(1), address: TOKEN };
    let access = office.signed_in("olga", "operator").await;
    (office, token, access)
}

async fn newest(office: &Office) -> AuditRecord {
    office.store.audit(&AuditQuery::newest(1)).await.expect("a read").remove(0)
}

fn because(reason: &str) -> Option<Value> {
    Some(json!({ "reason": reason }))
}

/// The path of the token below the API.
fn below(token: TokenId) -> String {
    token_path(token).trim_start_matches("/api/v1").to_owned()
}

#[tokio::test]
async fn a_paused_chain_is_recorded_with_who_why_and_from_where() {
    let (office, _, access) = office().await;
    let paused =
        office.ok(Some(&access), "POST", "/chains/1/pause", because("moving the node")).await;
    assert_eq!(
        (&paused["status"], &paused["reason_code"]),
        (&json!("paused"), &json!("paused-by-operator"))
    );
    let record = newest(&office).await;
    assert_eq!(record.by.actor.to_string(), "person:olga");
    assert_eq!(record.by.reason.as_ref().map(|reason| reason.as_str()), Some("moving the node"));
    assert_eq!(record.by.request.as_ref().map(|id| id.as_str()), Some("req-1"));
    assert_eq!(record.by.address, Some("198.51.100.7".parse().unwrap()));
    assert_eq!(office.ok(None, "GET", "/chains/1", None).await["status"], "paused");
}

/// A host may pass a request on while its body is on the way.
#[tokio::test]
async fn an_operator_that_is_banned_while_its_request_arrives_does_nothing_by_it() {
    let (office, _, access) = office().await;
    let admin = office.signed_in("anna", "admin").await;
    let me = office.ok(Some(&access), "GET", "/auth/me", None).await;
    let (is_in, until_in) = tokio::sync::oneshot::channel();
    let (banned, until_banned) = tokio::sync::oneshot::channel::<()>();
    // The body is asked for once its sender was let in.
    let body = futures::stream::once(async move {
        is_in.send(()).unwrap();
        until_banned.await.unwrap();
        Ok::<_, std::convert::Infallible>(json!({ "reason": "a" }).to_string())
    });
    let request = request(Some(&access), "POST", "/chains/1/pause", &fresh_key(), None);
    let mut request = request.map(|_| Body::from_stream(body));
    let kind = "application/json".parse().unwrap();
    request.headers_mut().insert("content-type", kind);
    let answer = office.router.clone().oneshot(request);
    let ban = async {
        until_in.await.unwrap();
        let path = format!("/admin/users/{}/ban", text(&me["user"]["id"]));
        office.ok(Some(&admin), "POST", &path, because("a")).await;
        banned.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(answer, ban);
    assert_eq!(answer.unwrap().status(), 401);
    assert_ne!(office.ok(None, "GET", "/chains/1", None).await["status"], "paused");
}

#[tokio::test]
async fn a_chain_and_a_token_are_resumed_and_what_is_not_stopped_is_not() {
    let (office, token, access) = office().await;
    let access = Some(access.as_str());
    for path in ["/chains/1".to_owned(), below(token)] {
        let (pause, resume) = (format!("{path}/pause"), format!("{path}/resume"));
        let refused = office.refused(access, "POST", &resume, because("a")).await;
        assert_eq!(refused, (409, "nothing-to-do".to_owned()), "{path}");
        office.ok(access, "POST", &pause, because("a")).await;
        let resumed = office.ok(access, "POST", &resume, because("b")).await;
        assert_eq!(resumed["before"], "paused", "{path}");
    }
}

/// What a caller names again of an answer.
fn stop_of(answer: &Value) -> Value {
    json!({
        "status": answer["status"],
        "reason": answer["reason"],
        "halt_reason": answer["halt_reason"],
    })
}

#[tokio::test]
async fn a_resume_that_names_another_stop_than_there_is_by_now_is_refused() {
    let (office, token, access) = office().await;
    let access = Some(access.as_str());
    for path in ["/chains/1".to_owned(), below(token)] {
        let (pause, resume) = (format!("{path}/pause"), format!("{path}/resume"));
        let read = async || stop_of(&office.ok(access, "GET", &path, None).await);
        let naming = |found: Value| Some(json!({ "reason": "b", "found": found }));
        office.ok(access, "POST", &pause, because("moving the node")).await;
        let found = read().await;
        assert_eq!(
            (&found["status"], &found["reason"]),
            (&json!("paused"), &json!("moving the node"))
        );
        office.ok(access, "POST", &pause, because("an attack")).await;
        let (status, problem) = office.ask(access, "POST", &resume, naming(found)).await;
        let refused = (status.as_u16(), &problem["code"], &problem["parameter"]);
        assert_eq!(refused, (409, &json!("state-moved"), &json!("found")), "{path}");
        let resumed = office.ok(access, "POST", &resume, naming(read().await)).await;
        assert_eq!(resumed["before"], "paused", "{path}");
    }
}

/// One that may pause chains and not read everything is shown no words of others.
#[tokio::test]
async fn a_stop_is_named_as_its_reader_is_shown_it() {
    let (office, _, operator) = office().await;
    let admin = office.signed_in("anna", "admin").await;
    let role = json!({ "role": "pauser", "permissions": ["chains:pause"], "reason": "a" });
    office.ok(Some(&admin), "POST", "/admin/roles", Some(role)).await;
    let pauser = office.signed_in("paul", "pauser").await;
    office.ok(Some(&operator), "POST", "/chains/1/pause", because("moving the node")).await;
    let found = stop_of(&office.ok(Some(&pauser), "GET", "/chains/1", None).await);
    assert_eq!(found["reason"], "paused by an operator");
    let body = Some(json!({ "reason": "b", "found": found }));
    let resumed = office.ok(Some(&pauser), "POST", "/chains/1/resume", body).await;
    assert_eq!(resumed["before"], "paused");
}

#[tokio::test]
async fn a_stop_that_is_none_is_refused_by_its_field() {
    let (office, _, access) = office().await;
    for found in [json!("paused"), json!({ "status": "live" }), json!({ "status": 1 }), json!({})] {
        let body = Some(json!({ "reason": "a", "found": found }));
        let (status, problem) = office.ask(Some(&access), "POST", "/chains/1/resume", body).await;
        let parameter = problem["parameter"].as_str().unwrap_or_default();
        assert_eq!(status.as_u16(), 400, "{found}: {problem}");
        assert!(parameter.starts_with("found"), "{found}: {problem}");
    }
}

#[tokio::test]
async fn what_is_not_followed_is_not_found() {
    let (office, _, access) = office().await;
    let access = Some(access.as_str());
    let unknown = "0x00000000000000000000000000000000000000aa";
    for (path, code) in [
        ("/chains/404/pause".to_owned(), "unknown-chain"),
        (format!("/chains/1/tokens/{unknown}/pause"), "unknown-token"),
        (format!("/settlements/1:{TOKEN}:main:0/retry"), "unknown-settlement"),
        (format!("/settlements/1:{TOKEN}:other:0/retry"), "unknown-programme"),
    ] {
        let refused = office.refused(access, "POST", &path, because("a")).await;
        assert_eq!(refused, (404, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_settlement_of_which_nothing_failed_is_not_tried_again() {
    let (office, _, access) = office().await;
    let path = format!("/settlements/1:{TOKEN}:main:{THREE_PM}/retry");
    let refused = office.refused(Some(&access), "POST", &path, because("a")).await;
    assert_eq!(refused, (409, "nothing-to-do".to_owned()));
}

#[tokio::test]
async fn a_rewind_is_planned_and_then_done_as_planned() {
    let (office, token, access) = office().await;
    let access = Some(access.as_str());
    let plan_path = "/chains/1/rewind?to_block=0";
    let refused = office.refused(access, "GET", plan_path, None).await;
    assert_eq!(refused, (409, "not-possible".to_owned()), "the chain is followed");
    office.ok(access, "POST", "/chains/1/pause", because("a deep fork")).await;
    let plan = office.ok(access, "GET", plan_path, None).await;
    assert_eq!(plan["tokens"][0]["token"], token.address.to_string());
    let body =
        |digest: &Value| Some(json!({ "to_block": 0, "digest": digest, "reason": "a deep fork" }));
    let other = json!(format!("0x{}", "11".repeat(32)));
    let refused = office.refused(access, "POST", "/chains/1/rewind", body(&other)).await;
    assert_eq!(refused, (409, "state-moved".to_owned()));
    let done = office.ok(access, "POST", "/chains/1/rewind", body(&plan["digest"])).await;
    assert_eq!((&done["tokens"], &done["changes_removed"]), (&json!(1), &json!(1)), "{done}");
    let records = office.store.audit(&AuditQuery::newest(2)).await.unwrap();
    let actions: Vec<_> = records.iter().map(|one| one.act.action.name().to_owned()).collect();
    assert_eq!(actions, ["rewind_token", "rewind_chain"]);
    let refused = office.refused(access, "POST", "/chains/1/rewind", body(&plan["digest"])).await;
    assert_eq!(refused, (409, "nothing-to-do".to_owned()), "nothing is above the block any more");
}

#[tokio::test]
async fn a_programme_is_added_once_and_its_rates_change_after_what_is_settled() {
    let (office, token, access) = office().await;
    let (access, programmes) = (Some(access.as_str()), format!("{}/programmes", below(token)));
    let season = json!({ "programme": "season_2", "rate": "1.5", "reason": "a new season",
        "schedule": [{ "from": THREE_PM + 2 * HOUR, "rate": "0" }] });
    let added = office.ok(access, "POST", &programmes, Some(season.clone())).await;
    assert_eq!((&added["name"], &added["window_seconds"]), (&json!("season_2"), &json!(3_600)));
    assert_eq!(newest(&office).await.act.action.name(), "add_programme");
    let again = office.refused(access, "POST", &programmes, Some(season)).await;
    assert_eq!(again, (409, "taken".to_owned()));
    let main = format!("{programmes}/main");
    let rates = |from: u64| {
        Some(
            json!({ "rate": "0.05", "schedule": [{ "from": from, "rate": "0.1" }], "reason": "a" }),
        )
    };
    let early = office.refused(access, "PUT", &main, rates(THREE_PM + MINUTE)).await;
    assert_eq!(early, (409, "not-possible".to_owned()));
    let changed = office.ok(access, "PUT", &main, rates(THREE_PM + HOUR)).await;
    assert_eq!(changed["schedule"], json!([{ "from": THREE_PM + HOUR, "rate": "0.1" }]));
}

#[tokio::test]
async fn what_the_configuration_declares_changes_there_alone() {
    let (office, token, access) = declaring(true).await;
    let path = format!("{}/programmes/main", below(token));
    let body = json!({ "rate": "0.05", "reason": "a" });
    let refused = office.refused(Some(&access), "PUT", &path, Some(body)).await;
    assert_eq!(refused, (409, "not-possible".to_owned()));
}

#[tokio::test]
async fn an_amount_that_is_a_number_is_refused() {
    let (office, token, access) = office().await;
    let path = format!("{}/programmes/main", below(token));
    for rate in [json!(0.05), json!(1), json!("1e2"), json!("-1"), json!("0.0000000000000000001")] {
        let body = json!({ "rate": rate, "reason": "a" });
        let (status, problem) = office.ask(Some(&access), "PUT", &path, Some(body)).await;
        assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!("rate")), "{rate}");
    }
}
