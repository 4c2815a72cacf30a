//! The API as an OpenAPI 3.1 document, made from the handlers themselves.

mod examples;
#[cfg(feature = "docs")]
mod page;
#[cfg_attr(not(feature = "live"), allow(dead_code, reason = "some are of live routes alone"))]
mod refused;
#[cfg(feature = "access")]
mod security;
#[cfg(feature = "access")]
mod writes;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::IntoResponse;
use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use refused::{
    OfAccount, OfAccountAndProgramme, OfAccountAtInstant, OfChain, OfDocument, OfEvery, OfHost,
    OfPortfolio, OfProgramme, OfReadiness, OfSettlement, OfSettlements, OfTokens,
};
#[cfg(feature = "live")]
pub(crate) use refused::{OfSocket, OfStream};

#[cfg(feature = "access")]
pub(crate) use writes::*;

use crate::problem::Document;
use crate::tag::Freshness;

/// What the document states of the whole.
const ABOUT: &str = "\
An exact ledger of ERC-20 balances on EVM chains, and exact time-weighted points.

Amounts, integrals and raw points are decimal texts, exact to the last digit; times are unix seconds; \
addresses have their EIP-55 checksum. A list is read in pages: pass the `next_cursor` of a page on as \
`cursor`. An answer made of several reads shows one state. Errors are RFC 9457 problem documents, worded in \
English or Chinese by `Accept-Language`; `type` and `code` never change. What may work later is 503 with \
`Retry-After`.";

/// The groups of operations.
const TAGS: [(&str, &str); 9] = [
    ("chains", "Chains and tokens, and how far they are"),
    ("accounts", "Balances, and the points that they earned"),
    ("points", "What was settled, and when"),
    ("live", "What happens, to readers that stay"),
    ("sign-in", "How callers sign in, stay so and leave"),
    ("operators", "What operators do: each act with a reason, once"),
    ("admins", "Users, roles, keys of programs, and who did what"),
    ("probes", "Whether the process is well"),
    ("document", "This document"),
];

/// The document of [`router`](crate::router), with paths as that has them. A host that mounts the routes
/// nests it: `OpenApi::default().nest("/points", pledge_http::openapi())`.
pub fn openapi() -> OpenApi {
    finished(api_routes(crate::routes()))
}

/// The document of [`service`](crate::service).
pub fn openapi_of_service() -> OpenApi {
    finished(below_api(api_routes(crate::routes())))
}

/// The routes below [`API`](crate::API), with those that are next to it.
fn below_api(routes: OpenApi) -> OpenApi {
    let mut whole = OpenApi::default().nest(crate::API, routes);
    whole.merge(crate::probe_routes().into_openapi());
    whole.merge(described_routes().into_openapi());
    whole
}

/// The document of routes of which each has its rule around it, as [`guarded`](crate::access::guarded) has them.
#[cfg(feature = "access")]
pub(crate) fn of_guarded<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApi {
    security::stated(finished(api_routes(routes)))
}

/// The document of the whole, with such routes below [`API`](crate::API).
#[cfg(feature = "access")]
pub(crate) fn of_guarded_service<S: Clone + Send + Sync + 'static>(
    routes: OpenApiRouter<S>,
) -> OpenApi {
    security::stated(finished(below_api(api_routes(routes))))
}

/// What the document states of routes below the path of the API, with those that are live.
fn api_routes<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApi {
    let routes = routes.into_openapi();
    #[cfg(feature = "live")]
    let routes = {
        let mut routes = routes;
        routes.merge(crate::live::documented().into_openapi());
        routes
    };
    routes
}

/// `/openapi.json`, which answers a document, to be merged into the routes of a host; with the feature
/// `docs` also `/docs`, a page that shows it.
pub fn document(openapi: &OpenApi) -> Router {
    let text = openapi.to_pretty_json().expect("a document is plain data");
    let (routes, _) = described_routes().split_for_parts();
    #[cfg(feature = "docs")]
    let routes = routes.merge(page::routes());
    routes.with_state(Bytes::from(text))
}

fn described_routes() -> OpenApiRouter<Bytes> {
    OpenApiRouter::new().routes(routes!(described))
}

/// This document, in JSON
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "document",
    responses(
        (status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value),
        OfDocument,
    ),
)]
async fn described(State(text): State<Bytes>) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, text)
}

