//! The credential of a request: `Authorization: Bearer …`, and no other place.
//!
//! Nothing is read from a cookie, which a browser would send along with a request of another site.

use axum::http::{HeaderMap, header};
use pledge_office::access::{ApiKeyText, Credential};

/// More than an access token or a key has.
const CHARS_MAX: usize = 4_096;

/// A request shows something that is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotBearer;

/// What a request shows; `None` if it shows nothing.
pub(crate) fn credential_of(headers: &HeaderMap) -> Result<Option<Credential>, NotBearer> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Two of them could be read as one by a proxy, and as the other one here.
    if values.next().is_some() {
        return Err(NotBearer);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(NotBearer)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let is_well_formed = (1..=CHARS_MAX).contains(&token.len()) && token.bytes().all(is_token);
    if !scheme.eq_ignore_ascii_case("bearer") || !is_well_formed {
        return Err(NotBearer);
    }
    let is_key = token.starts_with(ApiKeyText::MARK);
    let of = if is_key { Credential::ApiKey } else { Credential::AccessToken };
    Ok(Some(of(token.to_owned())))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(values: &[&str]) -> Result<Option<Credential>, NotBearer> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        credential_of(&headers)
    }

    #[test]
    fn a_key_is_known_by_its_beginning_and_everything_else_is_a_token() {
        let token = |text: &str| Ok(Some(Credential::AccessToken(text.to_owned())));
        assert_eq!(shown(&["Bearer a.b-c_d.e"]), token("a.b-c_d.e"));
        assert_eq!(shown(&["bearer a"]), token("a"));
        let key = "pledge_ab12_secret";
        assert_eq!(
            shown(&[&format!("Bearer {key}")]),
            Ok(Some(Credential::ApiKey(key.to_owned())))
        );
        assert_eq!(shown(&[]), Ok(None));
    }

    #[test]
    fn what_is_no_bearer_token_is_refused_and_not_left_out() {
        let long = format!("Bearer {}", "a".repeat(CHARS_MAX + 1));
        for wrong in ["Basic YTpi", "Bearer", "Bearer ", "Bearer  a", "Bearer a b", "a", &long] {
            assert_eq!(shown(&[wrong]), Err(NotBearer), "{wrong}");
        }
        assert_eq!(shown(&["Bearer a", "Bearer b"]), Err(NotBearer));
    }
}
