//! Routes x roles: what each cell of the table allows is what a request finds.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use pledge_core::types::ChainId;
use pledge_http::access::{Gatekeeper, openapi};
use pledge_office::access::{
    Authenticator, Caller, Credential, Grant, Identity, Object, Permission, Role, RoleName, Scope,
    SessionId, Unauthenticated, UserId,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::body_of;
use crate::support::office::{Office, request};

/// The chain of the narrow roles, and of every path that names one.
const CHAIN: u64 = 1;
const OTHER_CHAIN: u64 = 2;
const TOKEN: &str = "0x70ce000000000000000000000000000000000001";

/// The user behind every column: what it may do is the column's.
const CALLER: UserId = UserId::from_bytes([7; 16]);

/// Lets in who names a column of the table.
#[derive(Debug)]
struct ByColumn;

#[async_trait]
impl Authenticator for ByColumn {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, Unauthenticated> {
        let Credential::AccessToken(column) = credential else {
            return Err(Unauthenticated::Refused);
        };
        let grants = grants_of(column).ok_or(Unauthenticated::Refused)?;
        let identity = Identity::User {
            user: CALLER,
            name: column.clone(),
            session: SessionId::from_bytes([7; 16]),
        };
        Ok(Caller { identity, grants, until: None })
    }

    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated> {
        Ok(caller.clone())
    }
}

/// The built-in roles, the operator of a chain and the one of another chain, and a role of one permission.
const COLUMNS: [&str; 8] = [
    "anonymous",
    "member",
    "viewer",
    "operator",
    "admin",
    "operator-of-the-chain",
    "operator-of-another",
    "rewinder",
];

fn grants_of(column: &str) -> Option<Vec<Grant>> {
    let built_in = |name: &str| Role::built_in().into_iter().find(|one| one.name.as_str() == name);
    let on = |chain: u64| Scope::Within {
        chains: [ChainId::new(chain)].into(),
        tokens: BTreeSet::new(),
    };
    let (role, scope) = match column {
        "operator-of-the-chain" => (built_in("operator")?, on(CHAIN)),
        "operator-of-another" => (built_in("operator")?, on(OTHER_CHAIN)),
        "rewinder" => {
            let name = RoleName::new("rewinder").expect("a short word");
            (Role { name, permissions: [Permission::Rewind].into() }, Scope::Everywhere)
        }
        name => (built_in(name)?, Scope::Everywhere),
    };
    Some(vec![Grant { role, scope }])
}

/// What a path is about, by the values that this test puts into it.
fn object_of(path: &str) -> Object {
    use pledge_core::types::TokenId;
    let chain = ChainId::new(CHAIN);
    let token = Object::Token(TokenId { chain, address: TOKEN.parse().expect("an address") });
    if path.contains("{token}") || path.starts_with("/settlements/{id}") {
        token
    } else if path.contains("{chain_id}") {
        Object::Chain(chain)
    } else {
        Object::General
    }
}

fn concrete(path: &str) -> String {
    let id = "00".repeat(16);
    path.replace("{chain_id}", &CHAIN.to_string())
        .replace("{token}", TOKEN)
        .replace("{account}", "0xa11ce00000000000000000000000000000000001")
        .replace("{id}", &format!("{CHAIN}:{TOKEN}:main:0"))
        .replace("{programme}", "main")
        .replace("{role}", "made-up")
        .replace("{user}", &id)
        .replace("{key}", &id)
        .replace("{session}", &id)
        .replace("{invitation}", &id)
}

/// Every operation of the document: method, path, and what it states of who may. What is live lets its
/// readers in by itself: `tests/live/rights.rs`.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(openapi()).expect("plain data");
    let paths = document["paths"].as_object().expect("paths").clone();
    let all = paths.into_iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("an item").clone();
        item.into_iter()
            .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    all.filter(|(_, _, operation)| operation["tags"] != json!(["live"])).collect()
}

/// What a request has to find, by what the document states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Admitted,
    SignInFirst,
    Forbidden,
}

