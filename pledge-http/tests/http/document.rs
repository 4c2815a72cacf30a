//! The OpenAPI document is what the router does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;
use axum::Router;
use axum::http::header;
use pledge_core::admission::Admission;
use pledge_core::error::StoreErrorKind;
use pledge_core::types::{ChainId, TokenId};
use pledge_http::live::{self, Hub, LiveLimits, LiveParts, OwnOrigin, Turns};
use pledge_http::{
    API, Gate, Refusal, openapi, openapi_of_service, probes, router, service, service_over,
};
use pledge_office::access::{Authenticator, Caller, Credential, Unauthenticated};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Stores, World, account_path, body_of, mint, send, time, token_path, whole,
};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, crowded};

fn document() -> Value {
    serde_json::to_value(openapi_of_service()).expect("a document is plain data")
}

/// A chain with a token whose second hour a reorg settled again, and one that is not started.
async fn world() -> World {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    chain.mine(time(THREE_PM + 10 * MINUTE), &[mint(token, ALICE, whole(100))]);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(100))]);
    chain.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    world.settle(token).await;
    chain.fork_at(1);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(50))]);
    for _ in 0..5 {
        chain.mine(time(THREE_PM + HOUR), &[]);
    }
    world.index().await;
    world.settle(token).await;
    world.pulse.check().await;
    world
}

/// The path of each operation with an example, by its id.
fn answers() -> BTreeMap<&'static str, String> {
    let token = TokenId { chain: ChainId::new(1), address: TOKEN };
    let (of_token, of_account) = (token_path(token), account_path(token, ALICE));
    BTreeMap::from([
        ("chains", "/api/v1/chains?limit=1".to_owned()),
        ("chain", "/api/v1/chains/1".to_owned()),
        ("tokens", "/api/v1/chains/1/tokens?limit=1".to_owned()),
        ("token", of_token.clone()),
        ("accounts", format!("{of_token}/accounts?limit=2")),
        ("account", of_account.clone()),
        ("changes", format!("{of_account}/changes?limit=2")),
        ("points", format!("{of_account}/points?limit=2")),
        ("statements", format!("{of_account}/statements?limit=2")),
        ("portfolio", format!("/api/v1/accounts/{ALICE}")),
        ("settlements", "/api/v1/settlements?limit=1".to_owned()),
        ("settlement", format!("/api/v1/settlements/1:{TOKEN}:main:{THREE_PM}")),
        ("healthz", "/healthz".to_owned()),
        ("ping", "/ping".to_owned()),
        ("readyz", "/readyz".to_owned()),
    ])
}

/// Lets everyone in who shows anything, and allows nothing.
#[derive(Debug)]
struct Members;

#[async_trait]
impl Authenticator for Members {
    async fn authenticate(&self, _: &Credential) -> Result<Caller, Unauthenticated> {
        Ok(Caller::anonymous())
    }

    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated> {
        Ok(caller.clone())
    }
}

/// The routes of every feature, of a hub that runs until the test ends.
async fn with_live(world: &World, limits: LiveLimits, public_reads: bool) -> Router {
    let turns = Admission::new(8.try_into().expect("not zero"), 8);
    let hub = Hub::new(LiveParts {
        events: std::sync::Arc::new(pledge_storage_memory::MemoryStore::new()),
        queries: world.api.queries.clone(),
        turns: Turns { admission: turns, wait: std::time::Duration::from_secs(1) },
        authenticator: Some(std::sync::Arc::new(Members)),
        public_reads,
        origins: std::sync::Arc::new(OwnOrigin),
        hints: None,
        limits,
    });
    let running = hub.clone();
    tokio::spawn(async move { running.run().await });
    hub.opened().await;
    let routes = router(world.api.clone()).merge(live::routes(hub));
    service_over(routes, probes(world.health.clone()), &openapi_of_service())
}

