//! What a route may refuse, by kinds of problems.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::IntoResponses;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::examples;
use crate::problem::{Kind, MEDIA_TYPE};

/// What every route of the API may refuse, or a host for it.
const EVERY: [Kind; 11] = [
    Kind::InvalidParameter,
    Kind::IncompleteBody,
    Kind::BodyTooLarge,
    Kind::UriTooLong,
    Kind::TooManyRequests,
    Kind::Rewinding,
    Kind::Unavailable,
    Kind::Busy,
    Kind::TimedOut,
    Kind::Starting,
    Kind::Internal,
];

/// What a host may refuse of any path, also of one that is not of the API.
const HOST: [Kind; 4] =
    [Kind::IncompleteBody, Kind::BodyTooLarge, Kind::UriTooLong, Kind::TimedOut];

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident [$($kind:ident)*];)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    responses(&[&EVERY[..], &[$(Kind::$kind),*]].concat())
                }
            }
        )+
    };
}

refusals! {
    /// Of a route that names nothing.
    OfEvery [];
    /// Of a route about a chain.
    OfChain [UnknownChain];
    /// Of a route about a chain's tokens.
    OfTokens [UnknownChain];
    /// Of a route about a token and one of its programmes.
    OfProgramme [UnknownToken UnknownProgramme];
    /// Of a route about an account on a token.
    OfAccount [UnknownToken UnknownAccount NotStarted];
    /// Of a route about an account on a token and one of its programmes.
    OfAccountAndProgramme [UnknownToken UnknownAccount UnknownProgramme NotStarted];
    /// Of a route about the same at an instant.
    OfAccountAtInstant [UnknownToken UnknownAccount UnknownProgramme NotStarted TooLate TooEarly];
    /// Of a route about an account everywhere.
    OfPortfolio [UnknownAccount UnknownProgramme TooManyTokens];
    /// Of the list of settlements.
    OfSettlements [UnknownChain UnknownToken UnknownProgramme];
    /// Of a route about a settlement.
    OfSettlement [UnknownToken UnknownProgramme UnknownSettlement];
    /// Of a stream of events.
    OfStream [Unauthenticated Forbidden ForeignOrigin TooManyTopics UnknownToken UnknownAccount Stopping];
    /// Of a socket.
    OfSocket [Unauthenticated ForeignOrigin UpgradeRequired Stopping];
}

/// Of a route that needs nothing.
#[derive(Debug)]
pub(crate) struct OfHost;

impl IntoResponses for OfHost {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&HOST)
    }
}

/// Of the document of the API.
#[derive(Debug)]
pub(crate) struct OfDocument;

impl IntoResponses for OfDocument {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[&HOST[..], &[Kind::TooManyRequests, Kind::Starting]].concat())
    }
}

/// Of the readiness of an instance, whose answer with `strict` is also one of 503.
#[derive(Debug)]
pub(crate) struct OfReadiness;

impl IntoResponses for OfReadiness {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let kinds = [Kind::InvalidParameter, Kind::Unavailable, Kind::Starting, Kind::Stopping];
        let mut responses = responses(&[&HOST[..], &kinds].concat());
        if let Some(RefOr::T(unready)) = responses.get_mut("503") {
            let ready = ContentBuilder::new().schema(Some(Ref::from_schema_name("ReadyAnswer")));
            unready.content.insert("application/json".to_owned(), ready.into());
        }
        responses
    }
}

/// One response a status, with the `type` of each problem that it may be.
pub(super) fn responses(kinds: &[Kind]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<StatusCode, Vec<Kind>>::new();
    for kind in kinds {
        by_status.entry(kind.status()).or_default().push(*kind);
    }
    let response = |(status, kinds): (StatusCode, Vec<Kind>)| {
        (status.as_str().to_owned(), response(status, &kinds).into())
    };
    by_status.into_iter().map(response).collect()
}

fn response(status: StatusCode, kinds: &[Kind]) -> Response {
    let codes: Vec<_> = kinds.iter().map(|kind| format!("`{}`", kind.code())).collect();
    let words = |values: Vec<String>| {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values))
    };
    let uris = kinds.iter().map(|kind| kind.uri()).collect();
    let codes_alone = kinds.iter().map(|kind| kind.code().to_owned()).collect();
    let narrower =
        ObjectBuilder::new().property("type", words(uris)).property("code", words(codes_alone));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(narrower);
    let examples = kinds.iter().filter_map(|kind| {
        let example = ExampleBuilder::new().value(Some(examples::of_problem(*kind)?));
        Some((kind.code().to_owned(), RefOr::T(example.build())))
    });
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    // What a reader of the language needs, and of the time to ask again.
    let language = HeaderBuilder::new()
        .schema(Some(words(vec!["en".to_owned(), "zh-Hans".to_owned()])))
        .description(Some("The language of `title` and `detail`."));
    let mut response = ResponseBuilder::new()
        .description(codes.join(", "))
        .content(MEDIA_TYPE, content)
        .header("Content-Language", language.build());
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_u32)).build();
        let after = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("Seconds after which it may work."));
        response = response.header("Retry-After", after.build());
    }
    response.build()
}
