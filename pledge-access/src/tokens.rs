//! Access tokens as JWT.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pledge_core::primitives::hex;
use pledge_core::types::Timestamp;
use pledge_office::access::{AccessClaims, AccessTokens, BadToken, Keys};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The type of the header (RFC 9068): no token of another purpose has it.
const TYPE: &str = "at+jwt";
/// Who a token is for: the API of this version.
const AUDIENCE: &str = "pledge/v1";
/// A token of this server has about 400 bytes.
const BYTES_MAX: usize = 1_024;

/// Access tokens as JWT with HMAC-SHA256 (RFC 7519, RFC 8725).
///
/// The header of a token is compared as text with those that this server writes, one for each key. So neither
/// the algorithm nor anything else in it is for the sender to choose. The claims are those of this server, each
/// once, of its own type, and no other one.
pub struct JwtTokens {
    issuer: String,
    /// The one that signs first.
    keys: Vec<Key>,
    validation: Validation,
}

/// A key, and the header by which its tokens are known.
struct Key {
    header: Header,
    /// The first part of every token that it signs.
    head: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// The claims as a token has them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: u64,
    exp: u64,
    jti: String,
}

impl JwtTokens {
    /// With the keys of [`Purpose::AccessToken`](pledge_office::access::Purpose::AccessToken), for a server with
    /// this name, such as its domain.
    pub fn new(keys: &Keys, issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Times are judged by the clock that the caller names: `AccessClaims::check`.
        validation.validate_exp = false;
        let keys = keys.all().map(Key::new).collect();
        Self { issuer: issuer.to_owned(), keys, validation }
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtTokens({} keys)", self.keys.len())
    }
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        // It names the key and shows nothing of it.
        let id = Sha256::new().chain_update(b"pledge/1/key-id").chain_update(key).finalize();
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(hex::encode(&id[..8]));
        let signs = EncodingKey::from_secret(key).expect("32 bytes are a key");
        let verifies = DecodingKey::from_secret(key).expect("32 bytes are a key");
        let empty = jsonwebtoken::encode(&header, &(), &signs).expect("HMAC signs anything");
        let head = empty.split('.').next().unwrap_or_default().to_owned();
        Self { header, head, signs, verifies }
    }
}

impl AccessTokens for JwtTokens {
    fn sign(&self, claims: &AccessClaims) -> String {
        let AccessClaims { user, session, issued_at, expires_at, id } = claims;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            iat: issued_at.get(),
            exp: expires_at.get(),
            jti: hex::encode(id),
        };
        let Key { header, signs, .. } = &self.keys[0];
        jsonwebtoken::encode(header, &claims, signs).expect("HMAC signs anything")
    }

    fn read(&self, token: &str, now: Timestamp) -> Result<AccessClaims, BadToken> {
        if token.len() > BYTES_MAX {
            return Err(BadToken::Foreign);
        }
        let (head, _) = token.split_once('.').ok_or(BadToken::Foreign)?;
        let key = self.keys.iter().find(|key| key.head == head).ok_or(BadToken::Foreign)?;
        let read = jsonwebtoken::decode::<Claims>(token, &key.verifies, &self.validation);
        let claims = read.ok().and_then(|read| access_claims(&read.claims));
        let claims = claims.ok_or(BadToken::Foreign)?;
        claims.check(now).map(|()| claims)
    }
}

fn access_claims(claims: &Claims) -> Option<AccessClaims> {
    let Claims { iss: _, aud: _, sub, sid, iat, exp, jti } = claims;
    let id = hex::decode_to_array(jti).ok().filter(|id| hex::encode(id) == *jti)?;
    Some(AccessClaims {
        user: sub.parse().ok()?,
        session: sid.parse().ok()?,
        issued_at: Timestamp::new(*iat).ok()?,
        expires_at: Timestamp::new(*exp).ok()?,
        id,
    })
}