/// A request that is refused, for each code of a problem.
async fn refused() -> BTreeMap<&'static str, (Router, String)> {
    let world = world().await;
    let routes = |world: &World| service(world.api.clone(), world.health.clone());
    let token = TokenId { chain: ChainId::new(1), address: TOKEN };
    let of_account = account_path(token, ALICE);
    let other = world.token(1, OTHER_TOKEN, 18).await;
    let asked = |path: String| (routes(&world), path);
    let failing =
        |kind| (routes(&World::over(Stores::failing(kind))), "/api/v1/chains/1".to_owned());
    let open = with_live(&world, LiveLimits::default(), true).await;
    let closed = with_live(&world, LiveLimits::default(), false).await;
    let narrow = LiveLimits { topics_max: 1, ..LiveLimits::default() };
    let narrow = with_live(&world, narrow, true).await;
    let stream = |topics: &str| format!("/api/v1/stream?topics={topics}");
    let ending = World::in_memory();
    ending.process.is_ending.store(true, std::sync::atomic::Ordering::Relaxed);
    let host = |refusal: Refusal| {
        let host = Router::new().fallback(move || std::future::ready(refusal));
        (host, "/api/v1/chains".to_owned())
    };
    BTreeMap::from([
        ("forbidden", (closed.clone(), stream("chains"))),
        ("unauthenticated", (closed, stream("chains"))),
        ("foreign-origin", (open.clone(), stream("chains"))),
        ("upgrade-required", (open, "/api/v1/ws".to_owned())),
        ("too-many-topics", (narrow, stream("chains,settlements"))),
        ("timed-out", host(Refusal::TimedOut)),
        ("body-too-large", host(Refusal::BodyTooLarge { bytes_max: 1_024 })),
        ("incomplete-body", host(Refusal::IncompleteBody)),
        ("uri-too-long", host(Refusal::UriTooLong { bytes_max: 8_192 })),
        ("too-many-requests", host(Refusal::TooManyRequests { seconds: 3 })),
        ("invalid-parameter", asked("/api/v1/chains?limit=0".to_owned())),
        ("wrong-method", asked("/api/v1/chains".to_owned())),
        ("unknown-route", asked("/api/v1/blocks".to_owned())),
        ("unknown-chain", asked("/api/v1/chains/7".to_owned())),
        ("unknown-token", asked("/api/v1/chains/7/tokens/".to_owned() + &TOKEN.to_string())),
        ("unknown-programme", asked(format!("{of_account}?programme=season_2"))),
        ("unknown-account", asked(format!("/api/v1/accounts/0x{}", "0".repeat(40)))),
        ("unknown-settlement", asked(format!("/api/v1/settlements/1:{TOKEN}:main:0"))),
        ("not-started", asked(account_path(other, ALICE))),
        ("too-many-tokens", (routes(&crowded().await), format!("/api/v1/accounts/{ALICE}"))),
        ("too-late", asked(format!("{of_account}?at={}", THREE_PM + 2 * HOUR))),
        ("too-early", asked(format!("{of_account}?at={}", THREE_PM - 5))),
        ("moving", failing(StoreErrorKind::Conflict)),
        ("unavailable", failing(StoreErrorKind::Unavailable)),
        ("busy", failing(StoreErrorKind::Busy)),
        ("internal", failing(StoreErrorKind::Corrupt)),
        ("starting", (Gate::default().router(), "/api/v1/chains".to_owned())),
        ("stopping", (routes(&ending), "/readyz".to_owned())),
    ])
}

/// Compares what was answered with the file, or writes the file with `PLEDGE_BLESS`.
pub(crate) fn compare(file: &str, answered: &BTreeMap<&str, Value>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi").join(file);
    let text = serde_json::to_string_pretty(answered).expect("plain data") + "\n";
    if std::env::var_os("PLEDGE_BLESS").is_some() {
        fs::write(&path, &text).expect("the file can be written");
    }
    let expected = fs::read_to_string(&path).expect("the file exists");
    let renew = "if that is meant: `PLEDGE_BLESS=1 cargo test -p pledge-http --test http document`";
    assert!(text == expected, "{file} is not what the router answers; {renew}\n{text}");
}

#[tokio::test]
async fn every_example_of_an_answer_is_what_the_router_answers() {
    let world = world().await;
    let mut answered = BTreeMap::new();
    for (operation, path) in answers() {
        answered.insert(operation, world.ok(&path).await);
    }
    compare("answers.json", &answered);
}

#[tokio::test]
async fn every_example_of_a_problem_is_what_the_router_answers() {
    let mut answered = BTreeMap::new();
    for (code, (router, path)) in refused().await {
        let method = if code == "wrong-method" { "DELETE" } else { "GET" };
        let headers: &[(&str, &str)] = match code {
            "foreign-origin" => &[("origin", "https://app.example")],
            "forbidden" => &[("authorization", "Bearer of-a-member")],
            _ => &[],
        };
        let problem = body_of(send(router, method, &path, headers).await).await;
        assert_eq!(problem["code"], code, "{path}: {problem}");
        answered.insert(code, problem);
    }
    compare("problems.json", &answered);
}

/// The document of all that the crate has.
fn whole_document() -> Value {
    #[cfg(feature = "access")]
    let whole = pledge_http::access::openapi_of_service();
    #[cfg(not(feature = "access"))]
    let whole = openapi_of_service();
    serde_json::to_value(whole).expect("a document is plain data")
}

/// Each operation with its path.
fn operations(document: &Value) -> Vec<(&str, &Value)> {
    let paths = document["paths"].as_object().expect("a document has paths");
    let all = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().expect("an item").values();
        operations.map(move |operation| (path.as_str(), operation))
    });
    all.collect()
}

