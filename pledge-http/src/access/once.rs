//! Does what a request asks for once, however often the request comes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pledge_core::primitives::B256;
use pledge_office::access::{Begun, KeptAnswer, RequestKey, Turn};
use serde::Serialize;

use super::AccessApi;
use super::actual::Actual;
use super::key::Key;
use crate::problem::{Message, Problem, internal};

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
enum Beginning {
    /// It is to be done.
    Turn(Turn),
    /// It was done.
    Answered(Response),
}

async fn begin(
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
            Ok(Beginning::Answered(json(status, answer.body().to_owned())))
        }
        Begun::Other => Err(Problem::new(Message::KeyReused {})),
        Begun::UnderWay => Err(Problem::new(Message::UnderWay {})),
    }
}

/// What an act gave. A turn with which nothing was done is given back.
async fn settled<T>(api: &AccessApi, turn: &Turn, done: Result<T, Problem>) -> Result<T, Problem> {
    if let Err(refused) = &done
        && refused.status().is_client_error()
        && let Err(error) = api.store.give_back(turn).await
    {
        tracing::warn!(%error, "the turn of a refused request is not given back: it ends in a minute");
    }
    done
}

/// Keeps an answer. The act is done, so its answer goes out whether it could be kept or not.
async fn keep(api: &AccessApi, turn: &Turn, body: &str) {
    let kept = match KeptAnswer::new(StatusCode::OK.as_u16(), body) {
        Ok(answer) => api.store.end_request(turn, &answer).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = kept {
        tracing::warn!(error, "the answer to a request is not kept: a repetition is done again");
    }
}

fn body_of(answer: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|error| internal(&error))
}

fn json(status: StatusCode, body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
