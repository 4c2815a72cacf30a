//! Entity tags: what an answer depends on, in a few bytes.
//!
//! A leaderboard, changes and points are functions of the token's state, its programmes and the request,
//! so their tag is a digest of these and is known before the ledger is read: `If-None-Match` with it is
//! answered without that read. Every other answer that repeats itself is tagged by a digest of its own
//! text: pending blocks may be read again with other logs, and which statements were taken back is
//! history, which another database with the same state may not have. What contains the age of a block
//! changes by the clock, has no tag and is not stored.
//!
//! Tags are weak: a layer that compresses leaves the meaning of an answer, and not its bytes.

use axum::RequestExt;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pledge_core::ledger::TokenState;
use pledge_core::ports::ProgrammeState;
use pledge_core::primitives::{hex, keccak256};
use pledge_core::query::{Queries, QueryError};
use pledge_core::types::{ChainId, TokenId};
use serde::Serialize;

use super::Api;

/// The form of answers, in every tag: another release may show the same facts otherwise.
const FORM: &str = env!("CARGO_PKG_VERSION");
/// The bytes of a digest that a tag shows: two of 2^64 answers share one by chance.
const TAG_BYTES: usize = 16;

/// What decides whether an answer may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It contains an age, by the clock.
    Passing,
    /// It is a function of a token's facts.
    OfToken,
    /// Only its text shows whether it is the same.
    OfText,
}

impl Freshness {
    /// The one of the answers of a route.
    pub(crate) fn of(route: &str) -> Self {
        let parts: Vec<&str> = route.rsplit('/').collect();
        match parts.as_slice() {
            ["chains", ..] | ["{chain_id}", "chains", ..] => Self::Passing,
            ["accounts" | "changes" | "points", ..] if parts.contains(&"{token}") => Self::OfToken,
            _ => Self::OfText,
        }
    }
}

/// What an answer about a token is a function of, together with the request.
#[derive(Debug, Serialize)]
struct Facts {
    form: &'static str,
    /// With its epoch and its cursor.
    token: TokenState,
    /// With their rules and how far each shard is settled.
    programmes: Vec<ProgrammeState>,
}

impl Facts {
    async fn read(queries: &Queries, token: TokenId) -> Result<Self, QueryError> {
        let state = queries.token(token).await?;
        let programmes = queries.points().programmes(token).await?;
        Ok(Self { form: FORM, token: state, programmes })
    }
}

/// A weak entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag(HeaderValue);

impl Tag {
    /// A digest of parts, with their lengths between them.
    fn of(parts: [&[u8]; 2]) -> Self {
        let lengths = parts.iter().map(|part| (part.len() as u64).to_be_bytes());
        let text: Vec<u8> = lengths.flatten().chain(parts.concat()).collect();
        let digest = hex::encode(&keccak256(text)[..TAG_BYTES]);
        Self(HeaderValue::try_from(format!("W/\"{digest}\"")).expect("hexadecimal digits"))
    }

    /// Whether a reader names it, by weak comparison.
    fn is_named_in(&self, headers: &HeaderMap) -> bool {
        let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
        let own = self.0.to_str().map(opaque).unwrap_or_default();
        known(headers).any(|tag| opaque(tag) == own)
    }

    /// The answer with the tag, or without its text if the reader has it or any. To be asked once it is
    /// sure that there is an answer.
    fn put_on(&self, mut response: Response, known_tags: &HeaderMap) -> Response {
        if self.is_named_in(known_tags) || known(known_tags).any(|tag| tag == "*") {
            return self.not_modified();
        }
        response.headers_mut().insert(header::ETAG, self.0.clone());
        with_directive(response, "no-cache")
    }

    /// The answer to a reader who has it.
    fn not_modified(&self) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().insert(header::ETAG, self.0.clone());
        with_directive(response, "no-cache")
    }
}

