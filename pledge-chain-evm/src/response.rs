//! A node's answer taken apart where it lies: nothing of it is copied.

use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::{ErrorPayload, Id};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A JSON value inside the answer that brought it.
#[derive(Debug, Clone)]
pub(crate) struct Json(Bytes);

impl Json {
    fn within(body: &Bytes, value: &RawValue) -> Self {
        Self(body.slice_ref(value.get().as_bytes()))
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.0)
    }

    pub(crate) fn is_null(&self) -> bool {
        *self.0 == b"null"[..]
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.0).expect("JSON is text")
    }
}

/// A node's answer to one call.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) id: Id,
    pub(crate) result: Result<Json, ErrorPayload>,
}

/// A node's answer to one request.
#[derive(Debug)]
pub(crate) enum Packet {
    Single(Response),
    Batch(Vec<Response>),
}

impl Packet {
    pub(crate) fn parse(body: &Bytes) -> serde_json::Result<Self> {
        if body.trim_ascii_start().first() == Some(&b'[') {
            let responses: Vec<WireResponse<'_>> = serde_json::from_slice(body)?;
            let responses = responses.into_iter().map(|response| response.within(body));
            responses.collect::<Result<_, _>>().map(Self::Batch)
        } else {
            let response: WireResponse<'_> = serde_json::from_slice(body)?;
            response.within(body).map(Self::Single)
        }
    }

    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Single(Response { result: Err(_), .. }))
    }
}

#[derive(Deserialize)]
struct WireResponse<'a> {
    #[serde(default = "no_id")]
    id: Id,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorPayload>,
}

const fn no_id() -> Id {
    Id::None
}

/// A result that is null is a result all the same.
fn present<'a, 'de: 'a, D: Deserializer<'de>>(value: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

impl WireResponse<'_> {
    fn within(self, body: &Bytes) -> serde_json::Result<Response> {
        let result = match (self.error, self.result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => Ok(Json::within(body, result)),
            (None, None) => {
                return Err(serde_json::Error::custom("neither a result nor an error"));
            }
        };
        Ok(Response { id: self.id, result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &'static str) -> serde_json::Result<Packet> {
        Packet::parse(&Bytes::from_static(body.as_bytes()))
    }

    fn single(body: &'static str) -> Response {
        match parse(body).unwrap() {
            Packet::Single(response) => response,
            Packet::Batch(_) => panic!("a batch"),
        }
    }

    #[test]
    fn a_result_is_a_part_of_the_body() {
        let body = Bytes::from_static(br#" {"jsonrpc":"2.0","id":3,"result":[1, 2]}"#);
        let Packet::Single(response) = Packet::parse(&body).unwrap() else { panic!("a batch") };
        let result = response.result.unwrap();
        assert_eq!((response.id, result.text()), (Id::Number(3), "[1, 2]"));
        assert!(body.as_ptr_range().contains(&result.0.as_ptr()));
        assert_eq!(result.parse::<Vec<u8>>().unwrap(), [1, 2]);
    }

    #[test]
    fn a_result_may_be_null_but_not_absent() {
        assert_eq!(single(r#"{"id":0,"result":null}"#).result.unwrap().text(), "null");
        assert!(parse(r#"{"id":0}"#).is_err());
    }

    #[test]
    fn an_error_next_to_a_result_counts_and_a_null_one_does_not() {
        let refused = r#"{"id":0,"result":null,"error":{"code":-32000,"message":"no"}}"#;
        assert_eq!(single(refused).result.unwrap_err().message, "no");
        assert_eq!(single(r#"{"id":0,"result":1,"error":null}"#).result.unwrap().text(), "1");
    }

    #[test]
    fn a_batch_keeps_its_order_and_its_ids() {
        let body = r#"[{"id":1,"result":"b"},{"error":{"code":1,"message":"no"}}]"#;
        let Packet::Batch(responses) = parse(body).unwrap() else { panic!("single") };
        let ids: Vec<&Id> = responses.iter().map(|response| &response.id).collect();
        assert_eq!(ids, [&Id::Number(1), &Id::None]);
    }

    #[test]
    fn what_was_cut_off_is_no_answer() {
        assert!(parse(r#"[{"id":1,"result":"b"},{"id"#).is_err());
        assert!(parse("<html>").is_err());
    }
}
