//! One request and its answer.

use std::time::Duration;

use pledge_core::types::TokenId;
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

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
    credential: Option<HeaderValue>,
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

    /// The answer of a path below the API.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
    ) -> Result<T, Error> {
        let url = self.url(path, query);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (problem, retry_after) = match self.attempt(url.clone()).await? {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Problem { problem, retry_after } => (problem, retry_after),
            };
            let Some(wait) = self.retries.wait(attempts, retry_after) else {
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

    async fn attempt<T: DeserializeOwned>(&self, url: Url) -> Result<Attempt<T>, Error> {
        let response = self.request(url).send().await.map_err(Error::Transport)?;
        read(response).await
    }

    /// A request with what every one of this client has.
    pub(crate) fn request(&self, url: Url) -> RequestBuilder {
        let mut request = self.http.get(url);
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
        let credential = credential.map(|credential| {
            let mut value = HeaderValue::from_str(&format!("Bearer {credential}"))
                .map_err(|_| Error::Credential)?;
            // So that no debug output has it.
            value.set_sensitive(true);
            Ok(value)
        });
        let credential = credential.transpose()?;
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

/// The seconds of a `Retry-After`, the only form that the API uses.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