#[tokio::test]
async fn every_documented_path_is_a_route() {
    let world = world().await;
    let document = document();
    let paths = operations(&document);
    assert_eq!(paths.len(), 18);
    // What they answer does not end: tests of their own ask them.
    let lasts = |operation: &Value| operation["tags"][0] == "live";
    for (path, operation) in paths.into_iter().filter(|(_, operation)| !lasts(operation)) {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        let concrete = answers().remove(id).unwrap_or_else(|| path.to_owned());
        let (asked, _) = concrete.split_once('?').unwrap_or((&concrete, ""));
        assert_eq!(asked.split('/').count(), path.split('/').count(), "{asked} is a {path}");
        let (status, _) = world.json(&concrete).await;
        assert_eq!(status, 200, "{concrete}");
    }
}

/// The paths of a router, which it shows in its debug output alone.
#[tokio::test]
async fn every_route_is_documented() {
    let world = World::in_memory();
    let shown = format!("{:?}", with_live(&world, LiveLimits::default(), true).await);
    let document = document();
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(path, _)| path).collect();
    let quoted = shown.split('"').filter(|part| part.starts_with('/') && !part.contains(' '));
    let routes: BTreeSet<_> =
        quoted // Where nested routers begin, and the page that shows the document.
            .filter(|path| !["/", API].contains(path) && !path.contains("{*"))
            .filter(|path| !path.starts_with("/docs"))
            .collect();
    assert!(routes.contains("/healthz"), "the debug output of a router has its paths: {shown}");
    assert_eq!(routes, documented);
}

#[test]
fn every_operation_and_parameter_is_explained_and_every_answer_has_an_example() {
    let document = whole_document();
    let mut ids = BTreeSet::new();
    for (path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        assert!(ids.insert(id), "{id} is of two operations");
        assert!(operation["x-role"].is_string(), "{path}");
        assert!(operation["summary"].is_string(), "{path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = &parameter["name"];
            let is_needed = parameter["in"] == "path"
                || ["Idempotency-Key", "to_block"].iter().any(|needed| name == needed);
            assert!(parameter["description"].is_string(), "{path}: {name}");
            assert_eq!(parameter["required"], is_needed, "{path}: {name}");
            let schema = &parameter["schema"];
            let bounded = ["pattern", "minimum", "enum", "oneOf", "examples"];
            assert!(bounded.iter().any(|key| schema.get(key).is_some()), "{path}: {parameter}");
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                if media_type == "application/problem+json" {
                    let codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"].clone();
                    let examples = content["examples"].as_object().expect("examples");
                    let named: BTreeSet<_> = examples
                        .keys()
                        .cloned()
                        .map(Value::from)
                        .map(|name| name.to_string())
                        .collect();
                    let codes = codes.as_array().expect("codes").iter().map(Value::to_string);
                    assert_eq!(named, codes.collect(), "{path} {status}");
                } else if status == "200" && media_type == "application/json" && id != "openapi" {
                    assert!(content["example"].is_object(), "{path} {status}");
                }
            }
        }
    }
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_schema_that_is_referred_to_exists_and_no_other() {
    let document = whole_document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let existing = schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
    assert_eq!(found, existing);
}

#[test]
fn every_field_of_an_answer_is_required_and_described() {
    let document = whole_document();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        let explains = ["description", "allOf", "oneOf"];
        assert!(explains.iter().any(|key| schema.get(key).is_some()), "{name}");
        if name == "Problem" || name.ends_with("Request") {
            continue;
        }
        let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
        for part in parts {
            let fields = part["properties"].as_object().into_iter().flatten();
            let fields: BTreeSet<_> = fields.map(|(field, _)| field.as_str()).collect();
            let required = part["required"].as_array().into_iter().flatten();
            let required: BTreeSet<_> = required.filter_map(Value::as_str).collect();
            assert_eq!(fields, required, "{name}");
        }
    }
}

#[tokio::test]
async fn the_service_answers_its_document() {
    let world = World::in_memory();
    let response = world.send("GET", "/openapi.json").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let answered = body_of(response).await;
    assert_eq!(answered, document());
    assert_eq!(answered["openapi"], "3.1.0");
}

/// The page works without the network: nothing in it is of another origin, and its policy forbids it.
#[cfg(feature = "docs")]
#[tokio::test]
async fn the_page_that_shows_the_document_needs_nothing_of_another_origin() {
    let world = World::in_memory();
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
    ] {
        let response = world.send("GET", path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], media_type, "{path}");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        let text = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(!text.contains("//cdn") && !text.contains("http:") && !text.contains("https:"));
        let is_inline =
            text.contains(" style=") || text.contains("<style") || text.contains("onclick");
        assert!(!is_inline, "{path}: what is inline is forbidden by the policy");
    }
}

#[test]
fn a_host_nests_the_document_where_it_mounts_the_routes() {
    let empty = pledge_http::utoipa::openapi::OpenApi::default();
    let nested = serde_json::to_value(empty.nest("/points", openapi())).unwrap();
    assert!(nested["paths"]["/points/chains"]["get"].is_object(), "{nested}");
    assert_eq!(nested["paths"].as_object().unwrap().len(), 14);
    assert_eq!(nested["components"]["schemas"]["Timestamp"]["maximum"], json!((1_u64 << 40) - 1));
}