/// The tags that a reader names.
fn known(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(header::IF_NONE_MATCH).into_iter();
    lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

/// Gives an answer its tag, or answers that the reader has it.
///
/// The facts are read before the answer and after it: only if they are the same did the answer see them,
/// and then no other answer has the tag. If they are not, the answer goes without one.
pub(crate) async fn tagged(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let freshness = route.map_or(Freshness::OfText, |route| Freshness::of(&route));
    let token = token_of(&mut request).await;
    let asked = request.uri().to_string();
    let (is_get, headers) = (request.method() == Method::GET, request.headers().clone());
    let facts = async || match (freshness, token) {
        (Freshness::OfToken, Some(token)) => tag_of(&api, &asked, token).await,
        _ => None,
    };
    let before = facts().await;
    if let Some(tag) = before.as_ref().filter(|tag| tag.is_named_in(&headers)) {
        return tag.not_modified();
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    match freshness {
        Freshness::Passing => with_directive(response, "no-store"),
        // A HEAD has no text to digest.
        Freshness::OfText if is_get => by_text(response, &asked, &headers).await,
        Freshness::OfText => with_directive(response, "no-cache"),
        Freshness::OfToken => match before {
            Some(tag) if facts().await.as_ref() == Some(&tag) => tag.put_on(response, &headers),
            _ => with_directive(response, "no-cache"),
        },
    }
}

/// The token that a path names.
async fn token_of(request: &mut Request) -> Option<TokenId> {
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    let named =
        |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let chain = ChainId::new(named("chain_id")?.parse().ok()?);
    Some(TokenId { chain, address: named("token")?.parse().ok()? })
}

/// The tag of an answer about a token; `None` while its facts cannot be read, or there are none.
async fn tag_of(api: &Api, asked: &str, token: TokenId) -> Option<Tag> {
    let facts = Facts::read(&api.queries, token).await.ok()?;
    let text = serde_json::to_vec(&facts).expect("facts are plain data");
    Some(Tag::of([asked.as_bytes(), &text]))
}

/// An answer tagged by its text.
async fn by_text(response: Response, asked: &str, known_tags: &HeaderMap) -> Response {
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, usize::MAX).await.expect("the text of an answer is in memory");
    let tag = Tag::of([asked.as_bytes(), &text]);
    tag.put_on(Response::from_parts(parts, Body::from(text)), known_tags)
}

fn with_directive(mut response: Response, directive: &'static str) -> Response {
    let directive = HeaderValue::from_static(directive);
    response.headers_mut().insert(header::CACHE_CONTROL, directive);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_any_list_and_by_no_other_text() {
        let tag = Tag::of([b"/chains", b"[]"]);
        let own = tag.0.to_str().unwrap().to_owned();
        let strong = own.trim_start_matches("W/").to_owned();
        let cases = [
            (own.clone(), true),
            (strong, true),
            (format!("\"other\", {own}"), true),
            ("\"other\"".to_owned(), false),
            (String::new(), false),
        ];
        for (list, is_known) in cases {
            let headers = [(header::IF_NONE_MATCH, HeaderValue::try_from(&list).unwrap())];
            let headers: HeaderMap = headers.into_iter().collect();
            assert_eq!(tag.is_named_in(&headers), is_known, "{list}");
        }
    }

    #[test]
    fn parts_that_only_together_are_equal_have_different_tags() {
        assert_ne!(Tag::of([b"ab", b"c"]), Tag::of([b"a", b"bc"]));
    }

    #[test]
    fn only_what_contains_an_age_passes() {
        let token = "/app/chains/{chain_id}/tokens/{token}";
        let cases = [
            ("/api/v1/chains".to_owned(), Freshness::Passing),
            ("/api/v1/chains/{chain_id}".to_owned(), Freshness::Passing),
            ("/chains/{chain_id}/tokens".to_owned(), Freshness::OfText),
            (token.to_owned(), Freshness::OfText),
            (format!("{token}/accounts"), Freshness::OfToken),
            (format!("{token}/accounts/{{account}}"), Freshness::OfText),
            (format!("{token}/accounts/{{account}}/changes"), Freshness::OfToken),
            (format!("{token}/accounts/{{account}}/points"), Freshness::OfToken),
            (format!("{token}/accounts/{{account}}/statements"), Freshness::OfText),
            ("/accounts/{account}".to_owned(), Freshness::OfText),
            ("/settlements/{id}".to_owned(), Freshness::OfText),
        ];
        for (route, expected) in cases {
            assert_eq!(Freshness::of(&route), expected, "{route}");
        }
    }
}
