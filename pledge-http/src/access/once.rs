//! Does what a request asks for once, however often the request comes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pledge_core::primitives::B256;
use pledge_office::access::{Begun, KeptAnswer, RequestKey, Turn};
use serde::Serialize;

use super::AccessApi;
use super::actual::Actual;
use super::key::Key;
use crate::language::Language;
use crate::problem::{MEDIA_TYPE, Message, Problem, internal};

/// What a write answers now, and what its repetition is answered.
pub(crate) struct Made<T> {
    /// The answer.
    pub(crate) shown: T,
    /// The same without what is shown once: an answer is kept as it is.
    pub(crate) kept: T,
}

/// Does an act unless it was done, and answers it.
///
/// A refused act has written nothing: its key may be used again once the cause is gone. After an error that
/// leaves open what was written, the key stays taken for a minute; then the act is done again, which finds
/// what the first one left.
pub(crate) async fn once<T: Serialize>(
    api: &AccessApi,
    actual: &Actual,
    (Key(key), digest): (Key, B256),
    act: impl Future<Output = Result<T, Problem>> + Send,
) -> Result<Response, Problem> {
    let turn = match begin(api, actual, (Key(key), digest)).await? {
        Beginning::Turn(turn) => turn,
        Beginning::Answered(answer) => return Ok(answer),
    };
    let answer = body_of(&settled(api, &turn, act.await).await?)?;
    keep(api, &turn, &answer).await;
    Ok(json(StatusCode::OK, answer))
}

/// As [`once`], for an answer with something that is shown once.
pub(crate) async fn once_shown<T: Serialize>(
    api: &AccessApi,
    actual: &Actual,
    named: (Key, B256),
    act: impl Future<Output = Result<Made<T>, Problem>> + Send,
) -> Result<Response, Problem> {
    let turn = match begin(api, actual, named).await? {
        Beginning::Turn(turn) => turn,
        Beginning::Answered(answer) => return Ok(answer),
    };
    let Made { shown, kept } = settled(api, &turn, act.await).await?;
    keep(api, &turn, &body_of(&kept)?).await;
    Ok(json(StatusCode::OK, body_of(&shown)?))
}

/// How a request begins here.
pub(super) enum Beginning {
    /// It is to be done.
    Turn(Turn),
    /// It was done.
    Answered(Response),
}

pub(super) async fn begin(
    api: &AccessApi,
    actual: &Actual,
    (Key(key), digest): (Key, B256),
) -> Result<Beginning, Problem> {
    actual.check_again().await?;
    let request = RequestKey { principal: actual.principal()?, key };
    match api.store.begin_request(&request, digest).await? {
        Begun::New(turn) => Ok(Beginning::Turn(turn)),
        Begun::Done(answer) => {
            let status = StatusCode::from_u16(answer.status).map_err(|error| internal(&error))?;
            Ok(Beginning::Answered(again(status, answer.body().to_owned())))
        }
        Begun::Other => Err(Problem::new(Message::KeyReused {})),
        Begun::UnderWay => Err(Problem::new(Message::UnderWay {})),
    }
}

/// What an act gave. A turn with which nothing was done is given back.
async fn settled<T>(api: &AccessApi, turn: &Turn, done: Result<T, Problem>) -> Result<T, Problem> {
    if done.as_ref().is_err_and(|refused| refused.status().is_client_error()) {
        give_back(api, turn).await;
    }
    done
}

/// Gives a turn back with which nothing was done, so that its key is free again.
pub(super) async fn give_back(api: &AccessApi, turn: &Turn) {
    if let Err(error) = api.store.give_back(turn).await {
        tracing::warn!(%error, "the turn of a refused request is not given back: it ends in a minute");
    }
}

/// Keeps an answer. The act is done, so its answer goes out whether it could be kept or not.
pub(super) async fn keep(api: &AccessApi, turn: &Turn, body: &str) {
    keep_with(api, turn, (StatusCode::OK, body)).await;
}

/// Keeps why an act was refused whose request is over, in the default language.
pub(super) async fn keep_refusal(api: &AccessApi, turn: &Turn, refused: &Problem) {
    let document = refused.document(Language::default());
    let body = serde_json::to_string(&document).expect("a problem document is plain data");
    keep_with(api, turn, (refused.status(), &body)).await;
}

async fn keep_with(api: &AccessApi, turn: &Turn, (status, body): (StatusCode, &str)) {
    let kept = match KeptAnswer::new(status.as_u16(), body) {
        Ok(answer) => api.store.end_request(turn, &answer).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = kept {
        tracing::warn!(error, "the answer to a request is not kept: a repetition is done again");
    }
}

pub(super) fn body_of(answer: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|error| internal(&error))
}

/// A kept answer, with the headers of its kind.
fn again(status: StatusCode, body: String) -> Response {
    let mut response = json(status, body);
    if !status.is_success() {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let language = HeaderValue::from_static(Language::default().tag());
        headers.insert(header::CONTENT_LANGUAGE, language);
    }
    response
}

pub(super) fn json(status: StatusCode, body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
