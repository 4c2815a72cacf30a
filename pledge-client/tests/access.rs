//! The routes of access: what the client sends is what the document takes, and it reads what the document answers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use pledge_client::{
    Act, AuditFilter, Client, Grant, NewKey, NewProgramme, Person, ProfileChange, RateStep,
    Rewound, Stop,
};
use pledge_core::primitives::Address;
use pledge_core::types::{BlockNumber, ChainId, Timestamp, TokenId};
use serde_json::Value;

const TOKEN: TokenId = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(7) };

/// The operations that were asked for, and what was wrong with a request.
#[derive(Debug, Default)]
struct Seen {
    operations: BTreeSet<String>,
    wrong: Vec<String>,
}

/// A server that answers each operation with the example of the document.
async fn serve() -> Result<(Client, Arc<Mutex<Seen>>)> {
    let document = serde_json::to_value(pledge_http::access::openapi_of_service())?;
    let document = Arc::new(document);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let kept = seen.clone();
    let routes = Router::new().fallback(async move |request: Request| {
        let answered = answer(&document, request).await;
        let mut seen = kept.lock().expect("no holder panics");
        match answered {
            Ok((operation, example)) => {
                seen.operations.insert(operation);
                axum::Json(example).into_response()
            }
            Err(error) => {
                seen.wrong.push(format!("{error:#}"));
                (StatusCode::IM_A_TEAPOT, Body::empty()).into_response() as Response
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = Client::new(format!("http://{address}/api/v1"))?.showing("a-token")?;
    Ok((client, seen))
}

/// The operation of a request and the example of its answer; an error where the document has the request
/// otherwise.
async fn answer(document: &Value, request: Request) -> Result<(String, Value)> {
    let (parts, body) = request.into_parts();
    let asked: Vec<_> = parts.uri.path().split('/').collect();
    let paths = document["paths"].as_object().context("paths")?;
    let method = parts.method.as_str().to_lowercase();
    let matches = |path: &str| {
        let path: Vec<_> = path.split('/').collect();
        let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
        path.len() == asked.len() && path.iter().zip(&asked).all(same)
    };
    let found = paths.iter().find(|(path, item)| matches(path) && item.get(&method).is_some());
    let (path, item) = found.with_context(|| format!("{method} {}", parts.uri))?;
    let operation = &item[&method];
    let has = |name: &str| parts.headers.contains_key(name);
    ensure!(parts.headers[header::AUTHORIZATION] == "Bearer a-token", "{path}: no credential");
    let names_key = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|parameter| parameter["name"] == "Idempotency-Key");
    ensure!(has("idempotency-key") == names_key, "{path}: the key");
    let body = to_bytes(body, usize::MAX).await?;
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    match schema.as_str() {
        None => ensure!(body.is_empty(), "{path}: a body that nothing takes"),
        Some(reference) => {
            let name = reference.rsplit('/').next().context("a name")?;
            let schema = &document["components"]["schemas"][name];
            let body: Value = serde_json::from_slice(&body)?;
            let body = body.as_object().context("an object")?;
            let properties = schema["properties"].as_object().context("properties")?;
            let unknown = body.keys().find(|field| !properties.contains_key(*field));
            ensure!(unknown.is_none(), "{path}: {unknown:?} is not of {name}");
            for field in schema["required"].as_array().into_iter().flatten() {
                let field = field.as_str().context("a name")?;
                ensure!(body.contains_key(field), "{path}: {field} is missing");
            }
        }
    }
    let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
    let mut example = example.clone();
    if example.get("next_cursor").is_some() {
        example["next_cursor"] = Value::Null;
    }
    Ok((operation["operationId"].as_str().context("an id")?.to_owned(), example))
}

/// Asks for everything once.
async fn ask_all(api: &Client) -> Result<()> {
    let act = Act::new("client-test-1", "a test");
    let (auth, operator, admin) = (api.auth(), api.operator(), api.admin());
    auth.nonce().await?;
    auth.wallet("message", "0x00").await?;
    auth.password("anna", "password").await?;
    let person = Person { name: Some("anna".to_owned()), ..Person::default() };
    auth.register(&person).await?;
    auth.refresh("token").await?;
    auth.ticket().await?;
    auth.me().await?;
    let change = ProfileChange { language: Some(None), ..ProfileChange::default() };
    auth.change_me(&change).await?;
    auth.sessions().items().try_collect::<Vec<_>>().await?;
    auth.revoke_session("id").await?;
    auth.logout().await?;
    auth.logout_everywhere().await?;

    operator.pause_chain(TOKEN.chain, &act).await?;
    let stop = Stop { status: "paused".to_owned(), reason: None, halt_reason: None };
    operator.resume_chain(TOKEN.chain, Some(&stop), &act).await?;
    let plan = operator.plan_rewind(TOKEN.chain, BlockNumber::new(1)).await?;
    let rewound = operator.rewind(&plan, &act).await?;
    ensure!(matches!(rewound, Rewound::Done(_)), "{rewound:?}");
    operator.pause_token(TOKEN, &act).await?;
    operator.resume_token(TOKEN, None, &act).await?;
    let rate = "0.05".parse()?;
    let step = RateStep { from: Timestamp::ZERO, rate };
    let programme = "season_2".to_owned();
    let new = NewProgramme { programme, rate, schedule: vec![step.clone()], window_seconds: None };
    operator.add_programme(TOKEN, &new, &act).await?;
    operator.change_rates(TOKEN, "main", (rate, &[step]), &act).await?;
    operator.retry("1:0x07:main:0", &act).await?;

    let grants = [Grant::everywhere("viewer")];
    admin.users().items().try_collect::<Vec<_>>().await?;
    admin.user("id").await?;
    admin.change_grants("id", &grants, &act).await?;
    admin.ban("id", &act).await?;
    admin.unban("id", &act).await?;
    admin.remove_user("id", &act).await?;
    admin.invitations().items().try_collect::<Vec<_>>().await?;
    admin.invite(&grants, None, &act).await?;
    admin.revoke_invitation("id", &act).await?;
    admin.roles().items().try_collect::<Vec<_>>().await?;
    admin.add_role("rewinder", &["chains:rewind"], &act).await?;
    admin.change_role("rewinder", &[], &act).await?;
    admin.remove_role("rewinder", &act).await?;
    admin.api_keys(Some("id")).items().try_collect::<Vec<_>>().await?;
    let name = "bot".to_owned();
    let key = NewKey { name, owner: None, grants: grants.to_vec(), until: None };
    admin.add_api_key(&key, &act).await?;
    admin.revoke_api_key("id", &act).await?;
    let filter = AuditFilter { actor: Some("person:anna".to_owned()), ..AuditFilter::default() };
    admin.audit(filter).items().try_collect::<Vec<_>>().await?;
    Ok(())
}

#[tokio::test]
async fn every_operation_of_access_is_asked_for_as_the_document_takes_it() -> Result<()> {
    let (api, seen) = serve().await?;
    let asked = ask_all(&api).await;
    let seen = seen.lock().expect("no holder panics");
    assert_eq!(seen.wrong, [""; 0]);
    asked?;
    let document = serde_json::to_value(pledge_http::access::openapi())?;
    let paths = document["paths"].as_object().context("paths")?.values();
    let operations =
        paths.flat_map(|item| item.as_object().into_iter().flat_map(|item| item.values()));
    let of_access = operations.filter(|operation| {
        let tags = operation["tags"].as_array().into_iter().flatten();
        tags.into_iter().any(|tag| ["sign-in", "operators", "admins"].iter().any(|one| tag == one))
    });
    let mut expected: BTreeSet<String> = of_access
        .filter_map(|operation| operation["operationId"].as_str().map(str::to_owned))
        .collect();
    // A file is for the one who reads it, and has no type.
    expected.remove("export_audit");
    assert_eq!(seen.operations, expected);
    Ok(())
}

#[tokio::test]
async fn what_is_shown_and_what_is_answered_is_in_no_debug_output() -> Result<()> {
    let (api, _) = serve().await?;
    let tokens = api.auth().password("anna", "password").await?;
    let secret = tokens.access_token.expose();
    let person = Person { password: Some("s3cret".to_owned()), ..Person::default() };
    let shown = format!("{tokens:?} {:?} {person:?}", api.showing(secret)?);
    assert!(!shown.contains(secret) && !shown.contains("s3cret"), "{shown}");
    assert!(api.showing("two\nlines").is_err());
    Ok(())
}
