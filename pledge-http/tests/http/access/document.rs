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

/// The answers of operations by their ids, as an admin is given them.
struct Answers<'a> {
    office: &'a Office,
    admin: &'a str,
    by_operation: BTreeMap<&'static str, Value>,
}

impl Answers<'_> {
    fn keep(&mut self, operation: &'static str, answer: Value) -> Value {
        let before = self.by_operation.insert(operation, masked(answer.clone()));
        assert!(before.is_none(), "{operation} twice");
        answer
    }

    async fn ask(
        &mut self,
        operation: &'static str,
        (method, path): (&str, &str),
        body: Option<Value>,
    ) -> Value {
        let answer = self.office.ok(Some(self.admin), method, path, body).await;
        self.keep(operation, answer)
    }

    /// The answer to an act, whose body has a reason too.
    async fn act(
        &mut self,
        operation: &'static str,
        asked: (&str, &str),
        mut body: Value,
    ) -> Value {
        body["reason"] = json!("a planned change");
        self.ask(operation, asked, Some(body)).await
    }
}

#[tokio::test]
async fn every_example_of_an_answer_is_what_the_routes_answer() {
    let (office, admin) = office().await;
    let mut answers = Answers { office: &office, admin: &admin, by_operation: BTreeMap::new() };
    let (me, vera) = ask_for_sign_in(&mut answers).await;
    ask_for_chains(&mut answers).await;
    ask_for_tokens(&mut answers).await;
    ask_for_users(&mut answers, &vera).await;
    ask_for_roles_and_keys(&mut answers, &me).await;
    answers.ask("audit", ("GET", "/admin/audit?action=pause_chain"), None).await;
    let again = office.token("anna").await;
    answers.keep("logout", office.ok(Some(&again), "POST", "/auth/logout", None).await);
    answers.ask("logout_everywhere", ("POST", "/auth/logout-everywhere"), None).await;
    compare("access_answers.json", &answers.by_operation);
}

/// Returns the ids of the admin and of another user.
async fn ask_for_sign_in(answers: &mut Answers<'_>) -> (String, String) {
    let office = answers.office;
    answers.keep("nonce", office.ok(None, "POST", "/auth/nonce", None).await);
    let tokens = office.tokens("anna").await;
    answers.keep("sign_in_with_password", tokens.clone());
    answers.keep("sign_in_with_wallet", tokens.clone());
    let body = json!({ "name": "vera", "password": "another long password" });
    let vera = office.ok(None, "POST", "/auth/register", Some(body)).await;
    answers.keep("register", vera.clone());
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    answers.keep("refresh", office.ok(None, "POST", "/auth/refresh", Some(body)).await);
    answers.ask("ticket", ("POST", "/auth/ticket"), None).await;
    answers.ask("sessions", ("GET", "/auth/sessions?limit=1"), None).await;
    let me = answers.ask("me", ("GET", "/auth/me"), None).await;
    let own = json!({ "display_name": "Anna Lee", "language": "en", "time_zone": "Europe/Zurich" });
    answers.ask("change_me", ("PATCH", "/auth/me"), Some(own)).await;
    let vera_token = text(&vera["access_token"]);
    let as_vera = office.ok(Some(&vera_token), "GET", "/auth/me", None).await;
    let revoke = format!("/auth/sessions/{}/revoke", text(&as_vera["session"]));
    answers.keep("revoke_session", office.ok(Some(&vera_token), "POST", &revoke, None).await);
    (text(&me["user"]["id"]), text(&as_vera["user"]["id"]))
}

async fn ask_for_chains(answers: &mut Answers<'_>) {
    answers.act("pause_chain", ("POST", "/chains/1/pause"), json!({})).await;
    let plan = answers.ask("plan_rewind", ("GET", "/chains/1/rewind?to_block=0"), None).await;
    let retry = format!("/settlements/1:{TOKEN}:main:{THREE_PM}/retry");
    answers.act("retry_settlement", ("POST", &retry), json!({})).await;
    let of_token = format!("/chains/1/tokens/{TOKEN}/programmes");
    let season = json!({ "programme": "season_2", "rate": "0", "schedule": [{ "from": THREE_PM, "rate": "1.5" }] });
    answers.act("add_programme", ("POST", &of_token), season).await;
    let rates =
        json!({ "rate": "0.05", "schedule": [{ "from": THREE_PM + 2 * HOUR, "rate": "0.1" }] });
    let main = format!("{of_token}/main");
    answers.act("change_programme", ("PUT", &main), rates).await;
    let planned = json!({ "to_block": 0, "digest": plan["digest"] });
    answers.act("rewind_chain", ("POST", "/chains/1/rewind"), planned).await;
    answers.act("resume_chain", ("POST", "/chains/1/resume"), json!({})).await;
}

async fn ask_for_tokens(answers: &mut Answers<'_>) {
    for (operation, act) in [("pause_token", "pause"), ("resume_token", "resume")] {
        let path = format!("/chains/1/tokens/{TOKEN}/{act}");
        answers.act(operation, ("POST", &path), json!({})).await;
    }
}

async fn ask_for_users(answers: &mut Answers<'_>, vera: &str) {
    answers.ask("users", ("GET", "/admin/users?limit=1"), None).await;
    let vera = format!("/admin/users/{vera}");
    let grants = json!({ "grants": [{ "role": "operator", "chains": [1], "tokens": [] }] });
    answers.act("change_grants", ("PUT", &format!("{vera}/grants")), grants).await;
    answers.act("ban_user", ("POST", &format!("{vera}/ban")), json!({})).await;
    answers.ask("user", ("GET", &vera), None).await;
    answers.act("unban_user", ("POST", &format!("{vera}/unban")), json!({})).await;
    answers.act("remove_user", ("POST", &format!("{vera}/remove")), json!({})).await;
    let invitation = json!({ "grants": [{ "role": "viewer" }], "note": "for Vito" });
    let made = answers.act("invite", ("POST", "/admin/invitations"), invitation).await;
    answers.ask("invitations", ("GET", "/admin/invitations?limit=1"), None).await;
    let revoke = format!("/admin/invitations/{}/revoke", text(&made["id"]));
    answers.act("revoke_invitation", ("POST", &revoke), json!({})).await;
}

async fn ask_for_roles_and_keys(answers: &mut Answers<'_>, me: &str) {
    let role = json!({ "role": "rewinder", "permissions": ["chains:rewind"] });
    answers.act("add_role", ("POST", "/admin/roles"), role).await;
    let more = json!({ "permissions": ["chains:pause", "chains:rewind"] });
    answers.act("change_role", ("PUT", "/admin/roles/rewinder"), more).await;
    answers.ask("roles", ("GET", "/admin/roles?limit=2"), None).await;
    answers.act("remove_role", ("POST", "/admin/roles/rewinder/remove"), json!({})).await;
    let key = json!({ "name": "bot", "grants": [{ "role": "viewer" }], "owner": me });
    let made = answers.act("add_api_key", ("POST", "/admin/api-keys"), key).await;
    answers.ask("api_keys", ("GET", "/admin/api-keys?limit=1"), None).await;
    let revoke = format!("/admin/api-keys/{}/revoke", text(&made["id"]));
    answers.act("revoke_api_key", ("POST", &revoke), json!({})).await;
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
    Office::paused(Rules { is_away: true, ..Rules::default() }).await
}