/// The document of some routes with all that no handler states.
fn finished(mut openapi: OpenApi) -> OpenApi {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").build();
    openapi.info = InfoBuilder::new()
        .title("pledge")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let tag =
        |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    let is_used = |tag: &str| operations(&openapi).any(|operation| is_of(operation, tag));
    openapi.tags = Some(TAGS.into_iter().filter(|(name, _)| is_used(name)).map(tag).collect());
    finish_schemas(openapi.components.get_or_insert_with(Components::new));
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations_of(item) {
            finish(operation, &method, path);
        }
    }
    openapi
}

/// Every operation of a path, by its method.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, post, put, patch, .. } = item;
    let all =
        [(Method::GET, get), (Method::POST, post), (Method::PUT, put), (Method::PATCH, patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Every operation of a document.
fn operations(openapi: &OpenApi) -> impl Iterator<Item = &Operation> {
    let items = openapi.paths.paths.values();
    items.flat_map(|item| [&item.get, &item.post, &item.put, &item.patch]).flatten()
}

/// Adds the schema of problems, which no handler returns, and states that every field of an answer is
/// present: what is unknown is null. What a request may leave out stays so; their schemas are called so.
fn finish_schemas(components: &mut Components) {
    let pages = components.schemas.iter_mut().filter_map(|(name, schema)| match schema {
        RefOr::T(page) => name.strip_prefix("Page_").zip(Some(page)),
        RefOr::Ref(_) => None,
    });
    let items: Vec<_> = pages.filter_map(|(item, page)| refer_to_items(page, item)).collect();
    for (name, item) in items {
        components.schemas.entry(name).or_insert(item);
    }
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(schema) = schema
            && !name.ends_with("Request")
        {
            require_all(schema);
        }
    }
    let mut used = vec![(Document::name().into_owned(), Document::schema())];
    Document::schemas(&mut used);
    components.schemas.extend(used);
}

fn require_all(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => object.required = object.properties.keys().cloned().collect(),
        Schema::AllOf(all) => {
            for item in &mut all.items {
                if let RefOr::T(item) = item {
                    require_all(item);
                }
            }
        }
        // Any other is of one value.
        _ => {}
    }
}

/// Lets a page refer to the schema of its items, of which the derive makes a copy. Returns the copy by
/// its name.
fn refer_to_items(page: &mut Schema, item: &str) -> Option<(String, RefOr<Schema>)> {
    let Schema::Object(page) = page else {
        return None;
    };
    let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items") else {
        return None;
    };
    let reference = Box::new(Ref::from_schema_name(item).into());
    match std::mem::replace(&mut items.items, ArrayItems::RefOrSchema(reference)) {
        ArrayItems::RefOrSchema(copy) => Some((item.to_owned(), *copy)),
        ArrayItems::False => None,
    }
}

fn is_of(operation: &Operation, tag: &str) -> bool {
    operation.tags.iter().flatten().any(|one| one == tag)
}

/// Adds what is the same for every operation: an example of its answer, who may use it, and how its
/// answer is used again.
fn finish(operation: &mut Operation, method: &Method, path: &str) {
    let public = ExtensionsBuilder::new().add("x-role", json!("public")).build();
    operation.extensions.get_or_insert_default().merge(public);
    let example = operation.operation_id.as_deref().and_then(examples::of_answer);
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        if answer.description.is_empty() {
            "The answer.".clone_into(&mut answer.description);
        }
        if let Some(RefOr::T(content)) = answer.content.get_mut("application/json") {
            content.example = example;
        }
    }
    let untagged = ["probes", "document", "live", "sign-in", "operators", "admins"];
    let is_untagged = method != Method::GET || untagged.iter().any(|tag| is_of(operation, tag));
    if !is_untagged && Freshness::of(path) != Freshness::Passing {
        state_tags(operation);
    }
}

/// States that the answers of an operation have tags, and that a reader may name one.
fn state_tags(operation: &mut Operation) {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let etag = HeaderBuilder::new()
        .schema(Some(text().build()))
        .description(Some("Differs from that of every other answer of the path."));
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        answer.headers.insert("ETag".to_owned(), etag.build().into());
    }
    let unchanged =
        ResponseBuilder::new().description("The answer is still that of the given `ETag`.");
    operation.responses.responses.insert("304".to_owned(), unchanged.build().into());
    let known = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of an answer that is known."))
        .schema(Some(text().examples(["W/\"00\""]).build()));
    operation.parameters.get_or_insert_default().push(known.build().into());
}
