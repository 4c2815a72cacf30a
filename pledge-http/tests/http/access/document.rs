//! The examples of the document are what the routes answer.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use pledge_core::points::BatchSpan;
use pledge_core::ports::BatchFailure;
use pledge_core::primitives::{B256, keccak256};
use pledge_core::types::{ChainId, Epoch, ProgrammeId, ShardId, TokenId};
use pledge_office::access::{IdempotencyKey, Principal, Registration, RequestKey, RequestStore};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::document::compare;
use crate::support::office::{Office, PASSWORD, Rules, fresh_key, request, text};
use crate::support::{ALICE, World, body_of, mint, time, whole};
use crate::worlds::{HOUR, MINUTE, THREE_PM, TOKEN};

/// An office with a token of which a batch failed, an admin, and its access token.
async fn office() -> (Office, String) {
    let rules = Rules { registration: Registration::Open, ..Rules::default() };
    let office = Office::played(rules, async |world: &mut World| {
        let chain = world.chain(1, THREE_PM).await;
        let token = world.earning(1, TOKEN, 18, "0.05").await;
        chain.mine(time(THREE_PM + 10 * MINUTE), &[mint(token, ALICE, whole(100))]);
        chain.mine(time(THREE_PM + HOUR), &[]);
        world.confirm().await;
        Vec::new()
    })
    .await;
    fail_a_batch(&office).await;
    let admin = office.signed_in("anna", "admin").await;
    (office, admin)
}

/// Records that a batch of the first window failed.
async fn fail_a_batch(office: &Office) {
    let token = TokenId { chain: ChainId::new(1), address: TOKEN };
    let failure = BatchFailure {
        programme: ProgrammeId::main(token),
        epoch: Epoch::FIRST,
        shard: ShardId::new(0),
        from: time(THREE_PM),
        to: time(THREE_PM + HOUR),
        span: BatchSpan { after: None, through: None },
        attempts: 1,
        reason: "a full disk".to_owned(),
    };
    office.world.stores.points.record_failure(&failure).await.expect("it is recorded");
}