fn expected(operation: &Value, path: &str, column: &str, public_reads: bool) -> Cell {
    let grants = grants_of(column);
    let may = |permission: Permission| {
        let Some(grants) = &grants else { return Cell::SignInFirst };
        let allowed = pledge_office::access::may(grants, permission, object_of(path));
        if allowed { Cell::Admitted } else { Cell::Forbidden }
    };
    let is_reading = !["sign-in", "operators", "admins"]
        .iter()
        .any(|tag| operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!(tag))));
    match (operation["x-permission"].as_str(), operation["x-role"].as_str()) {
        (Some(permission), _) => may(permission.parse().expect("a permission")),
        (None, Some("public")) if is_reading && !public_reads => may(Permission::ReadAll),
        (None, Some("public")) => Cell::Admitted,
        (None, Some("member")) if grants.is_some() => Cell::Admitted,
        (None, Some("member")) => Cell::SignInFirst,
        other => panic!("{path}: {other:?}"),
    }
}

async fn found(router: &Router, method: &str, path: &str, column: &str) -> Cell {
    let token = Some(column).filter(|column| *column != "anonymous");
    // Without a body and a key: a write that is let in is refused for that, and writes nothing.
    let mut request = request(token, method, &concrete(path), "", None);
    request.headers_mut().remove("idempotency-key");
    let response = router.clone().oneshot(request).await.expect("the router never fails");
    let status = response.status();
    if status == StatusCode::OK {
        return Cell::Admitted;
    }
    let problem = body_of(response).await;
    match (status.as_u16(), problem["code"].as_str()) {
        (401, Some("unauthenticated")) => Cell::SignInFirst,
        (403, Some("forbidden")) => Cell::Forbidden,
        (401 | 403 | 500..=599, _) => panic!("{method} {path} as {column}: {problem}"),
        _ => Cell::Admitted,
    }
}

async fn every_cell(public_reads: bool) {
    let office = Office::new().await;
    office.user_of(CALLER, "caller", "member").await;
    let authenticator: Option<Arc<dyn Authenticator>> = Some(Arc::new(ByColumn));
    let router = office.kept_by(&Gatekeeper { authenticator, public_reads, watch: None });
    let operations = operations();
    let mut cells = 0;
    for (method, path, operation) in &operations {
        for column in COLUMNS {
            let expected = expected(operation, path, column, public_reads);
            let found = found(&router, method, path, column).await;
            assert_eq!(found, expected, "{method} {path} as {column}");
            cells += 1;
        }
    }
    assert_eq!(cells, operations.len() * COLUMNS.len());
    assert!(operations.len() > 40, "the document has {} operations", operations.len());
}

#[tokio::test]
async fn every_cell_is_what_the_document_states_where_reading_is_public() {
    every_cell(true).await;
}

#[tokio::test]
async fn every_cell_is_what_the_document_states_where_reading_needs_a_role() {
    every_cell(false).await;
}

#[tokio::test]
async fn a_narrow_role_is_not_valid_for_what_its_path_does_not_name_exactly() {
    let office = Office::new().await;
    let authenticator: Option<Arc<dyn Authenticator>> = Some(Arc::new(ByColumn));
    let router = office.kept_by(&Gatekeeper { authenticator, public_reads: true, watch: None });
    let column = Some("operator-of-the-chain");
    for (path, is_let_in) in [
        ("/chains/1/pause", true),
        ("/chains/2/pause", false),
        ("/chains/01/pause", true),
        ("/chains/x/pause", false),
        ("/chains/1%2f/pause", false),
        ("/settlements/2:0x70ce000000000000000000000000000000000001:main:0/retry", false),
        ("/settlements/1/retry", false),
        ("/chains/2/tokens/0x70ce000000000000000000000000000000000001/pause", false),
        ("/chains/1/tokens/nonsense/pause", false),
    ] {
        let response = router.clone().oneshot(request(column, "POST", path, "", None)).await;
        let status = response.expect("the router never fails").status();
        assert_eq!(status != StatusCode::FORBIDDEN, is_let_in, "{path}: {status}");
    }
}
