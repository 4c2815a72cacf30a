//! One request and its answer.

use std::time::Duration;

use pledge_core::types::TokenId;
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::access::{AdminRoutes, AuthRoutes, OperatorRoutes};
use crate::routes::TokenRoutes;
use crate::{Error, Problem, Retries};

/// No answer of the API is longer: a page has at most 1000 items.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// How long one request may take unless asked otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one API. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    api: Url,
    retries: Retries,
    language: Option<HeaderValue>,
    /// What lets it in. It is marked as sensitive, so that no output shows it.
    credential: Option<HeaderValue>,
}

/// The header by which a repeated request is known again.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// One request.
pub(crate) struct Asking<'a, B> {
    pub(crate) method: Method,
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'static str, String)],
    /// What it is called, if it is to be done once.
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Option<&'a B>,
}

/// A client that is being put together.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    api: String,
    timeout: Duration,
    retries: Retries,
    language: Option<String>,
    credential: Option<String>,
}

/// What one request brought.
enum Attempt<T> {
    Answer(T),
    Problem { problem: Problem, retry_after: Option<Duration> },
}

impl Client {
    /// A client of the API at an address, such as `https://pledge.example/api/v1`.
    pub fn new(api: impl Into<String>) -> Result<Self, Error> {
        Self::builder(api).build()
    }

    /// A client with bounds of its own.
    pub fn builder(api: impl Into<String>) -> ClientBuilder {
        let (timeout, retries) = (TIMEOUT, Retries::default());
        ClientBuilder { api: api.into(), timeout, retries, language: None, credential: None }
    }

    /// The routes about a token, by its programme `main`.
    pub const fn token(&self, token: TokenId) -> TokenRoutes<'_> {
        TokenRoutes::new(self, token)
    }

    /// The same client, with an access token or the key of a program. An error for a text that no header can
    /// have.
    pub fn showing(&self, credential: &str) -> Result<Self, Error> {
        Ok(Self { credential: Some(bearer(credential)?), ..self.clone() })
    }

    /// The routes of sign-in, and about the caller.
    pub const fn auth(&self) -> AuthRoutes<'_> {
        AuthRoutes::new(self)
    }

    /// What operators do.
    pub const fn operator(&self) -> OperatorRoutes<'_> {
        OperatorRoutes::new(self)
    }

    /// What admins do.
    pub const fn admin(&self) -> AdminRoutes<'_> {
        AdminRoutes::new(self)
    }

    /// The answer of a path below the API.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
    ) -> Result<T, Error> {
        self.ask(Asking::<()> { method: Method::GET, path, query, key: None, body: None }).await
    }

    /// The answer to a request. One that reads, or has a key, is sent again where it may work later: it is done
    /// once.
    pub(crate) async fn ask<T: DeserializeOwned, B: Serialize>(
        &self,
        asking: Asking<'_, B>,
    ) -> Result<T, Error> {
        let url = self.url(asking.path, asking.query);
        let is_once = asking.method == Method::GET || asking.key.is_some();
        // What may have been done is not sent again without a name by which it is known again.
        let retries = if is_once { self.retries } else { Retries::NONE };
        let body = asking.body.map(serde_json::to_vec).transpose().map_err(Error::Body)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut request = self.request(asking.method.clone(), url.clone());
            if let Some(key) = asking.key {
                request = request.header(IDEMPOTENCY_KEY, key);
            }
            if let Some(body) = &body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            let (problem, retry_after) = match self.attempt(request).await? {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Problem { problem, retry_after } => (problem, retry_after),
            };
            let Some(wait) = retries.wait(attempts, retry_after) else {
                return Err(Error::Problem(Box::new(problem)));
            };
            tokio::time::sleep(wait).await;
        }
    }

    pub(crate) fn url(&self, path: &[&str], query: &[(&'static str, String)]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<Attempt<T>, Error> {
        read(request.send().await.map_err(Error::Transport)?).await
    }

    /// A request with what every one of this client has.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let mut request = self.http.request(method, url);
        if let Some(language) = &self.language {
            request = request.header(ACCEPT_LANGUAGE, language.clone());
        }
        if let Some(credential) = &self.credential {
            request = request.header(AUTHORIZATION, credential.clone());
        }
        request
    }
}

/// What a response brought.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<Attempt<T>, Error> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::Transport)? {
        if text.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::TooLong(ANSWER_BYTES_MAX));
        }
        text.extend_from_slice(&chunk);
    }
    let foreign = |cause| Error::Foreign { status: status.as_u16(), cause };
    if status.is_success() {
        return serde_json::from_slice(&text).map(Attempt::Answer).map_err(foreign);
    }
    let problem = serde_json::from_slice(&text).map_err(foreign)?;
    // Every other status is for the caller to decide about.
    let passes = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    let retry_after = retry_after.filter(|_| passes.contains(&status));
    Ok(Attempt::Problem { problem, retry_after })
}

/// The error of a response that is none of success.
pub(crate) async fn refusal(response: Response) -> Error {
    match read::<serde_json::Value>(response).await {
        Ok(Attempt::Problem { problem, .. }) => Error::Problem(Box::new(problem)),
        Ok(Attempt::Answer(_)) => unreachable!("it is none of success"),
        Err(error) => error,
    }
}

impl ClientBuilder {
    /// How long one request may take; 30 seconds by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How often an answer that may work later is asked for again.
    #[must_use]
    pub fn retries(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }

    /// The language of problems, such as `zh-CN`; the server's default without it.
    #[must_use]
    pub fn language(self, language: impl Into<String>) -> Self {
        Self { language: Some(language.into()), ..self }
    }

    /// What every request shows: an access token, or the key of a program.
    #[must_use]
    pub fn credential(self, credential: impl Into<String>) -> Self {
        Self { credential: Some(credential.into()), ..self }
    }

    /// The client; an error if the address is none of `http` or `https`, or the language or the credential is
    /// no value of a header.
    pub fn build(self) -> Result<Client, Error> {
        let Self { api, timeout, retries, language, credential } = self;
        let is_http = |url: &Url| ["http", "https"].contains(&url.scheme());
        let api = Url::parse(&api).ok().filter(is_http).ok_or(Error::Address(api))?;
        let language = language.map(|language| {
            HeaderValue::from_str(&language).map_err(|_| Error::Language(language))
        });
        let credential = credential.as_deref().map(bearer).transpose()?;
        // The API leads nowhere else, so what does is not it.
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("pledge-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Transport)?;
        Ok(Client { http, api, retries, language: language.transpose()?, credential })
    }
}

/// The header that shows a credential.
fn bearer(credential: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(&format!("Bearer {credential}"));
    let mut value = value.map_err(|_| Error::Credential)?;
    // So that no debug output has it.
    value.set_sensitive(true);
    Ok(value)
}

/// The seconds of a `Retry-After`, the only form that the API uses.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