/// The answers with what differs from run to run replaced: ids, secrets and times of the database's clock.
fn masked(value: Value) -> Value {
    const TIMES: [&str; 9] = [
        "created",
        "until",
        "banned",
        "removed",
        "signed_in",
        "refreshed",
        "last_used",
        "revoked",
        "ended",
    ];
    match value {
        Value::Object(members) => {
            let masked = members.into_iter().map(|(name, value)| {
                let is_time = TIMES.contains(&name.as_str()) && value.as_u64() > Some(1_000_000);
                let value = match (name.as_str(), &value) {
                    _ if is_time => json!(1_767_628_860),
                    ("access_token", Value::String(_)) => json!("eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln"),
                    ("nonce" | "refresh_token" | "ticket" | "code", Value::String(_)) => {
                        json!("0102030405060708".repeat(4))
                    }
                    ("next_cursor", Value::String(_)) => json!("5b312c227573657273225d"),
                    ("secret", Value::String(_)) => {
                        json!("pledge_abcdefgh_".to_owned() + &"01".repeat(32))
                    }
                    ("prefix", Value::String(_)) => json!("abcdefgh"),
                    (_, Value::String(text)) if is_id(text) => {
                        json!("00112233445566778899aabbccddeeff")
                    }
                    (_, Value::String(text))
                        if text.rsplit_once(':').is_some_and(|(_, id)| is_id(id)) =>
                    {
                        let (kind, _) = text.rsplit_once(':').expect("it was found");
                        json!(format!("{kind}:00112233445566778899aabbccddeeff"))
                    }
                    _ => masked(value),
                };
                (name, value)
            });
            Value::Object(masked.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        other => other,
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

#[tokio::test]
async fn every_example_of_an_answer_is_what_the_routes_answer() {
    let (office, admin) = office().await;
    let admin = Some(admin.as_str());
    let mut answered = BTreeMap::new();
    let mut keep = |operation: &'static str, answer: Value| {
        assert!(answered.insert(operation, masked(answer.clone())).is_none(), "{operation} twice");
        answer
    };
    let because = |more: Value| {
        let mut body = json!({ "reason": "a planned change" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let ask = async |method: &str, path: &str, body| office.ok(admin, method, path, body).await;
    let nothing = || json!({});

    keep("nonce", office.ok(None, "POST", "/auth/nonce", None).await);
    let tokens = office.tokens("anna").await;
    keep("sign_in_with_password", tokens.clone());
    keep("sign_in_with_wallet", tokens.clone());
    let body = json!({ "name": "vera", "password": "another long password" });
    let vera = keep("register", office.ok(None, "POST", "/auth/register", Some(body)).await);
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    keep("refresh", office.ok(None, "POST", "/auth/refresh", Some(body)).await);
    keep("ticket", ask("POST", "/auth/ticket", None).await);
    keep("sessions", ask("GET", "/auth/sessions?limit=1", None).await);
    let me = keep("me", ask("GET", "/auth/me", None).await);
    let own = json!({ "display_name": "Anna Lee", "language": "en", "time_zone": "Europe/Zurich" });
    keep("change_me", ask("PATCH", "/auth/me", Some(own)).await);
    let vera_token = text(&vera["access_token"]);
    let as_vera = office.ok(Some(&vera_token), "GET", "/auth/me", None).await;
    let revoke = format!("/auth/sessions/{}/revoke", text(&as_vera["session"]));
    keep("revoke_session", office.ok(Some(&vera_token), "POST", &revoke, None).await);

    keep("pause_chain", ask("POST", "/chains/1/pause", because(nothing())).await);
    let plan = keep("plan_rewind", ask("GET", "/chains/1/rewind?to_block=0", None).await);
    let retry = format!("/settlements/1:{TOKEN}:main:{THREE_PM}/retry");
    keep("retry_settlement", ask("POST", &retry, because(nothing())).await);
    let of_token = format!("/chains/1/tokens/{TOKEN}");
    let season = json!({ "programme": "season_2", "rate": "0", "schedule": [{ "from": THREE_PM, "rate": "1.5" }] });
    keep("add_programme", ask("POST", &format!("{of_token}/programmes"), because(season)).await);
    let rates =
        json!({ "rate": "0.05", "schedule": [{ "from": THREE_PM + 2 * HOUR, "rate": "0.1" }] });
    keep(
        "change_programme",
        ask("PUT", &format!("{of_token}/programmes/main"), because(rates)).await,
    );
    let planned = json!({ "to_block": 0, "digest": plan["digest"] });
    keep("rewind_chain", ask("POST", "/chains/1/rewind", because(planned)).await);
    keep("resume_chain", ask("POST", "/chains/1/resume", because(nothing())).await);
    keep("pause_token", ask("POST", &format!("{of_token}/pause"), because(nothing())).await);
    keep("resume_token", ask("POST", &format!("{of_token}/resume"), because(nothing())).await);

    keep("users", ask("GET", "/admin/users?limit=1", None).await);
    let vera = format!("/admin/users/{}", text(&as_vera["user"]["id"]));
    let grants = json!({ "grants": [{ "role": "operator", "chains": [1], "tokens": [] }] });
    keep("change_grants", ask("PUT", &format!("{vera}/grants"), because(grants)).await);
    keep("ban_user", ask("POST", &format!("{vera}/ban"), because(nothing())).await);
    keep("user", ask("GET", &vera, None).await);
    keep("unban_user", ask("POST", &format!("{vera}/unban"), because(nothing())).await);
    keep("remove_user", ask("POST", &format!("{vera}/remove"), because(nothing())).await);
    let invitation = json!({ "grants": [{ "role": "viewer" }], "note": "for Vito" });
    let made = keep("invite", ask("POST", "/admin/invitations", because(invitation)).await);
    keep("invitations", ask("GET", "/admin/invitations?limit=1", None).await);
    let revoke = format!("/admin/invitations/{}/revoke", text(&made["id"]));
    keep("revoke_invitation", ask("POST", &revoke, because(nothing())).await);
    let role = json!({ "role": "rewinder", "permissions": ["chains:rewind"] });
    keep("add_role", ask("POST", "/admin/roles", because(role)).await);
    let more = json!({ "permissions": ["chains:pause", "chains:rewind"] });
    keep("change_role", ask("PUT", "/admin/roles/rewinder", because(more)).await);
    keep("roles", ask("GET", "/admin/roles?limit=2", None).await);
    keep("remove_role", ask("POST", "/admin/roles/rewinder/remove", because(nothing())).await);
    let key = json!({ "name": "bot", "grants": [{ "role": "viewer" }], "owner": me["user"]["id"] });
    let made = keep("add_api_key", ask("POST", "/admin/api-keys", because(key)).await);
    keep("api_keys", ask("GET", "/admin/api-keys?limit=1", None).await);
    let revoke = format!("/admin/api-keys/{}/revoke", text(&made["id"]));
    keep("revoke_api_key", ask("POST", &revoke, because(nothing())).await);
    keep("audit", ask("GET", "/admin/audit?action=pause_chain", None).await);
    keep(
        "logout",
        office.ok(Some(&office.token("anna").await), "POST", "/auth/logout", None).await,
    );
    keep("logout_everywhere", ask("POST", "/auth/logout-everywhere", None).await);
    compare("access_answers.json", &answered);
}

#[tokio::test]
async fn every_example_of_a_problem_is_what_the_routes_answer() {
    let (office, admin) = office().await;
    let viewer = office.signed_in("vera", "viewer").await;
    let unconfigured = Office::with(Rules { is_configured: false, ..Rules::default() }).await;
    let closed = Office::new().await;
    let (admin, viewer) = (admin.as_str(), viewer.as_str());
    let because = json!({ "reason": "a planned change" });
    let nobody = "ff".repeat(16);
    let mut answered = BTreeMap::new();
    let mut keep = async |code: &'static str, office: &Office, asked: Request<Body>| {
        let problem = body_of(office.router.clone().oneshot(asked).await.unwrap()).await;
        assert_eq!(problem["code"], code, "{problem}");
        answered.insert(code, problem);
    };
    let key = "example-key-1";
    let plain = |token, method: &str, path: &str, body| request(token, method, path, key, body);
    let write = |path: &str, body: &Value| {
        request(Some(admin), "POST", path, &fresh_key(), Some(body.clone()))
    };
    keep("unauthenticated", &office, plain(None, "GET", "/auth/me", None)).await;
    keep("forbidden", &office, plain(Some(viewer), "GET", "/admin/users", None)).await;
    keep("access-not-configured", &unconfigured, plain(None, "POST", "/auth/nonce", None)).await;
    let wrong = json!({ "name": "anna", "password": "wrong" });
    keep("sign-in-refused", &office, plain(None, "POST", "/auth/password", Some(wrong))).await;
    let person = json!({ "name": "vito", "password": PASSWORD });
    keep("registration-refused", &closed, plain(None, "POST", "/auth/register", Some(person)))
        .await;
    let more = json!({ "name": "anna", "password": "x", "role": "admin" });
    keep("invalid-body", &office, plain(None, "POST", "/auth/password", Some(more))).await;
    keep("unsupported-media-type", &office, plain(None, "POST", "/auth/password", None)).await;
    let pause = |reason: &str| {
        request(Some(admin), "POST", "/chains/1/pause", key, Some(json!({ "reason": reason })))
    };
    office.router.clone().oneshot(pause("one")).await.unwrap();
    keep("idempotency-key-reused", &office, pause("another")).await;
    keep("nothing-to-do", &office, write(&format!("/chains/1/tokens/{TOKEN}/resume"), &because))
        .await;
    let me = office.ok(Some(admin), "GET", "/auth/me", None).await;
    let ban = format!("/admin/users/{}/ban", text(&me["user"]["id"]));
    keep("not-possible", &office, write(&ban, &because)).await;
    let planned =
        json!({ "to_block": 0, "digest": format!("0x{}", "11".repeat(32)), "reason": "a" });
    keep("state-moved", &office, write("/chains/1/rewind", &planned)).await;
    let role = json!({ "role": "rewinder", "permissions": [], "reason": "a" });
    office.router.clone().oneshot(write("/admin/roles", &role)).await.unwrap();
    let again = request(Some(admin), "POST", "/admin/roles", "key-again", Some(role));
    keep("taken", &office, again).await;
    keep("unknown-user", &office, write(&format!("/admin/users/{nobody}/ban"), &because)).await;
    let unknown = json!({ "permissions": [], "reason": "a" });
    let change = request(Some(admin), "PUT", "/admin/roles/unknown", "key-role", Some(unknown));
    keep("unknown-role", &office, change).await;
    let revoke = |what: &str| write(&format!("/admin/{what}/{nobody}/revoke"), &because);
    keep("unknown-api-key", &office, revoke("api-keys")).await;
    keep("unknown-invitation", &office, revoke("invitations")).await;
    begin(&office, &me, "under-way-1").await;
    let again = request(Some(admin), "POST", "/chains/1/pause", "under-way-1", Some(because));
    keep("request-under-way", &office, again).await;
    let away = rewinding_without_a_node().await;
    let path = "/chains/1/rewind";
    let plan = away.0.ok(Some(&away.1), "GET", &format!("{path}?to_block=0"), None).await;
    let planned = json!({ "to_block": 0, "digest": plan["digest"], "reason": "a" });
    keep("node-unavailable", &away.0, request(Some(&away.1), "POST", path, key, Some(planned)))
        .await;
    compare("access_problems.json", &answered);
}

/// Begins the pause of a chain under a key, as a request does whose end is not there yet.
async fn begin(office: &Office, me: &Value, key: &str) {
    let user = text(&me["user"]["id"]).parse().expect("an id");
    let key = IdempotencyKey::new(key).expect("a key");
    let request = RequestKey { principal: Principal::User(user), key };
    let body = json!({ "reason": "a planned change" }).to_string();
    let digest = digest_of("POST", "/api/v1/chains/1/pause", body.as_bytes());
    office.store.begin_request(&request, digest).await.expect("it begins");
}

fn digest_of(method: &str, path: &str, body: &[u8]) -> B256 {
    let parts = [method.as_bytes(), path.as_bytes(), body];
    let lengths = parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes());
    keccak256(lengths.chain(parts.concat()).collect::<Vec<_>>())
}

/// An office whose chain is paused and has no node that answers, and an operator's access token.
async fn rewinding_without_a_node() -> (Office, String) {
    let rules = Rules { is_away: true, ..Rules::default() };
    let office = Office::played(rules, async |world: &mut World| {
        world.chain(1, THREE_PM).await;
        world.token(1, TOKEN, 18).await;
        world.advance(1, THREE_PM + MINUTE).await;
        Vec::new()
    })
    .await;
    let operator = office.signed_in("olga", "operator").await;
    let body = Some(json!({ "reason": "a deep fork" }));
    office.ok(Some(&operator), "POST", "/chains/1/pause", body).await;
    (office, operator)
}
